"""Which pool to use at which rate, how certain that is, and whether two pools together cost less."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from energygate.production.routing.plan import Mix, Share, Threshold
from energygate.production.routing.pool_costs import bands, best, cheaper, intersection, switch_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.routing.pool_costs import PoolCosts, Region

MIN_SAVING = 0.02
"""A mix that saves a smaller share of the power is not worth a second pool."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class ErrorMargins:
    """How far one pool's numbers may be off.

    Attributes:
        energy: Lower and upper factor on the energy that a request adds, from the scatter of launches; `None` when
            unknown.
        rate: The same for the rate that a replica serves.
        uncertainty: Relative uncertainty of absolute joules.
        sources: Where the joules come from; pools with the same sources have the same absolute errors.
    """

    energy: tuple[float, float] | None
    rate: tuple[float, float] | None
    uncertainty: float
    sources: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether there are intervals at all."""
        return self.energy is not None and self.rate is not None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A pool that keeps the latency limit, and how far its numbers may be off."""

    pool: PoolCosts
    margins: ErrorMargins

    def at_best(self, idle: float = 1.0, active: float = 1.0) -> PoolCosts:
        """Return the pool with its requests as cheap as the scatter of its launches allows."""
        low, high = (self.margins.energy or (1.0, 1.0))[0], (self.margins.rate or (1.0, 1.0))[1]
        return self.pool.scaled(idle=idle, active=active * low, rate=high)

    def at_worst(self, idle: float = 1.0, active: float = 1.0) -> PoolCosts:
        """Return the pool with its requests as expensive as that allows."""
        high, low = (self.margins.energy or (1.0, 1.0))[1], (self.margins.rate or (1.0, 1.0))[0]
        return self.pool.scaled(idle=idle, active=active * high, rate=low)

    def extremes(self) -> tuple[PoolCosts, PoolCosts] | None:
        """Return the pool at its cheapest and most expensive, absolute uncertainty included; `None` when unknown."""
        if not self.margins.known:
            return None
        low, high = max(0.0, 1 - self.margins.uncertainty), 1 + self.margins.uncertainty
        return self.at_best(low, low), self.at_worst(high, high)


def scenarios(one: Candidate, other: Candidate) -> Iterator[tuple[PoolCosts, PoolCosts]]:
    """Yield the worst cases for the one against the other: if it costs less in all of them, it certainly does.

    Pools whose joules come from the same counters or table rows share their errors, idle and active power each by a
    factor of its own; costs are linear in these, so that their extremes are the worst. Errors of other pools oppose
    each other.
    """
    mine, others = one.margins.uncertainty, other.margins.uncertainty
    if one.margins.sources == other.margins.sources:
        factors = max(0.0, 1 - mine), 1 + mine
        for idle in factors:
            for active in factors:
                yield one.at_worst(idle, active), other.at_best(idle, active)
    else:
        low, high = max(0.0, 1 - others), 1 + mine
        yield one.at_worst(high, high), other.at_best(low, low)


def certain(one: Candidate, others: Sequence[Candidate], span: Region) -> list[Region]:
    """Return the rates at which a pool certainly costs less than each of the others."""
    if not all(each.margins.known for each in (one, *others)):
        return []
    worst = (case for other in others for case in scenarios(one, other))
    return intersection((cheaper(mine, other, span) for mine, other in worst), span)


def certain_at(one: Candidate, others: Sequence[Candidate], rate_per_s: float) -> bool:
    """Return whether a pool certainly costs less than each of the others at a rate."""
    return all(each.margins.known for each in (one, *others)) and all(
        mine.power_watts(rate_per_s) < theirs.power_watts(rate_per_s)
        for other in others
        for mine, theirs in scenarios(one, other)
    )


@dataclass(frozen=True, kw_only=True)
class _Anchor:
    """Rates at which the choice of pool is certain; at an end of the span without such rates, just the end."""

    pool: PoolCosts
    region: Region
    certain: bool


def thresholds(candidates: Sequence[Candidate], span: Region) -> list[Threshold]:
    """Return the thresholds between pools, in rising order.

    Where whole replicas or uncertainty make the order alternate, that is one threshold with an interval.
    """
    pools = [one.pool for one in candidates]
    found = []
    for before, after in pairwise(_anchors(candidates, span)):
        if before.pool is after.pool:
            continue
        zone = (before.region[1], after.region[0])
        inside = [pool for _, pool in bands(pools, zone) if pool is not None] if zone[0] < zone[1] else []
        rate_per_s = switch_rate(before.pool, after.pool, zone) if zone[0] < zone[1] else zone[0]
        found.append(
            Threshold(
                below=before.pool.name,
                above=after.pool.name,
                rate_per_s=rate_per_s,
                low_per_s=before.region[1] if before.certain else None,
                high_per_s=after.region[0] if after.certain else None,
                below_replicas=before.pool.replicas(rate_per_s) or 0,
                above_replicas=after.pool.replicas(rate_per_s) or 0,
                between=tuple(dict.fromkeys(pool.name for pool in (before.pool, after.pool, *inside))),
            )
        )
    return found


def _anchors(candidates: Sequence[Candidate], span: Region) -> list[_Anchor]:
    """Return where the choice of pool is certain, in rising order, and the ends of the span that is served at all."""
    served = [(region, pool) for region, pool in bands([one.pool for one in candidates], span) if pool is not None]
    if not served:
        return []
    ((low, _), first), ((_, high), last) = served[0], served[-1]
    settled = sorted(
        (
            _Anchor(pool=one.pool, region=region, certain=True)
            for one in candidates
            for region in certain(one, [other for other in candidates if other is not one], (low, high))
        ),
        key=lambda anchor: anchor.region,
    )
    if not settled or settled[0].region[0] > low:
        settled.insert(0, _Anchor(pool=first, region=(low, low), certain=False))
    if settled[-1].region[1] < high:
        settled.append(_Anchor(pool=last, region=(high, high), certain=False))
    return settled


def best_mix(pools: Sequence[PoolCosts], rate_per_s: float) -> Mix | None:
    """Return the cheapest placement on two pools; `None` where no two can serve the rate together.

    Given the number of replicas of the pool whose requests add less, the other one needs as few as carry the rest, and
    as many requests as fit go to the former: trying each number of its replicas thus finds the best of all mixes.
    """
    alone = best(pools, rate_per_s)
    alone_watts = math.inf if alone is None else alone.power_watts(rate_per_s)
    found = (
        mix
        for cheaper_requests, other in permutations(pools, 2)
        if cheaper_requests.active_joules <= other.active_joules
        for mix in _mixes(cheaper_requests, other, rate_per_s, alone_watts)
    )
    return min(found, key=lambda mix: mix.power_watts, default=None)


def _mixes(main: PoolCosts, other: PoolCosts, rate_per_s: float, alone_watts: float) -> Iterator[Mix]:
    needed = math.ceil(rate_per_s / main.replica_rate_per_s)
    for count in range(main.warm, min(needed, main.max_replicas or needed) + 1):
        rest = rate_per_s - count * main.replica_rate_per_s
        if rest <= rate_per_s * _ROUNDING:
            return  # the main pool alone serves it all
        beside = other.replicas(rest)
        if beside is None:
            continue
        shares = (
            Share(pool=main.name, replicas=count, rate_per_s=rate_per_s - rest),
            Share(pool=other.name, replicas=beside, rate_per_s=rest),
        )
        power_watts = main.power_of(count, rate_per_s - rest) + other.power_of(beside, rest)
        yield Mix(
            shares=shares if rate_per_s - rest >= rest else shares[::-1],
            power_watts=power_watts,
            saving=1 - power_watts / alone_watts,
        )


def worthwhile_mix(pools: Sequence[PoolCosts], rate_per_s: float) -> Mix | None:
    """Return the best mix where it saves at least `MIN_SAVING` of the best single pool's power."""
    mix = best_mix(pools, rate_per_s)
    return mix if mix is not None and mix.saving >= MIN_SAVING else None
