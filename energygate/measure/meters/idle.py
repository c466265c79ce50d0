"""The machine at rest: what it draws when nothing is measured, and what of a reading the work itself caused."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Reading

IDLE_S = 2.0
"""How long a machine with counters is looked at before the first launch."""

MIN_WINDOW_S = 0.2
MIN_PERIODS = 3
MIN_IDLE_WINDOWS = 5


def measure_idle_watts(
    window: Callable[[float], Sequence[float]], *, period_ns: int, idle_s: float = IDLE_S
) -> tuple[float, ...]:
    """The median power of each counter over several short windows: a burst of something else fills only some.

    Args:
        window: Does nothing for so many seconds and returns the watts of each counter meanwhile.
        period_ns: The period of the slowest counter; a window is several of them.
        idle_s: How long to look.
    """
    longest_s = max(MIN_WINDOW_S, MIN_PERIODS * period_ns * 1e-9)
    count = max(MIN_IDLE_WINDOWS, round(idle_s / longest_s))
    window_s = min(longest_s, max(idle_s / count, MIN_PERIODS * period_ns * 1e-9))
    looks = [window(window_s) for _ in range(count)]
    return tuple(statistics.median(counter) for counter in zip(*looks, strict=True))


def active_joules(reading: Reading, facts: MeterFacts, *, wall_ns: int) -> float:
    """What of a reading's energy the work caused, beyond what the machine draws at rest: its gross less idle energy.

    A counter's idle power counts for the whole window; a model's is a share of what each CPU-second costs. A window
    in which the machine drew less than at rest has less than none: add windows up before judging that.

    Args:
        reading: Gross energy of a window, or of several together.
        facts: What its meter knows of each component at rest.
        wall_ns: The time that the reading is of.
    """
    return math.fsum(
        _active(component, known, wall_ns)
        for component, known in zip(reading.components, facts.components, strict=True)
    )


def _active(component: Component, known: ComponentFacts, wall_ns: int) -> float:
    if known.active_share is not None:
        return component.energy_joules * known.active_share
    return component.energy_joules - (known.idle_watts or 0.0) * wall_ns * 1e-9
