"""Energy tests that only base has: base's own pytest collects what the session has collected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.pytest_plugin.failure_text import OPTIONS
from energygate.report.phrases import count
from energygate.run.check import check
from energygate.run.context import side_of
from energygate.run.options import Options
from energygate.workloads.pytest_discovery import collect_energy_tests

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from energygate.policy import Policy
    from energygate.pytest_plugin.collection import CollectionSettings
    from energygate.result.result import Result
    from energygate.run.base import CheckedOutBase

UNKNOWN = "energy tests that only base has are unknown: "


def only_at_base(
    base: CheckedOutBase, collection: CollectionSettings, known: Collection[str], *, python: str | None
) -> tuple[list[str], list[str]]:
    """List the node ids of base's energy tests that head lacks, and what could not be determined.

    Args:
        base: Base.
        collection: How head's session has collected its tests.
        known: Node ids of head's.
        python: The interpreter to measure with; the session's own by default.
    """
    if not base.changed(()):
        return [], []
    if collection.targets is None:
        return [], [f"{UNKNOWN}it cannot collect packages, or tests outside of {collection.root}"]
    targets = [one for one in collection.targets if (base.directory / file_of(one)).exists()]
    if collection.targets and not targets:
        return [], []
    side = side_of("base", base.directory, python)
    files = list(dict.fromkeys(map(file_of, targets)))
    try:
        at_base = collect_energy_tests(side, files, collection.options_for_all, other=collection.root)
    except MeasurementError as error:
        error.option_names = OPTIONS
        return [], [f"{UNKNOWN}{error}"]
    notes = []
    if at_base.failed:
        files_text = count(len(at_base.failed), "file", "files")
        notes.append(f"{UNKNOWN}{files_text} cannot be collected there ({', '.join(at_base.failed)})")
    only = (one for one in dict.fromkeys(at_base.tests) if one not in known)
    return [one for one in only if not targets or any(is_within(one, target) for target in targets)], notes


def removed_result(policy: Policy, base: CheckedOutBase, root: Path) -> Result:
    """Return the result of tests that head has removed.

    Args:
        policy: Has a workload for each of the tests; it says whether one may be removed.
        base: Base, which has them.
        root: Head's checkout.
    """
    head_policy = policy.model_copy(update={"workloads": {}})
    return check(head_policy, root, Options(), base=replace(base, policy=policy))


def file_of(target: str) -> str:
    """Return the file of a node id; a file or a directory is returned as it is."""
    return target.partition("::")[0]


def is_within(node_id: str, target: str) -> bool:
    """Return whether a test belongs to a directory, a file, a class, or a test with any parameters."""
    return node_id == target or any(node_id.startswith(target + end) for end in ("/", "::", "["))
