"""WorkloadSplit a window's joules over workloads: pure arithmetic, in which nothing is lost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.recorder.samples import SampleEnergy, SampleWindow

HALF_LIFE_NS = 600_000_000_000
"""Ten minutes: after so long a workload that is asked no more bears half as much of the idle energy."""


def share(joules: float, weights: Mapping[str, float]) -> dict[str, float]:
    """Split joules in proportion to weights; who weighs nothing is left out.

    Returns:
        Parts that add up to all of it; empty when nobody weighs anything.
    """
    total = math.fsum(weights.values())
    if not total > 0:
        return {}
    return {name: joules * (weight / total) for name, weight in weights.items() if weight > 0}


class WorkloadSplit:
    """Shares windows over workloads.

    Energy of requests goes to the workloads that had requests in flight in the window, by their time in it. Idle
    energy belongs to nobody in particular: it goes to workloads by their time in flight so far, the last minutes
    counting most, so that a pool kept warm is paid by those it is kept for.

    Args:
        own: The service's own workload, which bears what there is before the first request.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._habits: dict[str, float] = {}

    def split(self, energy: SampleEnergy, window: SampleWindow) -> tuple[dict[str, float], dict[str, float]]:
        """A window's joules by workload: of requests, and idle."""
        fading = 0.5 ** (window.wall_ns / HALF_LIFE_NS)
        for name in {*self._habits, *window.request_ns}:
            self._habits[name] = self._habits.get(name, 0.0) * fading + window.request_ns.get(name, 0)
        habitual = share(energy.idle_joules, self._habits) or {self._own: energy.idle_joules}
        served = share(energy.requests_joules, window.request_ns)
        if not served:  # requests too short for the clock
            served = share(energy.requests_joules, self._habits) or {self._own: energy.requests_joules}
        return served, habitual
