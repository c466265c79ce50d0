"""Whether a reading can be right, held against what is known of its meter: pure functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.measure.readings import Method

if TYPE_CHECKING:
    from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Reading


def fault(reading: Reading, facts: MeterFacts, *, window_ns: int) -> str | None:
    """Why a reading cannot be right, in one sentence; `None` when nothing speaks against it.

    Args:
        reading: What a window took.
        facts: What its meter promises.
        window_ns: The time between its two looks at the counters.
    """
    promised = [(one.name, one.method) for one in facts.components]
    found = [(one.name, one.method) for one in reading.components]
    if found != promised:
        return f"a reading of {_in_words(found)} came from a meter of {_in_words(promised)}"
    faults = (
        _fault(component, known, window_ns)
        for component, known in zip(reading.components, facts.components, strict=True)
    )
    return next((one for one in faults if one is not None), None)


def disagreement(codecarbon_joules: float, own_joules: float, *, slack_joules: float) -> str | None:
    """Why codecarbon's sum over the processors' counters cannot be right; `None` when it can.

    Args:
        codecarbon_joules: What it says of the window.
        own_joules: What the counters moved by from just before it looked first until just after it looked last.
        slack_joules: The most that the counters can have moved by between those looks and its own.
    """
    rounding = 1e-6 * own_joules + 1e-6
    if (
        codecarbon_joules <= own_joules + rounding
        and own_joules - codecarbon_joules <= slack_joules + rounding
    ):
        return None
    return (
        f"codecarbon counted {codecarbon_joules:.4g} J where the RAPL counters moved by {own_joules:.4g} J: "
        "it left out a counter, or counted one twice"
    )


def _fault(component: Component, known: ComponentFacts, window_ns: int) -> str | None:
    joules, period_ns = component.energy_joules, known.period_ns or 0
    lasted = f"a window of {window_ns / 1e6:.1f} ms"
    if not math.isfinite(joules) or joules < 0:
        return f"the {known.source} counter ran backwards in {lasted}: it says {joules:.3g} J"
    if component.method is Method.ESTIMATED:
        return None if joules > 0 else f"no {known.name} energy was estimated for {lasted}"
    if window_ns < period_ns:
        return f"{lasted} is shorter than the {known.source} counter's period of {period_ns / 1e6:.1f} ms"
    if joules == 0:
        return f"the {known.source} counter did not move in {lasted}: no energy was measured"
    # What fell to a window's first tick was drawn in up to one period before it.
    watts = joules / ((window_ns + period_ns) * 1e-9)
    if known.max_watts is not None and watts > known.max_watts:
        return (
            f"the {known.source} counter says {joules:.4g} J for {lasted}, that is {watts:.4g} W; "
            f"{known.device} cannot draw more than {known.max_watts:.4g} W"
        )
    return None


def _in_words(components: list[tuple[str, Method]]) -> str:
    return " and ".join(f"{name} ({method.value})" for name, method in components) or "nothing"
