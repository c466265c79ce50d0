"""Which pull request a run has measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.events import Event, FirstStage
    from energygate.forge.github.json_fields import Fields

MAX_SEARCHED = 1_000
"""Open pull requests to search where GitHub cannot filter them: those updated last, in ten requests."""

_OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request as GitHub shows it at this moment.

    Attributes:
        number: Its number.
        base_sha: The commit of the base branch that GitHub compares it with.
        base_ref: The base branch.
        head_sha: The last commit it proposes.
        head_repository: `owner/name` that the commit comes from; `None` when that is deleted, or hidden from the token.
    """

    number: int
    base_sha: str
    base_ref: str
    head_sha: str
    head_repository: str | None


def find_pull_request(client: GitHubClient, event: Event) -> PullRequest:
    """Return the pull request that the first stage measured.

    Only what GitHub itself says about the first stage's run counts, nothing that the run uploaded: the pull request
    must be open and propose the same commit from the same repository.

    The event names no pull request when it comes from a fork, and `/commits/{sha}/pulls` then finds none, as the
    commit is not in this repository (tried in https://github.com/retransmission/retransmission/pull/280).
    By owner and branch GitHub finds those of forks and of its own branches
    (https://github.com/learningequality/kolibri/pull/14719).

    Args:
        client: The API; its token needs `pull-requests: read`.
        event: A `workflow_run`.

    Raises:
        GitHubError: There is none, or several; or GitHub does not answer.
        UsageError: When no first stage started this run.
    """
    first = event.first_stage
    if first is None:
        raise UsageError(
            "only a workflow_run event has a first stage with a pull request",
            where="GITHUB_EVENT_NAME",
        )
    where = f"commit {first.head_sha}"
    if first.head_repository is None:
        raise GitHubError(
            "the repository that the pull request came from has been deleted, so it cannot be identified for sure",
            where=where,
        )
    matching = _matching(_candidates(client, event.repository, first), first)
    if not matching:
        raise GitHubError(
            "no open pull request proposes the commit that was measured: it is closed, or has newer commits",
            where=where,
            hint="The run for the newest commit comments on that one",
        )
    if len(matching) > 1:
        numbers = " and ".join(f"#{number}" for number in sorted(matching))
        raise GitHubError(
            f"the pull requests {numbers} propose the same commit, so it is unclear which of them was measured",
            where=where,
            hint="Close all but one, or push another commit to it",
        )
    return next(iter(matching.values()))


def _candidates(client: GitHubClient, repository: str, first: FirstStage) -> Iterable[Fields]:
    """List open pull requests: those from the run's branch where GitHub names it, else those updated last."""
    path = f"/repos/{repository}/pulls"
    if first.head_repository is not None and first.head_branch is not None:
        owner = first.head_repository.partition("/")[0]
        of_branch = list(client.items(path, query={"state": _OPEN, "head": f"{owner}:{first.head_branch}"}))
        if of_branch:
            return of_branch
    latest: Mapping[str, str] = {"state": _OPEN, "sort": "updated", "direction": "desc"}
    return islice(client.items(path, query=latest), MAX_SEARCHED)


def _matching(candidates: Iterable[Fields], first: FirstStage) -> dict[int, PullRequest]:
    """Return those with the first stage's commit and repository, by number: a changing list may show one twice."""
    matching = {}
    for one in candidates:
        pull_request = _pull_request(one)
        repository = pull_request.head_repository or ""
        if (
            one.text("state") == _OPEN
            and pull_request.head_sha == first.head_sha
            and repository.casefold() == (first.head_repository or "").casefold()
        ):
            matching[pull_request.number] = pull_request
    return matching


def _pull_request(fields: Fields) -> PullRequest:
    return PullRequest(
        number=fields.whole("number"),
        base_sha=fields.sha("base", "sha"),
        base_ref=fields.text("base", "ref"),
        head_sha=fields.sha("head", "sha"),
        # Null for a deleted fork: https://github.com/github/rest-api-description/issues/424
        head_repository=fields.optional_repository("head", "repo", "full_name"),
    )
