"""Divide workloads among the jobs of a matrix, so that all jobs take about the same time."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from energygate.errors import UsageError
from energygate.result.files import MAX_JOBS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.result.result import Result

Runner = str | tuple[str, ...]
"""What a job runs on: one label, or all the labels that a self-hosted runner must have."""

DEFAULT_RUNNER = "ubuntu-latest"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One job of the matrix.

    Attributes:
        runner: What it runs on.
        workloads: What it measures, in the policy's order; at least one.
    """

    runner: Runner
    workloads: tuple[str, ...]


def past_seconds(result: Result) -> dict[str, float]:
    """Return how long each workload of an earlier result took to measure, in seconds; without unmeasured ones."""
    return {one.name: one.provenance.seconds for one in result.workloads if one.provenance is not None}


def shards(seconds: Mapping[str, float | None], count: int) -> list[list[str]]:
    """Divide workloads so that the slowest shard ends early: the longest first, each to the least loaded shard.

    This takes at most a third longer than the optimum (Graham 1969, "Bounds on multiprocessing timing anomalies").
    The same input gives the same shards.

    Args:
        seconds: How long each workload took the last time; one that is unknown (`None`, not positive, not finite)
            counts as the median of the others.
        count: Maximum number of shards.

    Returns:
        Names, in each shard in the order of `seconds`. No shard is empty: with fewer workloads there are fewer shards.

    Raises:
        UsageError: When `count` is below 1.
    """
    if count < 1:
        raise UsageError(f"{count} is not a number of shards", hint="Ask for at least 1")
    known = _known(seconds)
    order = {name: position for position, name in enumerate(known)}
    filled: list[list[str]] = [[] for _ in range(min(count, len(known)))]
    loads = [0.0] * len(filled)
    for name in sorted(known, key=lambda one: (-known[one], order[one])):
        lightest = min(range(len(filled)), key=lambda shard: (loads[shard], len(filled[shard]), shard))
        filled[lightest].append(name)
        loads[lightest] += known[name]
    return sorted((sorted(names, key=order.__getitem__) for names in filled), key=lambda names: order[names[0]])


def _known(seconds: Mapping[str, float | None]) -> dict[str, float]:
    """Return the seconds with unknown ones filled in; all equal when none is known."""
    known = [one for one in seconds.values() if _is_known(one)]
    middle = statistics.median(known) if known else 1.0
    return {name: one if _is_known(one) else middle for name, one in seconds.items()}


def _is_known(seconds: float | None) -> TypeGuard[float]:
    return seconds is not None and math.isfinite(seconds) and seconds > 0


def plan(
    workloads: Sequence[str],
    *,
    count: int,
    runs_on: Mapping[str, Runner] | None = None,
    default_runner: Runner = DEFAULT_RUNNER,
    past: Mapping[str, float] | None = None,
) -> tuple[Shard, ...]:
    """Divide workloads among jobs, each job on the runner that its workloads need.

    Args:
        workloads: Names of all workloads of the run; with a base, those that head removed too.
        count: Maximum number of jobs.
        runs_on: The runner of each workload that names one.
        default_runner: The runner of all others.
        past: Seconds that each took the last time, where known.

    Raises:
        UsageError: When there are no workloads, a name is unknown or given twice, or `count` is less than the number
            of kinds of runners or more than GitHub allows.
    """
    _refuse_impossible(workloads, count, runs_on or {})
    filled = _known({name: (past or {}).get(name) for name in workloads})
    by_runner: dict[Runner, dict[str, float]] = {}
    for name in workloads:
        by_runner.setdefault((runs_on or {}).get(name, default_runner), {})[name] = filled[name]
    if len(by_runner) > count:
        raise UsageError(
            f"the workloads need {len(by_runner)} kinds of runners, more than the maximum number of jobs, {count}",
            hint=f"Ask for at least {len(by_runner)}",
        )
    counts = _counts({runner: list(part.values()) for runner, part in by_runner.items()}, count)
    return tuple(
        Shard(runner=runner, workloads=tuple(names))
        for runner, part in by_runner.items()
        for names in shards(part, counts[runner])
    )


def _refuse_impossible(workloads: Sequence[str], count: int, runs_on: Mapping[str, Runner]) -> None:
    if not workloads:
        raise UsageError("there are no workloads to divide among jobs")
    if not 1 <= count <= MAX_JOBS:
        raise UsageError(f"a matrix cannot have {count} jobs", hint=f"Ask for 1 to {MAX_JOBS}, GitHub's limit")
    if len(set(workloads)) < len(workloads):
        raise UsageError("a workload is named twice", hint="Name each once")
    unknown = sorted(runs_on.keys() - set(workloads))
    if unknown:
        raise UsageError(f"a runner is named for {unknown[0]!r}, which is not a workload of the run")


def _counts(seconds: Mapping[Runner, Sequence[float]], count: int) -> dict[Runner, int]:
    """Give each kind of runner one job, then one more at a time to the kind whose jobs are longest."""
    counts = dict.fromkeys(seconds, 1)
    totals = {runner: math.fsum(part) for runner, part in seconds.items()}
    for _ in range(count - len(counts)):
        divisible = [runner for runner in counts if counts[runner] < len(seconds[runner])]
        if not divisible:
            break
        longest = max(divisible, key=lambda runner: totals[runner] / counts[runner])
        counts[longest] += 1
    return counts


def matrix(planned: Sequence[Shard]) -> dict[str, list[dict[str, object]]]:
    r"""Return the jobs in the form of GitHub's `strategy.matrix`.

    The names of a job's workloads are one string, a JSON list in ASCII without line breaks. Pass it in an environment
    variable, never inside a script: a shell would run what a name contains.

    Returns:
        `{"include": [{"shard": 1, "of": 3, "runs-on": "ubuntu-latest", "workloads": "[\"a\", \"b c\"]"}]}`.
    """
    return {
        "include": [
            {
                "shard": number,
                "of": len(planned),
                "runs-on": one.runner if isinstance(one.runner, str) else list(one.runner),
                "workloads": json.dumps(one.workloads),
            }
            for number, one in enumerate(planned, 1)
        ]
    }
