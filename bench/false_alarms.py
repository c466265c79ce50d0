"""How often an innocent change fails: A/A comparisons, quiet and beside a bursty neighbour.

    uv run python bench/false_alarms.py

Live verdicts are on consecutive launches in the order they were measured; replayed ones on random orders of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traces import occasions
from verdicts import (
    live_verdicts,
    measured,
    median_seconds,
    replayed_verdicts,
    scatter,
    share,
    verdicts_at_the_limit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traces import Trace
    from verdicts import Verdict

LIMITS = (0.02, 0.05)


def table(title: str, traces: Sequence[Trace], judged: Callable[[Trace], list[Verdict]]) -> None:
    """One line per trace, and one for all of them."""
    print(f"\n{title}")
    print(
        f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}"
    )
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
                    live_verdicts(measured(trace), limit=limit)
                    + replayed_verdicts(measured(trace), limit=limit)
                ),
            )
        table(
            "max_increase: 2 %, the truth is +2 %: no rule can decide, and at most 5 % may fail",
            traces,
            lambda trace: verdicts_at_the_limit(measured(trace), limit=0.02),
        )
        print()


if __name__ == "__main__":
    main()
