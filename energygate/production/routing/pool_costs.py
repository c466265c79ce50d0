"""What a pool costs at a rate, and at which rates one pool costs less than another: exact, steps included."""

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
"""Replicas of one pool that are looked at, each a step in its cost; nobody plans a pool in steps of 0.01 %."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class PoolCosts:
    """Replicas of one machine that serve a workload within the latency limit.

    Attributes:
        name: What it is called.
        idle_watts: Facility power of a replica at rest.
        active_joules: Facility energy that a request adds to that.
        replica_rate_per_s: What a replica may be given within the limit.
        warm: The fewest replicas while the pool is used; unused it has none, and costs nothing.
        most: The most replicas; `None` for as many as it takes.
    """

    name: str
    idle_watts: float
    active_joules: float
    replica_rate_per_s: float
    warm: int = 1
    most: int | None = None

    def replicas(self, rate_per_s: float) -> int | None:
        """The least number that serves a rate; `None` where the pool has not so many."""
        needed = max(self.warm, math.ceil(rate_per_s / self.replica_rate_per_s * (1 - _ROUNDING)))
        return None if self.most is not None and needed > self.most else needed

    def power_watts(self, rate_per_s: float) -> float:
        """Facility power at a rate; infinite where the pool cannot serve it."""
        count = self.replicas(rate_per_s)
        return math.inf if count is None else self.power_of(count, rate_per_s)

    def power_of(self, replicas: int, rate_per_s: float) -> float:
        """Facility power of so many replicas that serve a rate together."""
        return replicas * self.idle_watts + rate_per_s * self.active_joules

    def steps(self, low: float, high: float) -> Iterator[float]:
        """The rates in between up to which so many whole replicas do, and no further."""
        first = max(self.warm, math.floor(low / self.replica_rate_per_s))
        last = math.ceil(high / self.replica_rate_per_s)
        if self.most is not None:
            last = min(last, self.most)
        for count in range(first, last + 1):
            if low < count * self.replica_rate_per_s < high:
                yield count * self.replica_rate_per_s

    def scaled(self, *, idle: float = 1.0, active: float = 1.0, rate: float = 1.0) -> PoolCosts:
        """The same pool where it is measured wrongly by these factors."""
        return replace(
            self,
            idle_watts=self.idle_watts * idle,
            active_joules=self.active_joules * active,
            replica_rate_per_s=self.replica_rate_per_s * rate,
        )


def cheaper(one: PoolCosts, other: PoolCosts, span: Region) -> list[Region]:
    """The rates at which one pool costs less than another, in rising order.

    Between two steps both costs are straight lines, so they cross at most once there.
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


def in_all(regions: Iterable[Sequence[Region]], span: Region) -> list[Region]:
    """The rates that are in every one of several lists of regions, each in rising order."""
    common = [span]
    for others in regions:
        common = list(_in_both(common, others))
    return common


def _in_both(some: Sequence[Region], others: Sequence[Region]) -> Iterator[Region]:
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
    """The pool that costs least at a rate, the first of equals; `None` where none can serve it."""
    found = min(pools, key=lambda pool: pool.power_watts(rate_per_s), default=None)
    return None if found is None or math.isinf(found.power_watts(rate_per_s)) else found


def bands(pools: Sequence[PoolCosts], span: Region) -> list[tuple[Region, PoolCosts | None]]:
    """Which pool costs least, over a whole span of rates; neighbouring bands have different pools."""
    edges = {*span}
    for one in pools:
        edges |= {span[0], span[1], *(one.steps(*span) if one.most is not None else ())}
        for other in pools:
            if other is not one:
                edges |= {edge for region in cheaper(one, other, span) for edge in region}
    ordered = sorted(edges)
    found: list[tuple[Region, PoolCosts | None]] = []
    for left, right in pairwise(ordered):
        pool = best(pools, (left + right) / 2)
        if found and found[-1][1] is pool:
            found[-1] = ((found[-1][0][0], right), pool)
        else:
            found.append(((left, right), pool))
    return found


def switch(below: PoolCosts, above: PoolCosts, span: Region) -> float:
    """The rate at which to go over from one pool to another so that the least energy is lost.

    Where their costs cross once it is there. Where whole replicas make them cross to and fro, it is the rate up to
    which the pool below has saved the most against the one above, all rates counted alike.
    """
    low, high = span
    crossings = {edge for region in cheaper(below, above, span) for edge in region}
    edges = sorted({low, high, *below.steps(low, high), *above.steps(low, high), *crossings})
    lost, least, at = 0.0, 0.0, low
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        mine, others = below.power_watts(middle), above.power_watts(middle)
        if math.isinf(mine):
            break  # from here on there is no choice
        lost += (right - left) * (
            -math.inf if math.isinf(others) else mine - others
        )  # straight lines in between
        if lost < least or math.isinf(lost):
            lost, least, at = (0.0, 0.0, right) if math.isinf(lost) else (lost, lost, right)
    return at
