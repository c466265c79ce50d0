"""The one comment on a pull request: made once, then edited in place, and never by an older run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubTrouble
from energygate.forge.github.json_fields import is_repository, is_sha
from energygate.forge.github.retry import PATIENCE_S
from energygate.forge.github.token_owner import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.json_fields import Fields

MAX_COMMENT = 65_536
"""Characters of a comment, the marker counted, as GitHub's answer 422 says. Whether it counts bytes instead is disputed
(262 144 have been measured); 65 536 UTF-16 units are at most 196 608 bytes of UTF-8, so both are kept."""

MAX_ROUNDS = 6
"""How often to look again whether other runs have changed the comment meanwhile."""

PAUSE_S = 1.0
"""Before looking again once more; GitHub asks for a second between writes."""

_KEY = re.compile(r"[A-Za-z0-9._/-]{1,100}")
_MARKER = re.compile(
    r"<!-- energygate:v1 key=(?P<key>[A-Za-z0-9._/-]{1,100}) run=(?P<run>\d{1,19}) attempt=(?P<attempt>\d{1,9})"
    r" sha=(?P<sha>[0-9a-f]{40,64}) -->",
    re.ASCII,
)
_GONE = frozenset({404, 410})


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What a comment begins with, unseen by readers: which one it is, and which run wrote it.

    Attributes:
        key: Tells apart several comments on one pull request, such as those of two policies.
        run_id: The run that measured; later runs of a repository have greater ones.
        attempt: Which attempt of it.
        sha: The commit that was measured.

    Raises:
        UsageError: When the key has characters that a comment in HTML may not.
    """

    key: str
    run_id: int
    attempt: int
    sha: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise UsageError("a comment's key is up to 100 letters, digits and ._/- without spaces")
        if not is_sha(self.sha):
            raise UsageError("a comment needs the full name of the commit it is about")

    def __str__(self) -> str:
        return (
            f"<!-- energygate:v1 key={self.key} run={self.run_id} attempt={self.attempt} sha={self.sha} -->"
        )

    @property
    def age(self) -> tuple[int, int]:
        """What is greater for a later run: a commit's date would not do, as commits may be made in any order."""
        return self.run_id, self.attempt

    @classmethod
    def of(cls, body: str) -> Marker | None:
        """Read the marker a comment begins with; `None` when it begins with anything else."""
        found = _MARKER.match(body)
        if found is None or not is_sha(found["sha"]):
            return None
        return cls(
            key=found["key"], run_id=int(found["run"]), attempt=int(found["attempt"]), sha=found["sha"]
        )


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
        """The path of its comments: of those not tied to a line, which GitHub keeps with issues."""
        return f"/repos/{self.repository}/issues/{self.number}/comments"

    def comment(self, number: int) -> str:
        """Return the path of one comment."""
        return f"/repos/{self.repository}/issues/comments/{number}"


class PostOutcome(Enum):
    """What became of a comment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded by a later run"


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What became of a comment, and its address for people."""

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
    """What is left to do about one's own comments.

    Attributes:
        kept: The one that stays: the oldest, which people have answered to and linked.
        edit: Whether this run must write into it.
        delete: Those that go, oldest first.
        superseded: Whether a later run has written already.
    """

    kept: Comment
    edit: bool
    delete: tuple[Comment, ...]
    superseded: bool


def room_for_text(marker: Marker) -> int:
    """Return how many UTF-16 units a comment's text may have behind its marker."""
    return MAX_COMMENT - len(_body(marker, ""))


def next_step(own: Sequence[Comment], *, marker: Marker, body: str, written: bool) -> Step:
    """Choose what a run does about its own comments; every run chooses by the same rule.

    A run writes its own text only, and deletes only what is not from a later run: so whatever others do at
    the same time, nothing later is lost by it.

    Args:
        own: All comments that are this author's and have the marker's key; at least one.
        marker: This run's.
        body: What it wants to show, marker included.
        written: It has shown that already; then only another run's marker is a reason to write again, and
            not what GitHub or another job of this run may have made of the text.
    """
    kept, *later = sorted(own, key=lambda one: one.id)
    superseded = max(one.marker.age for one in own) > marker.age
    differs = kept.marker != marker or not (written or _same(kept.body, body))
    return Step(
        kept=kept,
        edit=differs and not superseded,
        delete=tuple(one for one in later if one.marker.age <= marker.age),
        superseded=superseded,
    )


def post_sticky(
    client: GitHubClient, *, thread: Thread, author: Identity, marker: Marker, text: str
) -> Posted:
    """Make the pull request show this text in the comment with the marker's key.

    Only comments that begin with the marker *and* are the author's own are ever touched. All runs follow
    `next_step` and look again after each change, so those at the same time end at one comment. GitHub has no
    "edit if unchanged": an older run that looked before a later one began, and writes after it has ended, would
    still win; between its look and its write lies nothing but the request.

    Args:
        client: The API.
        thread: Where.
        author: Whose token the client has.
        marker: Which comment, and which run this is.
        text: Markdown, up to `room_for_text` UTF-16 units.

    Raises:
        UsageError: When the text is too long.
        GitHubTrouble: When GitHub refuses, or other runs keep changing the comment.
    """
    if len(text.encode("utf-16-le")) // 2 > room_for_text(marker):
        raise UsageError(f"the comment has more than {MAX_COMMENT:,} characters, its marker counted")
    body = _body(marker, text)
    made: Comment | None = None
    edited, patience_s = False, PATIENCE_S
    for number in range(MAX_ROUNDS):
        if number > 1:
            client.sleep(PAUSE_S)
        own = _own(client, thread, author, marker.key)
        if not own and made is not None:
            # Too new for GitHub's list; what comes after will find it.
            return Posted(outcome=PostOutcome.CREATED, url=made.url)
        if not own:
            made = _comment(client.write("POST", thread.comments, {"body": body}))
            # Whoever it was posted as is who the token speaks for, whatever was thought before.
            author = made.author or author if made else author
            continue
        step = next_step(own, marker=marker, body=body, written=edited or made is not None)
        if not step.edit and not step.delete:
            return Posted(outcome=_outcome(step, made=made, edited=edited), url=step.kept.url)
        try:
            if step.edit:
                # Once only: while one waits to send it again, a later run may write.
                client.write("PATCH", thread.comment(step.kept.id), {"body": body}, attempts=1)
        except GitHubTrouble as trouble:
            wait_s = _worth_waiting(trouble, patience_s)
            client.sleep(wait_s)
            patience_s -= wait_s
            continue
        edited = edited or step.edit
        for one in step.delete:
            client.delete(thread.comment(one.id))
    raise GitHubTrouble("other runs keep changing the comment", where=thread.comments, hint="Run it again")


def _worth_waiting(trouble: GitHubTrouble, patience_s: float) -> float:
    """Return how long to wait before looking again; that a comment is gone needs no waiting."""
    if trouble.status in _GONE:
        return 0.0
    if trouble.wait_s is None or trouble.wait_s > patience_s:
        raise trouble
    return trouble.wait_s


def _outcome(step: Step, *, made: Comment | None, edited: bool) -> PostOutcome:
    if step.superseded:
        return PostOutcome.SUPERSEDED
    if edited:
        return PostOutcome.UPDATED
    return PostOutcome.UNCHANGED if made is None else PostOutcome.CREATED


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
    return Comment(
        id=fields.whole("id"), url=fields.text("html_url"), body=body, marker=marker, author=author
    )


def _body(marker: Marker, text: str) -> str:
    return f"{marker}\n{text}"


def _same(one: str, other: str) -> bool:
    """Compare bodies as GitHub may have stored them: with other line ends, without spaces at the end."""
    return one.replace("\r\n", "\n").rstrip() == other.replace("\r\n", "\n").rstrip()


def find_sticky(client: GitHubClient, *, thread: Thread, author: Identity, key: str) -> Comment | None:
    """Return the author's comment with this key, the oldest should there be several; `None` when there is none.

    Raises:
        GitHubTrouble: When GitHub refuses.
    """
    return min(_own(client, thread, author, key), key=lambda one: one.id, default=None)
