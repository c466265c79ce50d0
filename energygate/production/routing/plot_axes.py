"""What both plots share: the curves of a plan, and logarithmic axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.policy import format_number, scale_for
from energygate.production.routing.pool_costs import PoolCosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.routing.plan import Routing

_PER_DECADE = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))


def pools_of(routing: Routing) -> list[PoolCosts]:
    """The pools of a plan that can be used, with powers and energies of the facility."""
    return [
        PoolCosts(
            name=one.name,
            idle_watts=one.idle_watts * one.pue,
            active_joules=one.active_joules_per_request * one.pue,
            replica_rate_per_s=one.replica_rate_per_s,
            warm=one.warm_replicas,
            most=one.max_replicas,
        )
        for one in routing.pools
        if one.replica_rate_per_s is not None
    ]


def doubtful(routing: Routing) -> list[tuple[float, float]]:
    """The rates around each threshold at which the measurements do not tell."""
    low, high = routing.rates.low_per_s, routing.rates.high_per_s
    return [
        (
            low if one.low_per_s is None else one.low_per_s,
            high if one.high_per_s is None else one.high_per_s,
        )
        for one in routing.thresholds
    ]


@dataclass(frozen=True, kw_only=True)
class LogAxis:
    """A logarithmic axis: where a value stands between its ends, as a share."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """0 at the lower end, 1 at the upper one."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def value(self, share: float) -> float:
        """The value at a share of the way."""
        return float(self.low * (self.high / self.low) ** share)

    def ticks(self, most: int) -> list[float]:
        """Round values on the axis, about as many as asked for at most."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for firsts in _PER_DECADE:
            ticks = [first * 10.0**power for power in decades for first in firsts]
            inside = [one for one in ticks if self.low <= one * (1 + 1e-9) and one <= self.high * (1 + 1e-9)]
            if found and len(inside) > most:
                break
            found = inside
        return found[:: math.ceil(len(found) / most)] if found else []


def power_axis(watts: Sequence[float]) -> LogAxis:
    """The axis of powers, with some room around them."""
    low, high = min(watts), max(watts)
    return LogAxis(low=low / 1.2, high=max(high, low * 2) * 1.2)


def power_labels(ticks: Sequence[float]) -> list[str]:
    """Powers in the scale that suits each."""
    labels = []
    for watts in ticks:
        factor, unit = scale_for([watts], "W", digits=2)
        labels.append(f"{short(watts * factor)} {unit}")
    return labels


def short(number: float) -> str:
    """A number with as few digits as say it: `5`, `0.25`, `10k`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return short(number / (1e3 if letter == "k" else size)) + letter
    text = format_number(number, digits=2).replace(",", "")
    return text.rstrip("0").rstrip(".") if "." in text else f"{number:.0f}"
