"""How much launches scattered on each recorded occasion, beside what the decision rule believes of them.

    uv run python bench/scatter.py

The first looks of a decision rest on `energygate/measure/scatter.py`; this prints the recordings that its numbers come
from. Launches were recorded whole; those of fewer blocks are the first blocks of the same launches, so they include
whatever has not settled yet. Deviations are from the mean of each comparison, pooled as root mean squares.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from traces import occasions

from energygate.measure.scatter import ALONE, BY_BLOCKS, TOTALS
from energygate.stats import LogRatio, launch_log_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traces import RecordedLaunch, Trace

MAD_TO_SD = 1.4826
ALL_BLOCKS = 10_000
KINDS = {"one thread": 1, "several threads": 2}
NOT_RECORDED = """\
Those, and what was not recorded, are judged from the fourth launch on: p99, time to the first piece, energy of cold
starts, requests at a rate, sides that alternate by whole launches, monthly figures, SCI.
Not recorded, and judged with the numbers above: commands, several clients, energy counters."""


def first_blocks(launch: RecordedLaunch, blocks: int) -> LogRatio:
    """A launch's log ratio from its first blocks."""
    return launch_log_ratio(launch.base_cpu[: 2 * blocks], launch.head_cpu[: 2 * blocks])


def deviations(values: Sequence[float]) -> list[float]:
    """Deviations from the mean, as large as they would be from the true one."""
    mean = statistics.fmean(values)
    return [(value - mean) * math.sqrt(len(values) / (len(values) - 1)) for value in values]


def pooled(traces: Sequence[Trace], value: Callable[[RecordedLaunch], float]) -> list[float]:
    """Deviations of all launches from the means of their comparisons."""
    return [one for trace in traces for one in deviations([value(launch) for launch in trace.launches])]


def rms(values: Sequence[float]) -> float:
    """Root mean square."""
    return math.sqrt(statistics.fmean(value * value for value in values))


def print_ratios(recorded: dict[str, list[Trace]], kind: str) -> None:
    """Print the scatter of ln(head/base) by blocks."""
    counts = [len(one.base_cpu) // 2 for traces in recorded.values() for trace in traces for one in trace.launches]
    launches = len(counts)
    print(f"\n{kind}: ln(head/base) of {launches} launches of {min(counts)} to {max(counts)} blocks")
    titles = "".join(f"{name:>9}" for name in recorded)
    print(f"{'blocks':8}{titles}{'robust':>9}{'worst':>9}{'blocks':>9}{'assumed':>9}{'relative':>10}")
    for blocks in [blocks for blocks, _ in BY_BLOCKS[kind]] + [ALL_BLOCKS]:
        assumed = [sd for least, sd in BY_BLOCKS[kind] if least <= blocks][-1]
        occasion_rms = ""
        values, errors, units, by_trace = [], [], [], []
        for traces in recorded.values():
            devs = pooled(traces, lambda launch, blocks=blocks: first_blocks(launch, blocks).value)
            said = [first_blocks(launch, blocks).error for trace in traces for launch in trace.launches]
            occasion_rms += f"{rms(devs):9.2%}"
            values += devs
            errors += said
            units += [dev / max(assumed, error) for dev, error in zip(devs, said, strict=True)]
            by_trace += [
                rms(pooled([trace], lambda launch, blocks=blocks: first_blocks(launch, blocks).value))
                for trace in traces
            ]
        robust = MAD_TO_SD * statistics.median(map(abs, values))
        name = "all" if blocks == ALL_BLOCKS else str(blocks)
        print(
            f"{name:8}{occasion_rms}{robust:9.2%}{max(by_trace):9.2%}{rms(errors):9.2%}{assumed:9.2%}{rms(units):10.2f}"
        )


def print_sums(recorded: dict[str, list[Trace]], kind: str) -> None:
    """Print the scatter of the sums over launches and of one side alone."""

    def row(name: str, value: Callable[[RecordedLaunch], float], assumed: float) -> None:
        by_trace = [rms(pooled([trace], value)) for traces in recorded.values() for trace in traces]
        cells = "".join(f"{rms(pooled(traces, value)):9.2%}" for traces in recorded.values())
        print(f"{name:44}{cells}{statistics.median(by_trace):9.2%}{max(by_trace):9.2%}{assumed:9.2%}")

    print(f"\n{kind}: whole launches")
    titles = "".join(f"{name:>9}" for name in recorded)
    print(f"{'ln of':44}{titles}{'median':>9}{'worst':>9}{'assumed':>9}")
    row("sum of head's CPU time / base's", lambda one: first_blocks(one, ALL_BLOCKS).total, TOTALS[kind])
    for side in ("base", "head"):
        row(
            f"{side}'s CPU time per request, alone",
            lambda one, side=side: math.log(statistics.fmean(getattr(one, f"{side}_cpu"))),
            ALONE[kind],
        )
        row(
            f"{side}'s median wall time, alone",
            lambda one, side=side: math.log(statistics.median(getattr(one, f"{side}_wall"))),
            ALONE[kind],
        )


def print_single_numbers(everything: dict[str, list[Trace]]) -> None:
    """Print the scatter of what is one number per side and launch, which newer recordings hold."""
    traces = [trace for some in everything.values() for trace in some if all(one.p95 for one in trace.launches)]
    print("\nrecorded, but not used: ln(head/base) of what is one number per side and launch; deviation by comparison")
    print(f"{'ln of':44}{'median':>9}{'worst':>9}")
    for name in ("p95", "cold_start", "peak_memory"):
        by_trace = [rms(pooled([one], lambda launch, name=name: _log(getattr(launch, name)))) for one in traces]
        print(f"{name.replace('_', ' '):44}{statistics.median(by_trace):9.2%}{max(by_trace):9.2%}")


def _log(base_and_head: Sequence[int]) -> float:
    base, head = base_and_head
    return math.log(head / base)


def main() -> None:
    """Print the tables."""
    everything = occasions()
    for name, traces in everything.items():
        print(f"{name}: {len(traces)} comparisons, {sum(len(one.launches) for one in traces)} launches, ", end="")
        print(f"{traces[0].machine}, {traces[0].recorded}")
    for kind, threads in KINDS.items():
        recorded = {name: [one for one in traces if one.threads == threads] for name, traces in everything.items()}
        recorded = {name: traces for name, traces in recorded.items() if traces}
        print_ratios(recorded, kind)
        print_sums(recorded, kind)
    print_single_numbers(everything)
    print(f"\n{NOT_RECORDED}")


if __name__ == "__main__":
    main()
