"""How long a window is, when a workload is warm, and how much one launch measures: pure functions of numbers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.stats.confidence import MAX_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCH_NS = 400_000_000
"""Measured time per side and launch. Launches are the evidence, so many short ones beat few long ones."""

SINGLE_WINDOW_NS = 20_000_000
"""Shortest window of head alone: the protocol between windows then takes less than 2 %."""

PAIRED_WINDOW_NS = 8_000_000
"""Shortest window of a pair: long compared with the microseconds of a change of sides, short compared with the seconds
in which a machine's speed changes."""

PAIRED_SHARE = 0.78
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
MAX_BLOCKS = 60

LAUNCH_ERROR = 0.00625
"""A launch whose blocks leave its log ratio with a larger standard error continues, as long as several launches of that
length fit into the time limit. Only the scatter of the blocks decides, never their values, and scatter is the same
whichever side is worse: continuing cannot bias the ratio."""

MIN_WINDOWS = 4
MAX_WINDOWS = 40

MIN_PLANNED_LAUNCHES = 8
"""How many launches must fit into the time limit: fewer than five give a useless interval."""

STEADY_SPAN = 3
STEADY_TOLERANCE = 0.05
"""Warm when the median of the last three windows is within 5 % of that of the three before: a smaller trend is lost in
the scatter of windows on shared machines."""

MAX_WARM_UP_WINDOWS = 40


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """What every launch of a workload does.

    Attributes:
        calls: Calls per window.
        windows: Measured windows per side.
        max_windows: Maximum of measured windows per side, where they do not agree well enough.
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


def plan_launch(*, call_ns: float, min_window_ns: int, time_limit_ns: float, start_ns: float) -> LaunchPlan:
    """Choose windows long enough for the meter and launches short enough to have several of them.

    Args:
        call_ns: Time of one warm call.
        min_window_ns: The meter's shortest meaningful window.
        time_limit_ns: Measuring time of the workload as a whole.
        start_ns: Time of starting and loading in every launch.
    """
    calls = max(1, math.ceil(min_window_ns / call_ns))
    window_ns = calls * call_ns
    affordable_ns = max(time_limit_ns / MIN_PLANNED_LAUNCHES - start_ns, window_ns)
    useful = max(MIN_WINDOWS, min(MAX_WINDOWS, math.ceil(LAUNCH_NS / window_ns)))
    affordable = int(affordable_ns / window_ns)
    windows = max(1, min(useful, int(affordable * 0.8)))
    # `is_steady` needs six windows, and there are few when they are long: warm-up may use what is left.
    max_warm_up = max(1, min(MAX_WARM_UP_WINDOWS, max(windows, affordable - windows)))
    return LaunchPlan(calls=calls, windows=windows, max_warm_up=max_warm_up)


def plan_pair(
    *,
    call_ns: tuple[float, float],
    min_window_ns: int,
    time_limit_ns: float,
    start_ns: float,
    threads: int = 1,
) -> LaunchPlan:
    """Choose windows and launches for two sides that take turns.

    Measuring takes `PAIRED_SHARE` of a launch, so that starting workers does not use up the time limit, yet several
    launches fit into it.

    Args:
        call_ns: Time of one warm call of each side. Both serve the same number of calls per window.
        min_window_ns: The meter's shortest meaningful window; the faster side's windows are at least that, unless
            the other side is so much slower that its windows would fill the time limit.
        time_limit_ns: Measuring time of the workload as a whole.
        start_ns: Time of starting and loading both workers in every launch.
        threads: How many threads the workload computes with.

    Returns:
        The plan; `windows` is even, two per block and side.
    """
    calls = max(1, math.ceil(min_window_ns / min(call_ns)))
    if max(call_ns) > FAR_APART * min(call_ns):
        room_ns = max(0.0, time_limit_ns / MIN_PLANNED_LAUNCHES - start_ns)
        calls = max(1, min(calls, int(room_ns / (2 * sum(call_ns)))))
    block_ns = 2 * calls * sum(call_ns)
    useful_ns = max(
        MIN_PAIRED_NS,
        start_ns * PAIRED_SHARE / (1 - PAIRED_SHARE),
        time_limit_ns / MAX_LAUNCHES - start_ns,  # no more launches than that are ever made
    )
    affordable_ns = max(time_limit_ns / MIN_PLANNED_LAUNCHES - start_ns, block_ns)
    affordable = int(affordable_ns / block_ns)
    blocks = max(1, min(MAX_BLOCKS, round(min(useful_ns, affordable_ns) / block_ns)))
    max_warm_up = min(MAX_WARM_UP_WINDOWS, 2 * max(blocks, affordable - blocks))  # as in `plan_launch`
    # A call as long as a window settles within itself.
    settles = threads > 1 and max(call_ns) < THREADED_WINDOW_NS
    settling_calls = math.ceil(SETTLING_NS / min(call_ns)) if settles else 0
    return LaunchPlan(
        calls=calls,
        windows=2 * blocks,
        max_windows=2 * max(blocks, min(MAX_BLOCKS, affordable)),
        max_warm_up=max_warm_up,
        settling_calls=min(calls, settling_calls),
    )


def is_steady(durations_ns: Sequence[float]) -> bool:
    """Return whether the windows have stopped getting faster or slower, so that the workload is warm."""
    if len(durations_ns) < 2 * STEADY_SPAN:
        return False
    last = statistics.median(durations_ns[-STEADY_SPAN:])
    before = statistics.median(durations_ns[-2 * STEADY_SPAN : -STEADY_SPAN])
    return abs(last - before) <= STEADY_TOLERANCE * before


def quantile(sorted_values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least `share` of the values do not exceed (nearest rank).

    Args:
        sorted_values: At least one value, ascending.
        share: In (0, 1].
    """
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]
