"""A window's joules divided among workloads: pure arithmetic, in which nothing is lost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.recorder.samples import SampleEnergy, SampleWindow

HALF_LIFE_NS = 600_000_000_000
"""Ten minutes: after so long, a workload without requests bears half as much of the idle energy."""


def divide(joules: float, weights: Mapping[str, float]) -> dict[str, float]:
    """Divide joules in proportion to weights.

    Returns:
        Parts that add up to all of it, of names with a weight above 0; empty when there are none.
    """
    total = math.fsum(weights.values())
    if not total > 0:
        return {}
    return {name: joules * (weight / total) for name, weight in weights.items() if weight > 0}


class WorkloadSplit:
    """Divides windows among workloads.

    Energy of requests goes to the workloads that had requests in flight in the window, by their time in it. Idle
    energy goes to workloads by their time in flight so far, with recent minutes counting most: the workloads that a
    pool is kept warm for pay for it.

    Args:
        own: The service's own workload, which bears all energy before the first request.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._recent: dict[str, float] = {}

    def split(self, energy: SampleEnergy, window: SampleWindow) -> tuple[dict[str, float], dict[str, float]]:
        """Return a window's joules by workload: of requests, and idle."""
        decay = 0.5 ** (window.wall_ns / HALF_LIFE_NS)
        for name in {*self._recent, *window.request_ns}:
            self._recent[name] = self._recent.get(name, 0.0) * decay + window.request_ns.get(name, 0)
        idle = divide(energy.idle_joules, self._recent) or {self._own: energy.idle_joules}
        served = divide(energy.requests_joules, window.request_ns)
        if not served:  # requests too short for the clock
            served = divide(energy.requests_joules, self._recent) or {self._own: energy.requests_joules}
        return served, idle
