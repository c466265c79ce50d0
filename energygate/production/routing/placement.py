"""Which pool to use at which rate, how far the measurements can tell, and whether two pools together cost less."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from energygate.production.routing.pool_costs import bands, best, cheaper, in_all, switch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.routing.pool_costs import PoolCosts, Region

NOTABLE_SAVING = 0.02
"""A mix that saves less than this share of the power is not worth a second pool."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class ErrorMargins:
    """How far one pool's numbers may be off.

    Attributes:
        energy: Lower and upper factor on what a request adds, from how launches scattered; `None` when unknown.
        rate: The same for what a replica serves.
        uncertainty: Relative uncertainty of absolute joules, of what was read or modelled.
        kin: What its joules come from; of pools that share it, absolute errors are the same.
    """

    energy: tuple[float, float] | None
    rate: tuple[float, float] | None
    uncertainty: float
    kin: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether there are intervals at all."""
        return self.energy is not None and self.rate is not None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A pool that keeps the latency limit, and how far its numbers may be off."""

    pool: PoolCosts
    doubt: ErrorMargins

    def at_best(self, idle: float = 1.0, active: float = 1.0) -> PoolCosts:
        """The pool when its requests are as cheap as the scatter of its launches allows."""
        low, high = (self.doubt.energy or (1.0, 1.0))[0], (self.doubt.rate or (1.0, 1.0))[1]
        return self.pool.scaled(idle=idle, active=active * low, rate=high)

    def at_worst(self, idle: float = 1.0, active: float = 1.0) -> PoolCosts:
        """The pool when its requests are as dear as that allows."""
        high, low = (self.doubt.energy or (1.0, 1.0))[1], (self.doubt.rate or (1.0, 1.0))[0]
        return self.pool.scaled(idle=idle, active=active * high, rate=low)

    def extremes(self) -> tuple[PoolCosts, PoolCosts] | None:
        """The pool at its cheapest and at its dearest, absolute uncertainty included; `None` without intervals."""
        if not self.doubt.known:
            return None
        low, high = 1 - self.doubt.uncertainty, 1 + self.doubt.uncertainty
        return self.at_best(max(0.0, low), max(0.0, low)), self.at_worst(high, high)


def scenarios(one: Candidate, other: Candidate) -> Iterator[tuple[PoolCosts, PoolCosts]]:
    """The cases worst for the one beside the other: where it costs less in all of them, it certainly does.

    Pools whose joules come from the same counters or table rows are wrong together, idle and active power each by a
    factor of its own; costs are linear in these, so that their extremes are the worst. Others are wrong against each
    other.
    """
    mine, others = one.doubt.uncertainty, other.doubt.uncertainty
    if one.doubt.kin == other.doubt.kin:
        factors = max(0.0, 1 - mine), 1 + mine
        for idle in factors:
            for active in factors:
                yield one.at_worst(idle, active), other.at_best(idle, active)
    else:
        low, high = max(0.0, 1 - others), 1 + mine
        yield one.at_worst(high, high), other.at_best(low, low)


def certain(one: Candidate, others: Sequence[Candidate], span: Region) -> list[Region]:
    """The rates at which a pool certainly costs less than each of the others."""
    if not all(each.doubt.known for each in (one, *others)):
        return []
    worst = (case for other in others for case in scenarios(one, other))
    return in_all((cheaper(mine, other, span) for mine, other in worst), span)


def certain_at(one: Candidate, others: Sequence[Candidate], rate_per_s: float) -> bool:
    """Whether a pool certainly costs less than each of the others at a rate."""
    return all(each.doubt.known for each in (one, *others)) and all(
        mine.power_watts(rate_per_s) < theirs.power_watts(rate_per_s)
        for other in others
        for mine, theirs in scenarios(one, other)
    )


@dataclass(frozen=True, kw_only=True)
class Change:
    """Where one pool takes over from another as the rate grows; rates in requests a second.

    Attributes:
        below: The pool up to `rate_per_s`.
        above: The pool from there on.
        rate_per_s: Where to switch, by the numbers alone.
        low_per_s: Up to here `below` certainly is the best; `None` when nowhere.
        high_per_s: From here on `above` certainly is; `None` when nowhere.
        between: All that are the best somewhere in between by the numbers, those two first.
    """

    below: PoolCosts
    above: PoolCosts
    rate_per_s: float
    low_per_s: float | None
    high_per_s: float | None
    between: tuple[PoolCosts, ...]


@dataclass(frozen=True, kw_only=True)
class _Anchor:
    """Rates at which it is settled which pool to use; without a region, an end of the span where it is not."""

    pool: PoolCosts
    region: Region
    sure: bool


def changes(candidates: Sequence[Candidate], span: Region) -> list[Change]:
    """The thresholds between pools, in rising order.

    Where whole replicas or uncertainty make the order change to and fro, that is one threshold with an interval.
    """
    pools = [one.pool for one in candidates]
    found = []
    anchors = _anchors(candidates, span)
    for before, after in pairwise(anchors):
        if before.pool is after.pool:
            continue
        zone = (before.region[1], after.region[0])
        inside = [pool for _, pool in bands(pools, zone) if pool is not None] if zone[0] < zone[1] else []
        found.append(
            Change(
                below=before.pool,
                above=after.pool,
                rate_per_s=switch(before.pool, after.pool, zone) if zone[0] < zone[1] else zone[0],
                low_per_s=before.region[1] if before.sure else None,
                high_per_s=after.region[0] if after.sure else None,
                between=tuple(dict.fromkeys([before.pool, after.pool, *inside])),
            )
        )
    return found


def _anchors(candidates: Sequence[Candidate], span: Region) -> list[_Anchor]:
    """Where it is settled which pool to use, in rising order, and the ends of the span that is served at all."""
    pools = [one.pool for one in candidates]
    served = [(region, pool) for region, pool in bands(pools, span) if pool is not None]
    if not served:
        return []
    ((low, _), first), ((_, high), last) = served[0], served[-1]
    settled = sorted(
        (
            _Anchor(pool=one.pool, region=region, sure=True)
            for one in candidates
            for region in certain(one, [other for other in candidates if other is not one], (low, high))
        ),
        key=lambda anchor: anchor.region,
    )
    ends = (
        _Anchor(pool=first, region=(low, low), sure=False),
        _Anchor(pool=last, region=(high, high), sure=False),
    )
    return [
        *(ends[:1] if not settled or settled[0].region[0] > low else ()),
        *settled,
        *(ends[1:] if not settled or settled[-1].region[1] < high else ()),
    ]


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Two pools that serve a rate together.

    Attributes:
        shares: PoolCosts, replicas and requests a second of each; the one that takes more first.
        power_watts: Facility power of both.
    """

    shares: tuple[tuple[PoolCosts, int, float], tuple[PoolCosts, int, float]]
    power_watts: float


def cheapest_mix(pools: Sequence[PoolCosts], rate_per_s: float) -> Mixture | None:
    """The cheapest placement on two pools; `None` where no two can serve the rate together.

    Given how many replicas the pool has whose requests add less, the other needs as few as carry the rest, and as many
    requests as fit go to the former: so counting through its replicas finds the best of all mixes.
    """
    found = (
        mix
        for frugal, other in permutations(pools, 2)
        if frugal.active_joules <= other.active_joules
        for mix in _mixes(frugal, other, rate_per_s)
    )
    return min(found, key=lambda mix: mix.power_watts, default=None)


def _mixes(frugal: PoolCosts, other: PoolCosts, rate_per_s: float) -> Iterator[Mixture]:
    most = math.ceil(rate_per_s / frugal.replica_rate_per_s)
    for count in range(frugal.warm, min(most, frugal.most or most) + 1):
        rest = rate_per_s - count * frugal.replica_rate_per_s
        if rest <= rate_per_s * _ROUNDING:
            return  # the one alone serves it all
        beside = other.replicas(rest)
        if beside is None:
            continue
        shares = ((frugal, count, rate_per_s - rest), (other, beside, rest))
        power = frugal.power_of(count, rate_per_s - rest) + other.power_of(beside, rest)
        yield Mixture(
            shares=shares if shares[0][2] >= shares[1][2] else (shares[1], shares[0]), power_watts=power
        )


def notable_mix(pools: Sequence[PoolCosts], rate_per_s: float) -> tuple[Mixture, float] | None:
    """The cheapest mix and the share of the best pool's power that it saves; `None` where that is not notable."""
    mix, alone = cheapest_mix(pools, rate_per_s), best(pools, rate_per_s)
    if mix is None:
        return None
    saving = 1.0 if alone is None else 1 - mix.power_watts / alone.power_watts(rate_per_s)
    return (mix, saving) if saving >= NOTABLE_SAVING else None
