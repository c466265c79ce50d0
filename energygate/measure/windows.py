"""How long a window is, when a workload is warm, and how much one launch measures: pure functions of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCH_NS = 400_000_000
"""Shortest measured time of head alone. Launches are the evidence, so many short ones beat few long ones."""

SINGLE_WINDOW_NS = 20_000_000
"""Shortest window of head alone: the protocol between windows then takes less than 2 %."""

PAIRED_WINDOW_NS = 8_000_000
"""Shortest window of a pair: long compared with the microseconds of a change of sides, short compared with the seconds
in which a machine's speed changes."""

THREADED_WINDOW_NS = 20_000_000
"""Shortest window of a pair with several threads: several times the settling time."""

SETTLING_NS = 5_000_000
"""How long a side with several threads settles at the start of its turn. Its threads wake up on one CPU and are spread
over the others only milliseconds later; without settling, launches scatter a third more (bench/settling.py)."""

WINDOW_MARGIN = 1.25
"""Factor over the meter's shortest window: on a busy machine, calibration overestimates the time of a call."""

FAR_APART = 10
"""Sides that differ by more than this factor are distinguished by short windows too; windows then only have to fit."""

MIN_PAIRED_NS = 600_000_000
"""Shortest measured time of a pair, both sides together."""

MIN_BLOCKS = 9
"""From this many blocks on, the medians of launches scatter by less than 1.5 %; those of two blocks by up to 10 %
(the first blocks of the launches in bench/traces)."""

MAX_BLOCKS = 60
"""Where a launch whose blocks disagree ends."""

START_SHARE = 0.25
"""Measured time as a share of a launch's start: below that, fewer and longer launches are better."""

COVERING_SHARE = 3
"""A launch measures up to this many times longer to serve every input: more launches would also take time to start."""

LAUNCH_ERROR = 0.00625
"""A launch whose blocks leave its log ratio with a larger standard error continues, as long as several launches of that
length fit into the time limit. Only the scatter of the blocks decides, never their values, and scatter is the same
whichever side is worse: continuing cannot bias the ratio."""

MIN_WINDOWS = 4
"""Fewest useful windows of a launch of head alone."""

FEW_LAUNCHES = 3
MORE_LAUNCHES = 5
MANY_LAUNCHES = 8
"""How many launches should fit into the time limit, where starting is expensive. Often the first of a few decides. A
metric whose scatter was not recorded (`measure.scatter`) takes four; at a rate, and of sides that do not take turns
within a launch, nothing was recorded."""

PLANNED_SHARE = 0.9
"""Share of the time limit that is planned: beside other load, launches take longer than planned."""

STEADY_SPAN = 3
STEADY_TOLERANCE = 0.05
"""Warm when the last three windows are not all more than 5 % faster, or slower, than each of the three before. Inputs
that differ in cost make windows scatter, which is no trend."""

STEADY_NS = 500_000_000
"""Windows that take this long together are hardly affected by interruptions: fewer of them show a trend."""

MIN_STEADY_WINDOWS = 3
"""The first window includes what is loaded lazily; two more show whether that was all."""

MIN_WARM_UP_WINDOWS = 2
"""Where calls are so slow that a third one would take too long."""

MAX_WARM_UP_WINDOWS = 40

WARM_UP_SHARE = 1 / 3
"""Share of a launch's start, or of its time to measure, that each side may take to warm up."""


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """What every launch of a workload does.

    Attributes:
        calls: Calls per window.
        windows: Measured windows per side.
        max_windows: Maximum of measured windows per side, where those of a pair do not agree well enough.
        max_warm_up: Maximum of warm-up windows, after which measuring starts anyway.
        settling_calls: Calls served unmeasured at the start of a side's turn.
        warm_up_calls: Calls per warm-up window, served as fast as clients can ask; 0 for as many as in a measured one.
    """

    calls: int
    windows: int
    max_warm_up: int
    settling_calls: int = 0
    max_windows: int = 0
    warm_up_calls: int = 0


def planned_window_ns(least_ns: int, shortest_ns: int) -> int:
    """Return the length to plan for windows, so that they are long enough for a meter even when calls get faster.

    Args:
        least_ns: The meter's shortest meaningful window.
        shortest_ns: The shortest useful window with any meter.
    """
    return max(math.ceil(least_ns * WINDOW_MARGIN), shortest_ns)


def plan_launch(
    *, call_ns: float, min_window_ns: int, time_limit_ns: float, start_ns: float, launches: int = FEW_LAUNCHES
) -> LaunchPlan:
    """Choose windows long enough for the meter; a launch measures about as long as it took to start.

    Args:
        call_ns: Time of one warm call.
        min_window_ns: The meter's shortest meaningful window.
        time_limit_ns: Measuring time of the workload as a whole.
        start_ns: Time of starting, loading and warming up in every launch.
        launches: How many launches should fit into the time limit.
    """
    calls = max(1, math.ceil(min_window_ns / call_ns))
    window_ns = calls * call_ns
    wanted = max(MIN_WINDOWS, math.ceil(max(LAUNCH_NS, start_ns) / window_ns))
    room = _room(window_ns, time_limit_ns, start_ns, launches=launches, enough=MIN_WINDOWS, least=2)
    return LaunchPlan(
        calls=calls,
        windows=min(wanted, room),
        max_windows=room,
        max_warm_up=max_warm_up(window_ns, time_limit_ns=time_limit_ns, start_ns=start_ns),
    )


def plan_pair(  # noqa: PLR0913 - the inputs of a plan
    *,
    call_ns: tuple[float, float],
    min_window_ns: int,
    time_limit_ns: float,
    start_ns: float,
    saved_ns: float = 0.0,
    threads: int = 1,
    launches: int = FEW_LAUNCHES,
    min_blocks: int = MIN_BLOCKS,
) -> LaunchPlan:
    """Choose windows and launches for two sides that take turns.

    A launch measures about as long as it took to start, and `min_blocks` at least, as far as `launches` of them fit
    into the time limit. Where they do not, a launch has fewer blocks, so that a second one fits. A single one
    measures at least two blocks, and for `START_SHARE` of its start, even if nothing fits.

    Args:
        call_ns: Time of one warm call of each side. Both serve the same number of calls per window.
        min_window_ns: The meter's shortest meaningful window; the faster side's windows are at least that, unless
            the other side is so much slower that its windows would fill the time limit.
        time_limit_ns: Measuring time of the workload as a whole.
        start_ns: Time of starting, loading and warming up both workers in the first launch.
        saved_ns: How much less that takes in later ones, whose workers start at once.
        threads: How many threads the workload computes with.
        launches: How many launches should fit into the time limit.
        min_blocks: The fewest useful blocks; 1 where they do not show how far to trust a launch.

    Returns:
        The plan; `windows` is even, two per block and side.
    """
    calls = max(1, math.ceil(min_window_ns / min(call_ns)))
    if max(call_ns) > FAR_APART * min(call_ns):
        fitting = (PLANNED_SHARE * time_limit_ns / launches - start_ns) / (min_blocks * 2 * sum(call_ns))
        calls = max(1, min(calls, int(fitting)))
    block_ns = 2 * calls * sum(call_ns)
    wanted = max(min_blocks, round(max(MIN_PAIRED_NS, start_ns - saved_ns) / block_ns))
    room = _room(
        block_ns,
        time_limit_ns,
        start_ns,
        saved_ns=saved_ns,
        launches=launches,
        enough=min_blocks,
        least=min(2, min_blocks),
    )
    blocks = min(wanted, room)
    # A call as long as a window settles within itself.
    settles = threads > 1 and max(call_ns) < THREADED_WINDOW_NS
    settling_calls = math.ceil(SETTLING_NS / min(call_ns)) if settles else 0
    return LaunchPlan(
        calls=calls,
        windows=2 * blocks,
        max_windows=2 * max(blocks, min(MAX_BLOCKS, room)),
        max_warm_up=max_warm_up(calls * max(call_ns), time_limit_ns=time_limit_ns, start_ns=start_ns),
        settling_calls=min(calls, settling_calls),
    )


def _room(  # noqa: PLR0913 - the inputs of a plan
    one_ns: float,
    time_limit_ns: float,
    start_ns: float,
    *,
    saved_ns: float = 0.0,
    launches: int,
    enough: int,
    least: int,
) -> int:
    """Return for how many blocks, or windows, of `one_ns` a launch has time, if as many launches as possible fit.

    All `launches` should have `enough` blocks, and measure for `START_SHARE` of their starts. Fewer launches have
    `least`; a single one measures for that share, even if it does not fit.
    """
    for count in range(launches, 1, -1):
        mean_start_ns = start_ns - saved_ns * (count - 1) / count
        room = int((PLANNED_SHARE * time_limit_ns / count - mean_start_ns) / one_ns)
        if room >= (max(enough, math.ceil(START_SHARE * mean_start_ns / one_ns)) if count == launches else least):
            return room
    fitting_ns = max(START_SHARE * start_ns, PLANNED_SHARE * time_limit_ns - start_ns)
    return max(least, int(fitting_ns / one_ns))


def covering(plan: LaunchPlan, inputs: int) -> LaunchPlan:
    """Return the plan with windows for all inputs, if that makes a launch at most `COVERING_SHARE` times as long."""
    windows = 2 * math.ceil(inputs / (2 * plan.calls))
    fits = plan.windows < windows <= min(COVERING_SHARE * plan.windows, plan.max_windows)
    return replace(plan, windows=windows) if fits else plan


def max_warm_up(window_ns: float, *, time_limit_ns: float, start_ns: float) -> int:
    """Return after how many windows, which take `window_ns` by now, a side's warm-up ends anyway."""
    budget_ns = WARM_UP_SHARE * max(start_ns, time_limit_ns / FEW_LAUNCHES - start_ns)
    return max(MIN_WARM_UP_WINDOWS, min(MAX_WARM_UP_WINDOWS, int(budget_ns / window_ns)))


def is_steady(call_ns: Sequence[float], *, window_ns: float) -> bool:
    """Return whether calls have stopped getting faster or slower, so that the workload is warm.

    Args:
        call_ns: Time per call in each window so far.
        window_ns: Time of the last window.
    """
    count = len(call_ns)
    if count < min(2 * STEADY_SPAN, max(MIN_STEADY_WINDOWS, 1 + math.ceil(STEADY_NS / window_ns))):
        return False
    span = min(STEADY_SPAN, count // 2)
    last, before = call_ns[-span:], call_ns[-2 * span : -span]
    return max(last) >= (1 - STEADY_TOLERANCE) * min(before) and min(last) <= (1 + STEADY_TOLERANCE) * max(before)


def quantile(sorted_values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least `share` of the values do not exceed (nearest rank).

    Args:
        sorted_values: At least one value, ascending.
        share: In (0, 1].
    """
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]
