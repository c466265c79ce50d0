"""The power of a pool at a rate, and the rates at which one pool costs less than another: exact, steps included."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Region = tuple[float, float]
"""Rates from one to another, in requests a second."""

MAX_REPLICAS = 10_000
"""Replicas of one pool, each a step in its cost; nobody plans a pool in steps of 0.01 %."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class PoolCosts:
    """Replicas of one machine that serve a workload within the latency limit.

    Attributes:
        name: The pool's name.
        idle_watts: Facility power of an idle replica.
        active_joules: Facility energy that a request adds to that.
        replica_rate_per_s: The highest rate of a replica within the limit.
        warm: The minimum of replicas while the pool is used; an unused pool has none, and costs nothing.
        max_replicas: The maximum; `None` for no limit.
    """

    name: str
    idle_watts: float
    active_joules: float
    replica_rate_per_s: float
    warm: int = 1
    max_replicas: int | None = None

    def replicas(self, rate_per_s: float) -> int | None:
        """Return the fewest replicas that serve a rate; `None` where the pool has too few."""
        needed = max(self.warm, math.ceil(rate_per_s / self.replica_rate_per_s * (1 - _ROUNDING)))
        return None if self.max_replicas is not None and needed > self.max_replicas else needed

    def power_watts(self, rate_per_s: float) -> float:
        """Return the facility power at a rate; infinite where the pool cannot serve it."""
        count = self.replicas(rate_per_s)
        return math.inf if count is None else self.power_of(count, rate_per_s)

    def power_of(self, replicas: int, rate_per_s: float) -> float:
        """Return the facility power of a number of replicas that serve a rate together."""
        return replicas * self.idle_watts + rate_per_s * self.active_joules

    def steps(self, low: float, high: float) -> Iterator[float]:
        """Yield the rates in between above which another replica is needed."""
        first = max(self.warm, math.floor(low / self.replica_rate_per_s))
        last = math.ceil(high / self.replica_rate_per_s)
        if self.max_replicas is not None:
            last = min(last, self.max_replicas)
        for count in range(first, last + 1):
            if low < count * self.replica_rate_per_s < high:
                yield count * self.replica_rate_per_s

    def scaled(self, *, idle: float = 1.0, active: float = 1.0, rate: float = 1.0) -> PoolCosts:
        """Return the pool with its measured values multiplied by these factors."""
        return replace(
            self,
            idle_watts=self.idle_watts * idle,
            active_joules=self.active_joules * active,
            replica_rate_per_s=self.replica_rate_per_s * rate,
        )


def cheaper(one: PoolCosts, other: PoolCosts, span: Region) -> list[Region]:
    """Return the rates at which one pool costs less than another, in rising order.

    Between two steps both costs are straight lines, so that they cross at most once.
    """
    low, high = span
    edges = sorted({low, high, *one.steps(low, high), *other.steps(low, high)})
    found: list[Region] = []
    for left, right in pairwise(edges):
        part = _cheaper_between(one, other, left, right)
        if part is None:
            continue
        if found and found[-1][1] == part[0]:
            found[-1] = (found[-1][0], part[1])
        else:
            found.append(part)
    return found


def _cheaper_between(one: PoolCosts, other: PoolCosts, left: float, right: float) -> Region | None:
    middle = (left + right) / 2
    mine, others = one.replicas(middle), other.replicas(middle)
    if mine is None:
        return None
    if others is None:
        return left, right
    at_left, at_right = (one.power_of(mine, at) - other.power_of(others, at) for at in (left, right))
    if at_left >= 0 and at_right >= 0:
        return None
    if at_left <= 0 and at_right <= 0:
        return left, right
    crossing = left + (right - left) * at_left / (at_left - at_right)
    return (left, crossing) if at_left < 0 else (crossing, right)


def intersection(regions: Iterable[Sequence[Region]], span: Region) -> list[Region]:
    """Return the rates of a span that are in every one of several lists of regions, each in rising order."""
    common = [span]
    for others in regions:
        common = list(_overlaps(common, others))
    return common


def _overlaps(some: Sequence[Region], others: Sequence[Region]) -> Iterator[Region]:
    at, beside = 0, 0
    while at < len(some) and beside < len(others):
        low, high = max(some[at][0], others[beside][0]), min(some[at][1], others[beside][1])
        if low < high:
            yield low, high
        if some[at][1] < others[beside][1]:
            at += 1
        else:
            beside += 1


def best(pools: Sequence[PoolCosts], rate_per_s: float) -> PoolCosts | None:
    """Return the pool that costs least at a rate, the first of equals; `None` where none can serve it."""
    found = min(pools, key=lambda pool: pool.power_watts(rate_per_s), default=None)
    return None if found is None or math.isinf(found.power_watts(rate_per_s)) else found


def bands(pools: Sequence[PoolCosts], span: Region) -> list[tuple[Region, PoolCosts | None]]:
    """Return which pool costs least, over a whole span of rates; neighbouring bands have different pools."""
    edges = {*span}
    for one in pools:
        edges |= {*(one.steps(*span) if one.max_replicas is not None else ())}
        for other in pools:
            if other is not one:
                edges |= {edge for region in cheaper(one, other, span) for edge in region}
    found: list[tuple[Region, PoolCosts | None]] = []
    for left, right in pairwise(sorted(edges)):
        pool = best(pools, (left + right) / 2)
        if found and found[-1][1] is pool:
            found[-1] = ((found[-1][0][0], right), pool)
        else:
            found.append(((left, right), pool))
    return found


def switch_rate(below: PoolCosts, above: PoolCosts, span: Region) -> float:
    """Return the rate at which switching from one pool to another wastes the least energy.

    Where their costs cross once, that is the crossing. Where whole replicas make them cross repeatedly, it is the rate
    up to which the pool below has saved the most compared with the one above, all rates weighted equally.
    """
    low, high = span
    crossings = {edge for region in cheaper(below, above, span) for edge in region}
    edges = sorted({low, high, *below.steps(low, high), *above.steps(low, high), *crossings})
    wasted, least, at = 0.0, 0.0, low
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        mine, others = below.power_watts(middle), above.power_watts(middle)
        if math.isinf(mine):
            break  # above this rate there is no choice
        if math.isinf(others):  # up to here there is none
            wasted, least, at = 0.0, 0.0, right
            continue
        wasted += (right - left) * (mine - others)  # straight lines, so the middle is the mean
        if wasted < least:
            least, at = wasted, right
    return at
