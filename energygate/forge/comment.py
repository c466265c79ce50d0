"""The one comment on a pull request: whether a result gets one, and posting it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from energygate.forge.github.sticky_comment import find_sticky, post_sticky, room_for_text
from energygate.forge.github.token_owner import own_identity
from energygate.gate import Verdict, exit_code
from energygate.report.markdown import comment
from energygate.result.merging import ONE_SIDED

if TYPE_CHECKING:
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.sticky_comment import Marker, Posted, Thread
    from energygate.result.result import Result


class When(str, Enum):
    """When a pull request gets a comment; an existing one is kept up to date, except under `never`."""

    ALWAYS = "always"
    CHANGES = "changes"
    """Only when something changed: a metric, a workload, the policy, or a verdict that is not a pass."""
    ON_FAILURE = "on-failure"
    """Only when the gate fails."""
    NEVER = "never"


def has_changes(result: Result) -> bool:
    """Return whether a reviewer should see the result.

    That is so with a verdict other than `pass`, an error, a shown change (its interval excludes zero) of a metric
    with a budget, a workload that was added, removed or renamed, or a changed policy.
    """
    return (
        result.verdict is not Verdict.PASS
        or result.policy_changed
        or any(
            one.verdict is not Verdict.PASS or one.error is not None or one.state in ONE_SIDED
            for one in result.workloads
        )
        or any(metric.findings and metric.shows_change for one in result.workloads for metric in one.metrics.values())
    )


def is_worth_a_comment(result: Result, when: When, *, strict: bool = False) -> bool:
    """Return whether a pull request without a comment gets one."""
    failed = exit_code(result.verdict, strict=strict) != 0
    return (
        when is When.ALWAYS
        or (when is When.CHANGES and (failed or has_changes(result)))
        or (when is When.ON_FAILURE and failed)
    )


def post_result(  # noqa: PLR0913 - what, where and by which run
    client: GitHubClient,
    result: Result,
    *,
    thread: Thread,
    marker: Marker,
    when: When = When.ALWAYS,
    strict: bool = False,
    run_url: str | None = None,
    artifact_url: str | None = None,
) -> Posted | None:
    """Show a result in a pull request's one comment.

    Args:
        client: The API, with the token of the account that comments.
        result: The gate's result.
        thread: The pull request.
        marker: Identifies the comment, the run and the commit.
        when: When to create a comment; an existing one is always updated, also when the gate passes again.
        strict: Whether an inconclusive verdict fails the gate.
        run_url: The run's page.
        artifact_url: Where to download all numbers.

    Returns:
        What happened to the comment; `None` when none was needed.

    Raises:
        GitHubError: When GitHub refuses, or cannot be reached.
    """
    if when is When.NEVER:
        return None
    author = own_identity(client)
    if (
        not is_worth_a_comment(result, when, strict=strict)
        and find_sticky(client, thread=thread, author=author, key=marker.key) is None
    ):
        return None
    text = comment(result, run_url=run_url, artifact_url=artifact_url, limit=room_for_text(marker))
    return post_sticky(client, thread=thread, author=author, marker=marker, text=text)
