"""What head is compared with, by the event: for a pull request the side that it is to be merged into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.forge.github.events import Activity, activity
from energygate.repository.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.forge.github.events import Event

COMPARING = frozenset({Activity.COMPARE_AND_COMMENT, Activity.COMPARE_AND_LEAVE, Activity.COMPARE})

_TRIAL_PARENTS = 2


def base_for(event: Event, directory: Path, *, asked: str | None, trial_sha: str) -> str | None:
    """The commit, branch or tag to compare with; `None` when head is measured alone.

    A pull request is usually checked out as GitHub's trial merge of it. Its first parent is what it is merged into,
    and lies two commits deep; `base.sha` of the event may be older than that, and would blame others' changes on it.

    Args:
        event: What happened.
        directory: Any directory of the checkout.
        asked: What the workflow names.
        trial_sha: `GITHUB_SHA`: for a pull request its trial merge.

    Raises:
        UsageError: When the directory is in no repository.
    """
    if asked is not None:
        return asked
    if activity(event) not in COMPARING:
        return None
    if event.pull_request is not None:
        parents = Repository.find(directory).parents_of(trial_sha)
        if len(parents) == _TRIAL_PARENTS and parents[1] == event.head_sha:
            return parents[0]
    return event.base_sha
