"""How often a harmless change fails: A/A comparisons, quiet and next to a bursty process.

    uv run python bench/false_alarms.py

Live verdicts are on consecutive launches in the order they were measured; replayed ones on random orders of them.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

import scipy.stats
from traces import by_use, occasions
from verdicts import (
    REPLAYS,
    centred,
    measured,
    median_seconds,
    normal_launches,
    scatter,
    share,
    verdicts,
    verdicts_at_the_limit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traces import Trace
    from verdicts import Measured, Verdict

LIMITS = (0.02, 0.05)
SIGNIFICANT = 0.01
NOISE_SETS = 5
NOISE_LAUNCHES = 34


def table(traces: Sequence[Trace], limit: float) -> int:
    """One line per trace, and one for all of them; returns how many verdicts fail."""
    print(f"\nmax_increase: {limit:.0%}, the truth is 0 %")
    print(f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}")
    everything: list[Verdict] = []
    for trace in traces:
        some = verdicts(trace, limit=limit)
        everything += some
        _line(trace.name, f"{scatter(measured(trace)):8.2%}", some)
    _line("all", "", everything)
    _line("all, one of 12 limits", "", [one for trace in traces for one in verdicts(trace, limit=limit, limits=12)])
    return sum(one.verdict == "fail" for one in everything)


def _line(name: str, scattered: str, some: Sequence[Verdict]) -> None:
    print(
        f"{name:24} {scattered:8} {len(some):9} {share(some, 'fail'):7.2%} "
        f"{share(some, 'pass'):7.1%} {share(some, 'inconclusive'):8.1%} {median_seconds(some):6.1f} s"
    )


def main() -> None:
    """Print the tables of every occasion."""
    fails = launches = 0
    for occasion, recorded in occasions().items():
        traces = [trace for trace in recorded if trace.units == 100]
        print(f"A/A, {occasion} occasion: {traces[0].machine}, {traces[0].recorded}")
        fails += sum(table(traces, limit) for limit in LIMITS)
        launches += sum(len(trace.launches) for trace in traces)
        print()
    print(f"launches of unchanged code: {launches:,}; verdicts on them that fail: {fails}\n")
    at_the_limit()


def at_the_limit() -> None:
    """Print how often the rule fails what is exactly at the limit, beside the same procedure on normal noise."""
    for group, traces in by_use().items():
        print(f"max_increase: 2 %, the truth is +2 %, {group}: no rule can decide, and at most 5 % may fail")
        print(f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}")
        everything: list[Verdict] = []
        above = []
        whole = _by_comparison(traces)
        for name, launches in whole.items():
            some = verdicts_at_the_limit(launches, limit=0.02)
            everything += some
            _line(name, f"{scatter(launches):8.2%}", some)
            fails = sum(one.verdict == "fail" for one in some)
            if scipy.stats.binomtest(fails, len(some), 0.05, alternative="greater").pvalue < SIGNIFICANT:
                above.append(name)
        _line("all", "", everything)
        strict = [one for launches in whole.values() for one in verdicts_at_the_limit(launches, limit=0.02, limits=12)]
        _line("all, one of 12 limits", "", strict)
        print(f"above 5 % at p < {SIGNIFICANT:g}: {', '.join(above) or 'none'}\n")
    noise = random.Random(0)  # noqa: S311 - a simulation, not a secret
    simulated = [
        verdict
        for _ in range(NOISE_SETS)
        for verdict in verdicts_at_the_limit(normal_launches(noise, NOISE_LAUNCHES), limit=0.02)
    ]
    _line("normal noise instead", "", simulated)
    print("\nthe same, launches cut to their first blocks and judged by what was recorded of so few")
    print(f"{'launches':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}")
    for blocks in (1, 2, 4, 9):
        for kind in ("one thread", "two threads"):
            some = []
            spread = []
            for traces in occasions().values():
                for name, launches in _by_comparison(traces, blocks=blocks).items():
                    if (kind == "two threads") == name.startswith("two_threads"):
                        some += verdicts_at_the_limit(launches, limit=0.02, draws=REPLAYS // 2)
                        spread.append(scatter(launches))
            _line(f"{blocks} block{'s' * (blocks > 1)}, {kind}", f"{statistics.fmean(spread):8.2%}", some)


def _by_comparison(traces: Sequence[Trace], *, blocks: int | None = None) -> dict[str, list[Measured]]:
    """The centred A/A launches by comparison."""
    whole: dict[str, list[Measured]] = defaultdict(list)
    for trace in traces:
        if trace.units == 100:
            whole[trace.name] += centred(measured(trace, blocks=blocks))
    return whole


if __name__ == "__main__":
    main()
