"""What the decision rule should reach on the recorded launches, and what it reaches.

    uv run python bench/targets.py

The targets are for workloads of one thread with requests of 1 to 40 ms, quiet and noisy, on the occasions that
constants were chosen on; two threads and other occasions are shown without. A change of 30 % is added to launches of
unchanged code; one of 5 % was recorded.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traces import by_use
from verdicts import median_seconds, share, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traces import Trace


@dataclass(frozen=True, kw_only=True)
class Target:
    """A verdict that should come, how often and how soon."""

    case: str
    units: int
    added: float
    limit: float
    verdict: str
    share: float
    median_s: float


TARGETS = (
    Target(case="nothing changed", units=100, added=0, limit=0.05, verdict="pass", share=0.99, median_s=3.0),
    Target(case="+30 %", units=100, added=0.30, limit=0.05, verdict="fail", share=0.99, median_s=2.5),
    Target(case="+5 %", units=105, added=0, limit=0.02, verdict="fail", share=0.99, median_s=5.0),
    Target(case="nothing changed", units=100, added=0, limit=0.02, verdict="pass", share=0.99, median_s=8.0),
)


def row(target: Target, traces: Sequence[Trace], *, limits: int) -> tuple[str, bool]:
    """What is reached, in words, and whether that is the target."""
    some = [
        verdict
        for trace in traces
        if trace.units == target.units
        for verdict in verdicts(trace, limit=target.limit, shift=math.log1p(target.added), limits=limits)
    ]
    if not some:
        return "-", True
    right, wrong = share(some, target.verdict), share(some, "fail" if target.verdict == "pass" else "pass")
    met = right >= target.share and median_seconds(some) <= target.median_s
    return f"{right:6.1%} {wrong:6.2%} {median_seconds(some):5.1f} s", met


def main() -> bool:
    """Print the tables; return whether every target is met where constants were chosen."""
    print("share that is right, share that is wrong, median time to a verdict")
    all_met = []
    for group, traces in by_use().items():
        one_thread = [trace for trace in traces if trace.threads == 1]
        several = [trace for trace in traces if trace.threads > 1]
        print(f"\n{group}")
        print(
            f"{'change':17}{'limit':>6}  {'target':21}{'one thread':>22}{'':9}"
            f"{'one of 12 limits':>22}{'two threads':>23}"
        )
        met_here = True
        for target in TARGETS:
            reached, met = row(target, one_thread, limits=1)
            twelve, _ = row(target, one_thread, limits=12)
            threads, _ = row(target, several, limits=1)
            met_here &= met
            wanted = f"{target.verdict} ≥ {target.share:.0%}, ≤ {target.median_s:g} s"
            word = ("met" if met else "MISSED") if not all_met else ""
            print(f"{target.case:17}{target.limit:6.0%}  {wanted:21}{reached:>22}  {word:7}{twelve:>22}{threads:>23}")
        all_met.append(met_here)
    return all_met[0]


if __name__ == "__main__":
    sys.exit(not main())
