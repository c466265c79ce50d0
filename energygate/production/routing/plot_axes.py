"""What both plots share: usable pools, ranges without a certain choice, and logarithmic axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.policy import format_number, scale_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.routing.plan import Routing
    from energygate.production.routing.pool_costs import PoolCosts

_PER_DECADE = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))


def pools_of(routing: Routing) -> list[PoolCosts]:
    """Return the usable pools of a plan."""
    return [costs for one in routing.pools if (costs := one.costs()) is not None]


def uncertain_ranges(routing: Routing) -> list[tuple[float, float]]:
    """Return the rates around each threshold at which the measurements cannot decide."""
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
    """A logarithmic axis: converts between values and their positions, 0 at the lower end and 1 at the upper one."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the position of a value."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def value(self, position: float) -> float:
        """Return the value at a position."""
        return float(self.low * (self.high / self.low) ** position)

    def ticks(self, max_count: int) -> list[float]:
        """Return round values on the axis, at most about as many as requested."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for firsts in _PER_DECADE:
            ticks = [first * 10.0**power for power in decades for first in firsts]
            inside = [one for one in ticks if self.low <= one * (1 + 1e-9) and one <= self.high * (1 + 1e-9)]
            if found and len(inside) > max_count:
                break
            found = inside
        return found[:: math.ceil(len(found) / max_count)] if found else []


def power_axis(watts: Sequence[float]) -> LogAxis:
    """Return an axis for powers, with a margin around them."""
    low, high = min(watts), max(watts)
    return LogAxis(low=low / 1.2, high=max(high, low * 2) * 1.2)


def power_labels(ticks: Sequence[float]) -> list[str]:
    """Return labels for powers, each in a suitable unit."""
    labels = []
    for watts in ticks:
        factor, unit = scale_for([watts], "W", digits=2)
        labels.append(f"{short(watts * factor)} {unit}")
    return labels


def short(number: float) -> str:
    """Return a number with as few digits as possible: `5`, `0.25`, `10k`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return short(number / (1e3 if letter == "k" else size)) + letter
    text = format_number(number, digits=2).replace(",", "")
    return text.rstrip("0").rstrip(".") if "." in text else f"{number:.0f}"
