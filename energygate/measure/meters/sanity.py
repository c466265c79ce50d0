"""Whether a reading is plausible, given the facts about its meter: pure functions."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from energygate.measure.readings import Method

if TYPE_CHECKING:
    from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Reading


def fault(reading: Reading, facts: MeterFacts, *, window_ns: int) -> str | None:
    """Return why a reading cannot be right, in one sentence; `None` when it is plausible.

    Args:
        reading: The reading of a window.
        facts: The facts about its meter.
        window_ns: The time between the two reads of the counters.
    """
    expected = [(one.name, one.method) for one in facts.components]
    actual = [(one.name, one.method) for one in reading.components]
    if actual != expected:
        return f"a reading of {_in_words(actual)} came from a meter of {_in_words(expected)}"
    faults = map(_fault, reading.components, facts.components, itertools.repeat(window_ns))
    return next(filter(None, faults), None)


def disagreement(codecarbon_joules: float, own_joules: float, *, slack_joules: float) -> str | None:
    """Return why codecarbon's sum over the processors' counters cannot be right; `None` when it can.

    Args:
        codecarbon_joules: Its reading of the window.
        own_joules: The counters' difference from just before its first read to just after its last.
        slack_joules: The most that can have been counted between those reads and its own.
    """
    rounding = 1e-6 * own_joules + 1e-6
    if codecarbon_joules <= own_joules + rounding and own_joules - codecarbon_joules <= slack_joules + rounding:
        return None
    return (
        f"codecarbon read {codecarbon_joules:.4g} J where the RAPL counters counted {own_joules:.4g} J: "
        "it left out a counter, or added one twice"
    )


def _fault(component: Component, known: ComponentFacts, window_ns: int) -> str | None:
    joules, period_ns = component.energy_joules, known.period_ns or 0
    window = f"a window of {window_ns / 1e6:.1f} ms"
    if not math.isfinite(joules) or joules < 0:
        return f"the {known.source} counter ran backwards in {window}: it reads {joules:.3g} J"
    if component.method is Method.ESTIMATED:
        return None if joules > 0 else f"no {known.name} energy was estimated for {window}"
    if window_ns < period_ns:
        return f"{window} is shorter than the {known.source} counter's period of {period_ns / 1e6:.1f} ms"
    if joules == 0:
        return f"the {known.source} counter did not change in {window}: no energy was measured"
    # The first update in a window includes energy of up to one period before it.
    watts = joules / ((window_ns + period_ns) * 1e-9)
    if known.max_watts is not None and watts > known.max_watts:
        return (
            f"the {known.source} counter reads {joules:.4g} J for {window}, that is {watts:.4g} W; "
            f"{known.device} cannot draw more than {known.max_watts:.4g} W"
        )
    return None


def _in_words(components: list[tuple[str, Method]]) -> str:
    return " and ".join(f"{name} ({method.value})" for name, method in components) or "nothing"
