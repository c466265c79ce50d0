"""Which workflows an event starts: `on:` with its kinds, branches, tags and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.patterns import matches_pattern
from harness.yaml_reading import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.documents import Workflow
    from harness.occasions import Occasion

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


def starts(workflow: Workflow, occasion: Occasion) -> bool:
    """Tell whether an event starts a workflow.

    Raises:
        DocumentError: For filters that this runner does not know.
    """
    if occasion.name not in workflow.on:
        return False
    filters = workflow.on[occasion.name]
    unknown = set(filters) - _FILTERS.get(occasion.name, set())
    if unknown:
        raise DocumentError(
            f"{workflow.path}: on.{occasion.name}: this runner does not know {', '.join(sorted(unknown))}"
        )
    return (
        _kind_fits(occasion, filters)
        and _branch_fits(occasion, filters)
        and _paths_fit(occasion, filters)
        and (
            "workflows" not in filters or occasion.payload["workflow"]["name"] in _texts(filters["workflows"])
        )
        and ("cron" not in filters or occasion.payload["schedule"] in filters["cron"])
    )


def _kind_fits(occasion: Occasion, filters: Mapping[str, Any]) -> bool:
    if occasion.name not in _KINDS:
        return True
    return occasion.action in (_texts(filters["types"]) if "types" in filters else _KINDS[occasion.name])


def _branch_fits(occasion: Occasion, filters: Mapping[str, Any]) -> bool:
    if occasion.name == "push" and occasion.ref.startswith("refs/tags/"):
        tag = occasion.ref.removeprefix("refs/tags/")
        if "branches" in filters and "tags" not in filters:
            return False
        return _fits(tag, filters.get("tags"), filters.get("tags-ignore"))
    if occasion.name == "push" and "tags" in filters and "branches" not in filters:
        return False
    branch = {
        "pull_request": occasion.base_ref,
        "pull_request_target": occasion.base_ref,
        "merge_group": occasion.payload.get("merge_group", {})
        .get("base_ref", "")
        .removeprefix("refs/heads/"),
        "workflow_run": occasion.head_branch,
    }.get(occasion.name, occasion.ref.removeprefix("refs/heads/"))
    return _fits(branch, filters.get("branches"), filters.get("branches-ignore"))


def _paths_fit(occasion: Occasion, filters: Mapping[str, Any]) -> bool:
    if "paths" in filters:
        return any(_fits(path, filters["paths"], None) for path in occasion.changed)
    if "paths-ignore" in filters:
        return any(_fits(path, None, filters["paths-ignore"]) for path in occasion.changed)
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
