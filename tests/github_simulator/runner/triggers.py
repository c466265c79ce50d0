"""Which workflows an event starts: `on:` with its types, branches, tags and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github_simulator.runner.glob_patterns import matches_pattern
from github_simulator.runner.yaml_reading import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from github_simulator.runner.events import Event
    from github_simulator.runner.workflow_files import Workflow

_KINDS = {
    "pull_request": {"opened", "synchronize", "reopened"},
    "pull_request_target": {"opened", "synchronize", "reopened"},
    "merge_group": {"checks_requested"},
    "workflow_run": {"completed", "requested", "in_progress"},
}
"""Of events that have kinds: those that start a workflow which names none."""

_FILTERS = {
    "pull_request": {"types", "branches", "branches-ignore", "paths", "paths-ignore"},
    "pull_request_target": {"types", "branches", "branches-ignore", "paths", "paths-ignore"},
    "push": {"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"},
    "merge_group": {"types", "branches", "branches-ignore"},
    "workflow_run": {"types", "workflows", "branches", "branches-ignore"},
    "schedule": {"cron"},
    "workflow_dispatch": {"inputs"},
}


def starts(workflow: Workflow, event: Event) -> bool:
    """Tell whether an event starts a workflow.

    Raises:
        DocumentError: For filters that this runner does not know.
    """
    if event.name not in workflow.on:
        return False
    filters = workflow.on[event.name]
    unknown = set(filters) - _FILTERS.get(event.name, set())
    if unknown:
        raise DocumentError(f"{workflow.path}: on.{event.name}: this runner does not know {', '.join(sorted(unknown))}")
    return (
        _kind_fits(event, filters)
        and _branch_fits(event, filters)
        and _paths_fit(event, filters)
        and ("workflows" not in filters or event.payload["workflow"]["name"] in _texts(filters["workflows"]))
        and ("cron" not in filters or event.payload["schedule"] in filters["cron"])
    )


def _kind_fits(event: Event, filters: Mapping[str, Any]) -> bool:
    if event.name not in _KINDS:
        return True
    return event.action in (_texts(filters["types"]) if "types" in filters else _KINDS[event.name])


def _branch_fits(event: Event, filters: Mapping[str, Any]) -> bool:
    if event.name == "push" and event.ref.startswith("refs/tags/"):
        tag = event.ref.removeprefix("refs/tags/")
        if "branches" in filters and "tags" not in filters:
            return False
        return _fits(tag, filters.get("tags"), filters.get("tags-ignore"))
    if event.name == "push" and "tags" in filters and "branches" not in filters:
        return False
    branch = {
        "pull_request": event.base_ref,
        "pull_request_target": event.base_ref,
        "merge_group": event.payload.get("merge_group", {}).get("base_ref", "").removeprefix("refs/heads/"),
        "workflow_run": event.head_branch,
    }.get(event.name, event.ref.removeprefix("refs/heads/"))
    return _fits(branch, filters.get("branches"), filters.get("branches-ignore"))


def _paths_fit(event: Event, filters: Mapping[str, Any]) -> bool:
    if "paths" in filters:
        return any(_fits(path, filters["paths"], None) for path in event.changed)
    if "paths-ignore" in filters:
        return any(_fits(path, None, filters["paths-ignore"]) for path in event.changed)
    return True


def _fits(name: str, wanted: Any, ignored: Any) -> bool:
    if wanted is not None:
        return matches(name, _texts(wanted))
    return ignored is None or not matches(name, _texts(ignored))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Match a branch, tag or path against patterns; the last one that matches decides, `!` excluding."""
    found = False
    for pattern in patterns:
        excludes = pattern.startswith("!")
        if matches_pattern(name, pattern.removeprefix("!")):
            found = not excludes
    return found


def _texts(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
