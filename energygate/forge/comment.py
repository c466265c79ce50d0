"""A result told on a pull request: whether there is anything to say, and the one comment that says it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from energygate.forge.github.sticky_comment import find_sticky, post_sticky, room_for_text
from energygate.forge.github.token_owner import own_identity
from energygate.gate import exit_code
from energygate.report.markdown import comment
from energygate.report.news import is_changed

if TYPE_CHECKING:
    from energygate.forge.github import GitHubClient, Marker, Posted, Thread
    from energygate.result.result import Result


class When(str, Enum):
    """When a pull request gets a comment. One that is there is kept up to date whatever this says, but `never`."""

    ALWAYS = "always"
    CHANGES = "changes"
    """Only when something changed: a metric, a workload, the policy, or a verdict that is not a pass."""
    ON_FAILURE = "on-failure"
    """Only when the gate fails."""
    NEVER = "never"


def has_news(result: Result, when: When, *, strict: bool = False) -> bool:
    """Tell whether a pull request without a comment gets one.

    Args:
        result: What the gate found.
        when: What its people want to hear of.
        strict: Whether an inconclusive verdict fails the gate.
    """
    failed = exit_code(result.verdict, strict=strict) != 0
    wanted = {
        When.ALWAYS: True,
        When.CHANGES: failed or is_changed(result),
        When.ON_FAILURE: failed,
        When.NEVER: False,
    }
    return wanted[when]


def tell(  # noqa: PLR0913 - what is said, where, by which run
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
    """Make a pull request show a result in its one comment.

    Args:
        client: The API, with the token of who comments.
        result: What the gate found.
        thread: Where.
        marker: Which comment it is, and which run and commit it is from.
        when: When to make a comment; once there is one it is always brought up to date, also to green.
        strict: Whether an inconclusive verdict fails the gate.
        run_url: Where the run can be seen.
        artifact_url: Where all numbers can be had.

    Returns:
        What became of the comment; `None` when there was nothing to say.

    Raises:
        GitHubTrouble: When GitHub refuses, or cannot be asked.
    """
    if when is When.NEVER:
        return None
    author = own_identity(client)
    news = has_news(result, when, strict=strict)
    if not news and find_sticky(client, thread=thread, author=author, key=marker.key) is None:
        return None
    text = comment(result, run_url=run_url, artifact_url=artifact_url, limit=room_for_text(marker))
    return post_sticky(client, thread=thread, author=author, marker=marker, text=text)
