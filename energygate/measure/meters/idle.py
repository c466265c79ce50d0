"""Idle power: what the machine draws without work, and the part of a reading that the work caused."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.measure.readings import MeterFacts, Reading

IDLE_S = 2.0
"""How long idle power is measured before the first launch, on a machine with counters."""

MIN_WINDOW_S = 0.2
MIN_PERIODS = 3
MIN_IDLE_WINDOWS = 5


def measure_idle_watts(
    window: Callable[[float], Sequence[float]], *, period_ns: int, idle_s: float = IDLE_S
) -> tuple[float, ...]:
    """Return the median power of each counter over several short windows, since a burst affects only some of them.

    Args:
        window: Sleeps for that many seconds and returns the watts of each counter meanwhile.
        period_ns: The period of the slowest counter; a window spans several.
        idle_s: How long to measure.
    """
    longest_s = max(MIN_WINDOW_S, MIN_PERIODS * period_ns * 1e-9)
    count = max(MIN_IDLE_WINDOWS, round(idle_s / longest_s))
    window_s = min(longest_s, max(idle_s / count, MIN_PERIODS * period_ns * 1e-9))
    samples = [window(window_s) for _ in range(count)]
    return tuple(statistics.median(counter) for counter in zip(*samples, strict=True))


def active_joules(reading: Reading, facts: MeterFacts, *, wall_ns: int) -> float:
    """Return the energy that the work caused: gross less idle energy.

    A counter's idle power counts for the whole window; a model's is a share of each CPU-second. A window with less
    than idle power has a negative result, so add windows up before judging.

    Args:
        reading: Gross energy of a window, or of several together.
        facts: Its meter's facts about each component.
        wall_ns: The time that the reading covers.
    """
    return math.fsum(
        component.energy_joules - (known.idle_watts or 0.0) * wall_ns * 1e-9
        if known.active_share is None
        else component.energy_joules * known.active_share
        for component, known in zip(reading.components, facts.components, strict=True)
    )
