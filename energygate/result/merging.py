"""Merging the results of a matrix's jobs into one: each workload once, none lost, no mix of different runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.gate import Verdict, worst
from energygate.result.result import ErrorResult, WorkloadResult
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from energygate.result.result import Result

MISSING = (
    "no result has this workload: the job that should have measured it failed, was cancelled, or left no result. "
    "Look at its log and run it again"
)

MEASURED_ON = "measured on "
"""How a note begins that names the machine that measured a workload, where the jobs ran on different ones."""

ONE_SIDED = frozenset({"added", "removed", "renamed"})
"""States of workloads that only one side's policy names: they may be unexpected."""

_ALIKE: Mapping[str, Callable[[Result], object]] = {
    "were written by different versions of energygate": lambda one: (
        one.schema_name,
        one.energygate_version,
    ),
    "compare with different bases": lambda one: one.base and (one.base.commit or one.base),
    "measure different commits": lambda one: one.head_commit,
    "are judged by different policies": lambda one: (
        one.policy,
        one.policy_digest,
        one.policy_changed,
        one.seed,
    ),
    "are judged for different sites": lambda one: one.site,
}
"""What the results of one run share, by what is wrong where they do not."""


def merge_results(parts: Sequence[Result], *, expected: Sequence[str] | None = None) -> Result:
    """Merge the results of a matrix's jobs into the result of the whole run.

    Merging in steps gives the same as merging at once. The verdict is the worst of all workloads', the time that of
    the slowest job, since jobs run in parallel.

    Args:
        parts: The jobs' results. What they share is taken from the first.
        expected: Names of all workloads that the run is about, in the order to report them: the pairings' with a
            base, else the policy's. One that no job measured is an error in the result. `None`: those in the results.

    Raises:
        UsageError: When there is nothing to merge, or the results do not belong together.
    """
    if not parts:
        raise UsageError("there are no results to merge", hint="Name the result.json of every job")
    _refuse_unlike(parts)
    _refuse_twice(parts)
    found = {one.name: one for one in _with_machines(parts)}
    names = list(found) if expected is None else [*dict.fromkeys([*expected, *found])]
    if expected is not None:
        _refuse_strangers(found, expected)
    workloads = tuple(found.get(name) or missing_workload(name) for name in names)
    if not workloads:
        raise UsageError("the results have no workloads", hint="Name the result.json of every job")
    return parts[0].model_copy(
        update={
            # All UTC and of one form, so the latest is the greatest.
            "created": max(part.created for part in parts),
            "seconds": max(part.seconds for part in parts),
            "verdict": worst(one.verdict for one in workloads),
            "notes": tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            "policy_changes": tuple(dict.fromkeys(text for part in parts for text in part.policy_changes)),
            "workloads": workloads,
        }
    )


def _refuse_unlike(parts: Sequence[Result]) -> None:
    for what, aspect in _ALIKE.items():
        for number, part in enumerate(parts[1:], 2):
            if aspect(part) != aspect(parts[0]):
                raise UsageError(
                    f"results 1 and {number} {what}", hint="Merge only the results of one run of one workflow"
                )


def _refuse_twice(parts: Sequence[Result]) -> None:
    times = Counter(one.name for part in parts for one in part.workloads)
    for name, count in times.items():
        if count > 1:
            having = [str(i) for i, part in enumerate(parts, 1) if any(w.name == name for w in part.workloads)]
            where = f"results {' and '.join(having)}" if len(having) > 1 else f"result {having[0]} twice"
            raise UsageError(f"workload {quote(name)} is in {where}", hint="Let every job measure workloads of its own")


def _refuse_strangers(found: Mapping[str, WorkloadResult], expected: Sequence[str]) -> None:
    """Refuse workloads that come from another run, or from another policy."""
    known = set(expected)
    for name, one in found.items():
        if name not in known and one.state not in ONE_SIDED:
            raise UsageError(
                f"workload {quote(name)} does not belong to this run",
                hint="Merge only the results of one run of one workflow",
            )


def _with_machines(parts: Sequence[Result]) -> list[WorkloadResult]:
    """List all workloads, with a note on the machine of each that was measured unless all jobs had equal ones."""
    named = any(_names_machine(one) for part in parts for one in part.workloads)
    if not named and len({_machine(part) for part in parts}) == 1:
        return [one for part in parts for one in part.workloads]
    return [
        one
        if one.provenance is None or _names_machine(one)
        else one.model_copy(update={"notes": (*one.notes, f"{MEASURED_ON}{_machine(part)}")})
        for part in parts
        for one in part.workloads
    ]


def _names_machine(workload: WorkloadResult) -> bool:
    return any(note.startswith(MEASURED_ON) for note in workload.notes)


def _machine(part: Result) -> str:
    """Return the machine in words, as far as it affects energy: memory differs by a few bytes between equal runners."""
    machine = part.machine
    return f"{machine.cpu_model}, {machine.cpu_count} CPUs, {machine.system}"


def missing_workload(name: str) -> WorkloadResult:
    """Return a workload that no result has, though it should have been measured: an error."""
    return WorkloadResult(
        name=name,
        kind="unknown",
        verdict=Verdict.ERROR,
        method=None,
        metrics={},
        notes=(),
        error=ErrorResult(message=MISSING, detail=None),
        provenance=None,
    )
