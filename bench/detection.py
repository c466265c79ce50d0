"""How reliably and how soon a real change is detected: requests that do 102 or 105 units of work instead of 100.

uv run python bench/detection.py
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from traces import occasions
from verdicts import measured, median_seconds, scatter, share, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traces import Trace

CASES = ((105, 0.02), (102, 0.01), (130, 0.05))


def tables(traces: Sequence[Trace]) -> None:
    """Print the tables of one occasion."""
    for units, limit in CASES:
        if not any(trace.units == units for trace in traces):
            continue
        print(f"\nhead does {units} units of work where base does 100; max_increase: {limit:.0%}")
        print(
            f"{'comparison':24} {'request':>9} {'measured':>8} {'scatter':>8} {'fail':>7} {'pass':>7} {'median':>8} "
            f"{'of 12':>8} {'median':>8}"
        )
        for trace in traces:
            if trace.units != units:
                continue
            launches = measured(trace)
            one, twelve = (verdicts(trace, limit=limit, limits=limits) for limits in (1, 12))
            mean = statistics.fmean(launch.ratio.value for launch in launches)
            request_ms = statistics.median(
                wall / trace.calls / 1000 for launch in trace.launches for wall in launch.base_wall
            )
            print(
                f"{trace.name:24} {request_ms:6.2f} ms {mean:+8.2%} {scatter(launches):8.2%} "
                f"{share(one, 'fail'):7.1%} {share(one, 'pass'):7.2%} {median_seconds(one):6.1f} s "
                f"{share(twelve, 'fail'):8.1%} {median_seconds(twelve):6.1f} s"
            )
    print("\nShare of a launch's time that is spent in requests, warm-up included")
    for trace in traces:
        if trace.units == 100:
            shares = [launch.request_seconds / launch.seconds for launch in trace.launches]
            print(f"{trace.name:24} {statistics.median(shares):6.1%} of {len(shares)} launches")
    print()


def main() -> None:
    """Print the tables of every occasion."""
    for occasion, traces in occasions().items():
        print(f"Known changes, {occasion} occasion: {traces[0].machine}, {traces[0].recorded}")
        tables(traces)


if __name__ == "__main__":
    main()
