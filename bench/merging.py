"""How long it takes to read, merge and write the results of a matrix with 1,000 workloads.

    uv run python bench/merging.py

Ten legs measured 100 workloads each, with 24 launches per workload. The target is two seconds for rendering
(bench/comment.py) and merging together; most of the time is spent on reading, with all its checks.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import comment_parts

from energygate.gate import Verdict
from energygate.result.merging import merge_results
from energygate.result.reading import read_result

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from energygate.result.result import Result, WorkloadResult

    Value = TypeVar("Value")

LEGS = 10
WORKLOADS_PER_LEG = 100
LAUNCHES = 24
RUNS = 5


def workload(name: str) -> WorkloadResult:
    """Make a workload as a run of a minute leaves it."""
    limit = comment_parts.found(Verdict.PASS, "max", 2e-9, "2 µWh")
    measured = comment_parts.provenance(seconds=60.0, requests=48_000, it_energy_kwh=9.2e-5)
    return comment_parts.workload(
        name,
        {"energy_per_request": comment_parts.metric("kWh", 1.92e-9, limit, spread=0.05)},
        state="head only",
        provenance=measured.model_copy(update={"launches": measured.launches[:1] * LAUNCHES}),
        comparison=None,
    )


def leg(number: int) -> Result:
    """Make one job's result; every other one ran on another machine."""
    made = comment_parts.result(
        *(workload(f"workload-{number}-{i}") for i in range(WORKLOADS_PER_LEG)),
        base=None,
        seconds=60.0 * WORKLOADS_PER_LEG,
    )
    machine = made.machine.model_copy(update={"cpu_model": f"processor {number % 2}"})
    return made.model_copy(update={"machine": machine})


def timed(what: str, work: Callable[[], Value]) -> Value:
    """Print the median CPU time of a few runs."""
    took = []
    for _ in range(RUNS):
        started = time.process_time()
        value = work()
        took.append(time.process_time() - started)
    print(f"{what:32} {statistics.median(took):7.3f} s")
    return value


def main() -> None:
    """Print the table."""
    texts = [leg(number).to_json() for number in range(LEGS)]
    size = sum(map(len, texts)) / 1e6
    print(f"{LEGS} legs, {LEGS * WORKLOADS_PER_LEG:,} workloads, {LAUNCHES} launches each, {size:.1f} MB\n")
    parts = timed("reading", lambda: [read_result(text, name="leg") for text in texts])
    expected = [one.name for part in parts for one in part.workloads]
    merged = timed("merging", lambda: merge_results(parts, expected=expected))
    whole = timed("writing", merged.to_json)
    timed("reading the merged one", lambda: read_result(whole, name="merged"))
    print(f"\nmerged result:  {len(whole) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
