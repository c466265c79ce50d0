"""The one comment on a pull request: created once, then edited in place, and never by an older run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.json_fields import is_repository, is_sha
from energygate.forge.github.retry import MAX_WAIT_S
from energygate.forge.github.token_owner import Identity
from energygate.report.safe_markdown import MAX_COMMENT, utf16_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.json_fields import Fields

MAX_ROUNDS = 6
"""How often to check whether other runs have changed the comment meanwhile."""

PAUSE_S = 1.0
"""Before the next check; GitHub asks for a second between writes."""

_KEY = re.compile(r"[A-Za-z0-9._/-]{1,100}")
_MARKER = re.compile(
    r"<!-- energygate:v1 key=(?P<key>[A-Za-z0-9._/-]{1,100}) run=(?P<run>\d{1,19}) attempt=(?P<attempt>\d{1,9})"
    r" sha=(?P<sha>[0-9a-f]{40,64}) -->",
    re.ASCII,
)
KEY_RULE = "up to 100 letters, digits and ._/- without spaces"
_GONE = frozenset({404, 410})


@dataclass(frozen=True, kw_only=True)
class Marker:
    """The invisible beginning of a comment: which one it is, and which run wrote it.

    Attributes:
        key: Distinguishes several comments on one pull request, such as those of two policies.
        run_id: The run that measured; later runs of a repository have greater ones.
        attempt: Which attempt of it.
        sha: The commit that was measured.

    Raises:
        UsageError: When the key has characters that an HTML comment must not contain.
    """

    key: str
    run_id: int
    attempt: int
    sha: str

    def __post_init__(self) -> None:
        if not is_key(self.key):
            raise UsageError(f"a comment's key is {KEY_RULE}")
        if not is_sha(self.sha):
            raise UsageError("a comment needs the full hash of the commit it is about")

    def __str__(self) -> str:
        return f"<!-- energygate:v1 key={self.key} run={self.run_id} attempt={self.attempt} sha={self.sha} -->"

    @property
    def order(self) -> tuple[int, int]:
        """The position among runs: greater for a later one. A commit's date would not do: it can be anything."""
        return self.run_id, self.attempt

    @classmethod
    def of(cls, body: str) -> Marker | None:
        """Read the marker a comment begins with; `None` when it begins with anything else."""
        match = _MARKER.match(body)
        if match is None or not is_sha(match["sha"]):
            return None
        return cls(key=match["key"], run_id=int(match["run"]), attempt=int(match["attempt"]), sha=match["sha"])


def is_key(text: str) -> bool:
    """Return whether this can be a comment's key."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A pull request to comment on: its repository as `owner/name`, and its number."""

    repository: str
    number: int

    def __post_init__(self) -> None:
        if not is_repository(self.repository):
            raise UsageError("the repository to comment in is not owner/name")

    @property
    def comments(self) -> str:
        """The path of its comments: those not on a line, which GitHub keeps with issues."""
        return f"/repos/{self.repository}/issues/{self.number}/comments"

    def comment(self, number: int) -> str:
        """Return the path of one comment."""
        return f"/repos/{self.repository}/issues/comments/{number}"


class PostOutcome(Enum):
    """What happened to a comment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded by a later run"


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What happened to a comment, and the address of its page."""

    outcome: PostOutcome
    url: str


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment that begins with a marker."""

    id: int
    url: str
    body: str
    marker: Marker
    author: Identity | None


@dataclass(frozen=True, kw_only=True)
class Step:
    """What remains to be done about our own comments.

    Attributes:
        kept: The one that stays: the oldest, which people may have answered or linked.
        edit: Whether this run must edit it.
        delete: Those to delete, oldest first.
        superseded: Whether a later run has already written.
    """

    kept: Comment
    edit: bool
    delete: tuple[Comment, ...]
    superseded: bool


def room_for_text(marker: Marker) -> int:
    """Return how many UTF-16 units a comment's text may have after its marker."""
    return MAX_COMMENT - len(_body(marker, ""))


def next_step(own: Sequence[Comment], *, marker: Marker, body: str, written: bool) -> Step:
    """Choose what a run does about our own comments; every run follows the same rule.

    A run writes only its own text, and deletes only what is not from a later run. So whatever others do at
    the same time, no later text is lost.

    Args:
        own: All comments by this author with the marker's key; at least one.
        marker: This run's.
        body: What the comment should be, including the marker.
        written: Whether this run has already written it. Then only another run's marker is a reason to write again;
            a text that GitHub or another job of this run has changed is not.
    """
    kept, *later = sorted(own, key=lambda one: one.id)
    superseded = max(one.marker.order for one in own) > marker.order
    differs = kept.marker != marker or not (written or _same(kept.body, body))
    return Step(
        kept=kept,
        edit=differs and not superseded,
        delete=tuple(one for one in later if one.marker.order <= marker.order),
        superseded=superseded,
    )


def post_sticky(client: GitHubClient, *, thread: Thread, author: Identity, marker: Marker, text: str) -> Posted:
    """Write this text into the pull request's comment with the marker's key.

    Only comments that begin with the marker *and* are by the author are ever touched. All runs follow `next_step`
    and check again after each change, so concurrent ones end with one comment. GitHub has no "edit if unchanged":
    an older run that read before a later one began, and writes after it has ended, would still win; but nothing
    happens between its reading and its writing.

    Args:
        client: The API.
        thread: The pull request.
        author: The owner of the client's token.
        marker: Which comment, and which run this is.
        text: Markdown, up to `room_for_text` UTF-16 units.

    Raises:
        UsageError: When the text is too long.
        GitHubError: When GitHub refuses, or other runs keep changing the comment.
    """
    if utf16_units(text) > room_for_text(marker):
        raise UsageError(f"the comment has more than {MAX_COMMENT:,} characters, including its marker")
    body = _body(marker, text)
    created: Comment | None = None
    edited, left_s = False, MAX_WAIT_S
    for number in range(MAX_ROUNDS):
        if number > 1:
            client.sleep(PAUSE_S)
        own = _own(client, thread, author, marker.key)
        if not own and created is not None:
            # Too new for GitHub's list; later runs will find it.
            return Posted(outcome=PostOutcome.CREATED, url=created.url)
        if not own:
            created = _comment(client.write("POST", thread.comments, {"body": body}))
            # The author that GitHub names owns the token, whatever we assumed before.
            author = created.author or author if created else author
            continue
        step = next_step(own, marker=marker, body=body, written=edited or created is not None)
        if not step.edit and not step.delete:
            return Posted(outcome=_outcome(step, created=created, edited=edited), url=step.kept.url)
        try:
            if step.edit:
                # Only once: a later run may write while this one waits to send it again.
                client.write("PATCH", thread.comment(step.kept.id), {"body": body}, max_attempts=1)
        except GitHubError as error:
            wait_s = _wait_s(error, left_s)
            client.sleep(wait_s)
            left_s -= wait_s
            continue
        edited = edited or step.edit
        for one in step.delete:
            client.delete(thread.comment(one.id))
    raise GitHubError("other runs keep changing the comment", where=thread.comments, hint="Run it again")


def _wait_s(error: GitHubError, left_s: float) -> float:
    """Return how long to wait before checking again; a deleted comment needs no waiting."""
    if error.status in _GONE:
        return 0.0
    if error.wait_s is None or error.wait_s > left_s:
        raise error
    return error.wait_s


def _outcome(step: Step, *, created: Comment | None, edited: bool) -> PostOutcome:
    if step.superseded:
        return PostOutcome.SUPERSEDED
    if edited:
        return PostOutcome.UPDATED
    return PostOutcome.UNCHANGED if created is None else PostOutcome.CREATED


def _own(client: GitHubClient, thread: Thread, author: Identity, key: str) -> list[Comment]:
    read = (_comment(one) for one in client.items(thread.comments))
    return [one for one in read if one and one.marker.key == key and author.is_author(one.author)]


def _comment(fields: Fields) -> Comment | None:
    """Read a comment; `None` when it does not begin with a marker."""
    body = fields.optional_text("body") or ""
    marker = Marker.of(body)
    if marker is None:
        return None
    user = fields.below("user")
    author = Identity(login=user.text("login"), id=user.whole("id")) if user else None
    return Comment(id=fields.whole("id"), url=fields.text("html_url"), body=body, marker=marker, author=author)


def _body(marker: Marker, text: str) -> str:
    return f"{marker}\n{text}"


def _same(one: str, other: str) -> bool:
    """Compare bodies as GitHub may have stored them: with other line ends, without trailing spaces."""
    return one.replace("\r\n", "\n").rstrip() == other.replace("\r\n", "\n").rstrip()


def find_sticky(client: GitHubClient, *, thread: Thread, author: Identity, key: str) -> Comment | None:
    """Return the author's comment with this key, the oldest of several; `None` when there is none.

    Raises:
        GitHubError: When GitHub refuses.
    """
    return min(_own(client, thread, author, key), key=lambda one: one.id, default=None)
