"""The decision rules of other tools on the same recorded launches.

    uv run python bench/replay.py

Tools that measure base, then head, get base's windows of one launch and head's of the next ("one after the other");
tools that interleave get both sides of the same launch. A verdict of energygate uses as many
launches as it needs.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np
import scipy.stats
from traces import occasions
from verdicts import measured, replayed_verdicts, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traces import Trace

FIXED_LAUNCHES = 6
LIMIT = 0.02


def mean_ratio(limit: float) -> Callable[[Sequence[int], Sequence[int]], bool]:
    """Alarm when the ratio of means is above the limit (github-action-benchmark's rule; its default is 200 %)."""
    return lambda base, head: statistics.fmean(head) / statistics.fmean(base) > limit


def mann_whitney(base: Sequence[int], head: Sequence[int]) -> bool:
    """Alarm at p < 0.05, one-sided (google/benchmark's test)."""
    return bool(scipy.stats.mannwhitneyu(head, base, alternative="greater").pvalue < 0.05)


def welch(base: Sequence[int], head: Sequence[int]) -> bool:
    """Alarm at p < 0.05, one-sided (hyperfine's script)."""
    return bool(scipy.stats.ttest_ind(head, base, equal_var=False, alternative="greater").pvalue < 0.05)


RULES = {
    "mean ratio > 105 %": mean_ratio(1.05),
    "mean ratio > 110 %": mean_ratio(1.10),
    "mean ratio > 200 %": mean_ratio(2.00),
    "Mann-Whitney p < 0.05": mann_whitney,
    "Welch t p < 0.05": welch,
}


def alarms(trace: Trace, rule: Callable[[Sequence[int], Sequence[int]], bool], *, apart: bool) -> float:
    """Share of comparisons that alarm, by wall time, which is what these tools measure."""
    pairs = zip(trace.launches, trace.launches[1:] if apart else trace.launches, strict=False)
    return float(np.mean([rule(one.base_wall, other.head_wall) for one, other in pairs]))


def fixed_t(trace: Trace) -> float:
    """Share of groups of launches whose one-sided 97.5 % t interval lies above the limit, never looked at before."""
    values = [launch.ratio.value for launch in measured(trace)]
    groups = [values[i : i + FIXED_LAUNCHES] for i in range(len(values) - FIXED_LAUNCHES + 1)]
    quantile = float(scipy.stats.t.ppf(0.975, FIXED_LAUNCHES - 1))
    lows = [np.mean(group) - quantile * np.std(group, ddof=1) / np.sqrt(FIXED_LAUNCHES) for group in groups]
    return float(np.mean([low > np.log1p(LIMIT) for low in lows]))


def main() -> None:
    """Print the table: alarms on nothing, on +2 % and on +5 %."""
    traces = [trace for recorded in occasions().values() for trace in recorded]
    kinds = [(units, neighbour) for units in (100, 102, 105) for neighbour in (False, True)]
    titles = [f"+{units - 100} % {'noisy' if noisy else 'quiet'}" for units, noisy in kinds]
    head = "".join(f"{title:>13}" for title in titles)
    print(f"Share that alarms; {traces[0].machine}, recorded {traces[0].recorded}")
    print(f"{'rule':44}{head}")

    def row(name: str, alarm: Callable[[Trace], float]) -> None:
        cells = []
        for kind in kinds:
            found = [alarm(trace) for trace in traces if (trace.units, trace.neighbour) == kind]
            cells.append(f"{statistics.fmean(found):13.1%}" if found else f"{'-':>13}")
        print(f"{name:44}{''.join(cells)}")

    for apart in (True, False):
        for name, rule in RULES.items():
            how = "one after the other" if apart else "interleaved"
            row(f"{name}, {how}", lambda trace, rule=rule, apart=apart: alarms(trace, rule, apart=apart))
    row(f"t interval of {FIXED_LAUNCHES} launches above +2 %", fixed_t)
    for limits, name in ((1, "energygate, max_increase: 2 %"), (12, "energygate, the same, one of 12 limits")):
        row(
            name,
            lambda trace, limits=limits: share(replayed_verdicts(measured(trace), limit=LIMIT, limits=limits), "fail"),
        )


if __name__ == "__main__":
    main()
