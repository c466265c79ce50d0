"""How long the comment and the summary of 1,000 workloads take, which rung they come to, and how large they are.

The target is 2 s for reading, merging and writing all; this script times reading one result and writing both texts.
Usage: python bench/comment.py [WORKLOADS]
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.report.markdown import comment, summary
from energygate.result.result import (
    Change,
    FindingResult,
    MachineResult,
    MetricResult,
    Result,
    SiteResult,
    WorkloadResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_S = 2.0
RUNS = 5
RUN_URL = "https://example.com/runs/1"


def workload(number: int) -> WorkloadResult:
    """One workload with three budgets; every seventh breaks one."""
    verdict = Verdict.FAIL if number % 7 == 0 else Verdict.PASS
    findings = [
        FindingResult(kind=kind, limit=0.05, limit_text="5 %", verdict=verdict, reason="why | not @here")
        for kind in ("max", "max_increase", "max_decrease")
    ]
    metrics = {
        name: MetricResult(
            unit="kWh",
            head=1.9e-9,
            head_low=1.8e-9,
            head_high=2e-9,
            base=1.5e-9,
            change=Change(estimate=0.2, low=0.1, high=0.3),
            findings=(finding,),
        )
        for name, finding in zip(
            ("energy_per_request", "energy_per_unit", "cold_start_energy"), findings, strict=True
        )
    }
    return WorkloadResult(
        name=f"team/model-{number}",
        kind="onnx",
        state="compared",
        verdict=verdict,
        method="estimated",
        metrics=metrics,
        notes=("warm-up did not settle in 4 of 6 launches",),
        error=None,
        provenance=None,
    )


def outcome(number: int) -> Result:
    """A result of so many workloads."""
    return Result(
        energygate_version="0",
        created="2026-03-01T12:00:00+00:00",
        seconds=1.0,
        policy="energygate.yml",
        seed=0,
        verdict=Verdict.FAIL,
        machine=MachineResult(
            cpu_model="x", cpu_count=2, memory_bytes=1, system="Linux", virtual=True, can_pin=True
        ),
        site=SiteResult(
            pue=1.25,
            carbon_g_per_kwh=380.0,
            carbon_source="DEU",
            electricity_price="0.25 EUR/kWh",
            requests_per_day=1e6,
        ),
        workloads=tuple(map(workload, range(number))),
    )


def median_s(work: Callable[[], object]) -> float:
    """The median time of some runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    """Print a table; returns 1 when the target is missed."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    found = outcome(number)
    as_json = found.to_json()
    works: dict[str, Callable[[], object]] = {
        "read result.json": lambda: Result.model_validate_json(as_json),
        "comment": lambda: comment(found, run_url=RUN_URL),
        "summary": lambda: summary(found),
    }
    total = 0.0
    print(f"{number:,} workloads, median of {RUNS}")
    for name, work in works.items():
        took = median_s(work)
        total += took
        written = work()
        size = f"{len(written):,} characters" if isinstance(written, str) else f"{len(as_json):,} characters"
        print(f"  {name:<18} {took:6.3f} s   {size}")
    print(f"  {'together':<18} {total:6.3f} s   target {TARGET_S:g} s")
    return int(total > TARGET_S)


if __name__ == "__main__":
    sys.exit(main())
