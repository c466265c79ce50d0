"""How true "about N s more would decide" is: the estimate beside what the same launches then took.

    uv run python bench/more_time.py

Recorded launches are drawn with replacement, so a run can go on for as long as it takes. After some launches the
estimate is made where nothing is decided yet; launches take equally long, so their number stands for the time.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
import sys
from dataclasses import dataclass

from traces import occasions
from verdicts import change_series, decide, measured

from energygate.gate.estimates import ALPHA, Confidence, launches_to_decide
from energygate.stats.confidence import MAX_LAUNCHES

RUNS = 20
AFTER = (1, 2, 3, 4, 6, 10)
LIMITS = (0.02, 0.03, 0.04)
FACTOR = 2.0
"""The median of estimate over truth should be within this factor."""

CONFIDENCE = Confidence(alpha=ALPHA, drift_sd=0.0, drifting=frozenset())


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """An estimate of how many more launches a decision takes, and how many it took; `None` for too many."""

    estimate: int | None
    truth: int | None


def estimates(after: int) -> list[Estimated]:
    """Estimates after so many launches, on all recorded comparisons."""
    draw = random.Random(after)  # noqa: S311 - a simulation, not a secret
    found = []
    for trace in (trace for traces in occasions().values() for trace in traces):
        launches = [dataclasses.replace(one, seconds=0.0) for one in measured(trace)]
        for limit in LIMITS:
            for _ in range(RUNS):
                run = draw.choices(launches, k=MAX_LAUNCHES)
                verdict = decide(run, limit=limit)
                if verdict.launches <= after:
                    continue
                series = change_series(run[:after])
                total = launches_to_decide("energy_per_request", series, 1 + limit, CONFIDENCE)
                decided = verdict.verdict != "inconclusive"
                found.append(
                    Estimated(
                        estimate=None if total is None else total - after,
                        truth=verdict.launches - after if decided else None,
                    )
                )
    return found


def main() -> int:
    """Print a line per number of launches; returns 1 when a median is off by more than the factor."""
    print("undecided after so many launches; how many more it was said to take, over how many more it took")
    print(f"{'launches':>8}{'runs':>7}{'median':>9}{'quartiles':>15}{'within 2':>10}{'within 4':>10}", end="")
    print(f"{'said never':>12}{'of them never':>15}")
    met = True
    for after in AFTER:
        found = estimates(after)
        both = [one.estimate / one.truth for one in found if one.estimate and one.truth]
        never = [one for one in found if one.estimate is None]
        low, middle, high = statistics.quantiles(both, n=4)
        met &= 1 / FACTOR <= middle <= FACTOR
        within = {factor: sum(1 / factor <= one <= factor for one in both) / len(both) for factor in (2, 4)}
        truly = sum(one.truth is None for one in never) / len(never) if never else 1.0
        print(
            f"{after:8}{len(found):7}{middle:9.2f}{f'{low:.2f} to {high:.2f}':>15}{within[2]:10.0%}{within[4]:10.0%}"
            f"{len(never) / len(found):12.0%}{truly:15.0%}"
        )
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
