"""How long it takes to read, merge and write the results of a matrix with 1,000 workloads.

    uv run python bench/merging.py

Ten legs measured 100 workloads each, with 24 launches per workload. The target is two seconds for rendering
(bench/comment.py) and merging together; most of what is printed here is reading with all its checks.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import comment_parts

from energygate.gate import Verdict
from energygate.result.merging import merge_results
from energygate.result.reading import read_result
from energygate.result.result import (
    MachineResult,
    Result,
    SiteResult,
    WorkloadResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Value = TypeVar("Value")

LEGS = 10
WORKLOADS_PER_LEG = 100
LAUNCHES = 24
RUNS = 5


def workload(name: str) -> WorkloadResult:
    """A workload as a run of a minute leaves it."""
    metric = comment_parts.metric(
        "kWh", 1.92e-9, comment_parts.found(Verdict.PASS, "max", 2e-9, "2 µWh"), spread=0.05
    )
    measured = comment_parts.provenance(seconds=60.0, requests=48_000, it_energy_kwh=9.2e-5)
    many = measured.model_copy(update={"launches": measured.launches[:1] * LAUNCHES})
    return WorkloadResult(
        name=name,
        kind="onnx",
        verdict=Verdict.PASS,
        method="estimated",
        metrics={"energy_per_request": metric},
        notes=(),
        error=None,
        provenance=many,
    )


def leg(number: int) -> Result:
    """One leg's result; every other one ran on another machine."""
    return Result(
        energygate_version="0.1.0",
        created="2026-03-01T12:00:00+00:00",
        seconds=60.0 * WORKLOADS_PER_LEG,
        policy="energygate.yml",
        seed=0,
        verdict=Verdict.PASS,
        machine=MachineResult(
            cpu_model=f"processor {number % 2}",
            cpu_count=4,
            memory_bytes=16_000_000_000,
            system="Linux 6.8",
            virtual=True,
            can_pin=True,
        ),
        site=SiteResult(pue=1.25, carbon_g_per_kwh=None, carbon_source=None, electricity_price=None),
        workloads=tuple(workload(f"workload-{number}-{i}") for i in range(WORKLOADS_PER_LEG)),
    )


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
    print(f"\nthe merged one: {len(whole) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
