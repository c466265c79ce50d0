"""How often a harmless change fails: A/A comparisons, quiet and next to a bursty process.

    uv run python bench/false_alarms.py

Live verdicts are on consecutive launches in the order they were measured; replayed ones on random orders of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from traces import occasions
from verdicts import (
    centred,
    live_verdicts,
    measured,
    median_seconds,
    normal_launches,
    replayed_verdicts,
    scatter,
    share,
    verdicts_at_the_limit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traces import Trace
    from verdicts import Measured, Verdict

LIMITS = (0.02, 0.05)
NOISE_SETS = 20


def table(title: str, traces: Sequence[Trace], judged: Callable[[Trace], list[Verdict]]) -> None:
    """One line per trace, and one for all of them."""
    print(f"\n{title}")
    print(f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}")
    everything: list[Verdict] = []
    for trace in traces:
        verdicts = judged(trace)
        everything += verdicts
        _line(trace.name, f"{scatter(measured(trace)):8.2%}", verdicts)
    _line("all", "", everything)


def _line(name: str, scattered: str, verdicts: Sequence[Verdict]) -> None:
    print(
        f"{name:24} {scattered:8} {len(verdicts):9} {share(verdicts, 'fail'):7.2%} "
        f"{share(verdicts, 'pass'):7.1%} {share(verdicts, 'inconclusive'):8.1%} {median_seconds(verdicts):6.1f} s"
    )


def main() -> None:
    """Print the tables of every occasion."""
    for occasion, recorded in occasions().items():
        traces = [trace for trace in recorded if trace.units == 100]
        print(f"A/A, {occasion} occasion: {traces[0].machine}, {traces[0].recorded}")
        for limit in LIMITS:
            table(
                f"max_increase: {limit:.0%}, the truth is 0 %",
                traces,
                lambda trace, limit=limit: (
                    live_verdicts(measured(trace), limit=limit) + replayed_verdicts(measured(trace), limit=limit)
                ),
            )
        print()
    at_the_limit()


def at_the_limit() -> None:
    """Print how often the rule fails what is exactly at the limit, beside the same procedure on normal noise."""
    pooled: dict[str, list[Measured]] = defaultdict(list)
    for recorded in occasions().values():
        for trace in recorded:
            if trace.units == 100:
                pooled[trace.name] += centred(measured(trace))
    print("max_increase: 2 %, the truth is +2 %, all occasions: no rule can decide, and at most 5 % may fail")
    print(f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}")
    everything: list[Verdict] = []
    for name, launches in pooled.items():
        verdicts = verdicts_at_the_limit(launches, limit=0.02)
        everything += verdicts
        _line(name, f"{scatter(launches):8.2%}", verdicts)
    _line("all", "", everything)
    noise = random.Random(0)  # noqa: S311 - a simulation, not a secret
    count = len(pooled["four_ms-100-quiet"])
    simulated = [
        verdict
        for _ in range(NOISE_SETS)
        for verdict in verdicts_at_the_limit(normal_launches(noise, count), limit=0.02)
    ]
    _line("normal noise instead", "", simulated)


if __name__ == "__main__":
    main()
