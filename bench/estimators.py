"""The scatter of the recorded launches, by the estimator that reduces a launch's blocks to one number.

uv run python bench/estimators.py
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from traces import occasions

from energygate.stats.paired import block_log_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence


def hodges_lehmann(values: Sequence[float]) -> float:
    """The median of all pairwise means, each value with itself included (Hodges & Lehmann 1963)."""
    return statistics.median((values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values)))


def midmean(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest quarter."""
    quarter = len(values) // 4
    return statistics.fmean(sorted(values)[quarter : len(values) - quarter])


ESTIMATORS = {
    "mean": statistics.fmean,
    "midmean": midmean,
    "Hodges-Lehmann": hodges_lehmann,
    "median": statistics.median,
}


def main() -> None:
    """Print the standard deviation of a launch's log ratio, as the geometric mean over comparisons."""
    groups = {
        "one thread, quiet": (1, False),
        "one thread, noisy": (1, True),
        "two threads, quiet": (2, False),
        "two threads, noisy": (2, True),
    }
    print(f"{'scatter of a launch':20}" + "".join(f"{name:>16}" for name in ESTIMATORS))
    for words, (threads, neighbour) in groups.items():
        traces = [
            trace
            for some in occasions().values()
            for trace in some
            if (trace.threads, trace.neighbour) == (threads, neighbour)
        ]
        row = ""
        for estimate in ESTIMATORS.values():
            scatters = [
                statistics.stdev(estimate(block_log_ratios(one.base_cpu, one.head_cpu)) for one in trace.launches)
                for trace in traces
            ]
            row += f"{math.exp(statistics.fmean(map(math.log, scatters))):16.2%}"
        print(f"{words:20}{row}")


if __name__ == "__main__":
    main()
