"""How often an innocent change fails: A/A comparisons, quiet and beside a bursty neighbour.

    uv run python bench/false_alarms.py

Live verdicts are on consecutive launches in the order they were measured; replayed ones on random orders of them.
"""

from __future__ import annotations

from traces import load_traces
from verdicts import live_verdicts, log_shift, measured, median_seconds, replayed_verdicts, scatter, share

LIMITS = (0.02, 0.05)


def main() -> None:
    """Print the tables."""
    traces = [trace for trace in load_traces() if trace.units == 100]
    print(f"A/A on {traces[0].machine}, recorded {traces[0].recorded}")
    for limit in LIMITS:
        print(f"\nmax_increase: {limit:.0%}, the truth is 0 %")
        print(
            f"{'comparison':24} {'scatter':>8} {'verdicts':>9} {'fail':>7} {'pass':>7} {'unclear':>8} {'median':>8}"
        )
        everything = []
        for trace in traces:
            launches = measured(trace)
            verdicts = live_verdicts(launches, limit=limit) + replayed_verdicts(launches, limit=limit)
            everything += verdicts
            print(
                f"{trace.name:24} {scatter(launches):8.2%} {len(verdicts):9} {share(verdicts, 'fail'):7.2%} "
                f"{share(verdicts, 'pass'):7.1%} {share(verdicts, 'inconclusive'):8.1%} "
                f"{median_seconds(verdicts):6.1f} s"
            )
        print(
            f"{'all':24} {'':8} {len(everything):9} {share(everything, 'fail'):7.2%} "
            f"{share(everything, 'pass'):7.1%} {share(everything, 'inconclusive'):8.1%}"
        )
    print("\nThe truth equals the limit (+2 % added to every launch, limit 2 %): at most 5 % may fail")
    everything = []
    for trace in traces:
        verdicts = replayed_verdicts(measured(trace), limit=0.02, shift=log_shift(0.02))
        everything += verdicts
        print(f"{trace.name:24} {len(verdicts):5} verdicts, {share(verdicts, 'fail'):.1%} fail")
    print(f"{'all':24} {len(everything):5} verdicts, {share(everything, 'fail'):.1%} fail")


if __name__ == "__main__":
    main()
