"""How long the comment and the summary of 1,000 workloads take, and how large they are.

The target is 2 s for reading, merging and writing; this script times reading one result and writing both texts.
Usage: python bench/comment.py [WORKLOADS]
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import comment_parts

from energygate.gate import Verdict
from energygate.report.markdown import comment, summary
from energygate.result.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.result.result import WorkloadResult

TARGET_S = 2.0
RUNS = 5
RUN_URL = "https://example.com/runs/1"


def workload(number: int) -> WorkloadResult:
    """Make one workload with three budgets; every seventh breaks them."""
    verdict = Verdict.FAIL if number % 7 == 0 else Verdict.PASS
    limits: dict[str, comment_parts.Kind] = {
        "energy_per_request": "max",
        "energy_per_unit": "max_increase",
        "cold_start_energy": "max_decrease",
    }
    metrics = {
        name: comment_parts.metric(
            "kWh",
            1.9e-9,
            comment_parts.found(verdict, kind, 0.05, "5 %", "why | not @here"),
            base=1.5e-9,
            half=0.1,
        )
        for name, kind in limits.items()
    }
    return comment_parts.workload(
        f"team/model-{number}",
        metrics,
        notes=("warm-up did not settle in 4 of 6 launches",),
        provenance=None,
        comparison=None,
    )


def median_s(work: Callable[[], object]) -> float:
    """Return the median time of some runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    """Print a table; returns 1 when the target is missed."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    found = comment_parts.result(*map(workload, range(number)))
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
