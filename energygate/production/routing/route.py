"""From the results of several machines to the plan: which pool serves which load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import METRICS, format_quantity
from energygate.production.routing.measured_pools import Measured, measured_pools
from energygate.production.routing.notes import notes
from energygate.production.routing.placement import Candidate, certain_at, changes, notable_mix
from energygate.production.routing.plan import (
    Band,
    LatencyLimit,
    Mix,
    PoolRow,
    RateRow,
    Rates,
    RoutedPool,
    Routing,
    Share,
    Threshold,
)
from energygate.production.routing.pool_costs import MAX_REPLICAS, PoolCosts, bands, best
from energygate.production.routing.queueing import ReplicaQueue
from energygate.production.routing.requirements import SHARES
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.routing.measured_pools import PoolInput
    from energygate.production.routing.pool_costs import Region
    from energygate.production.routing.requirements import Requirements

MIN_UTILISATION = 0.01
"""A replica that may be used for less of its time than this has no time to queue at all."""

_ROUND = (1.0, 2.0, 5.0)
_SAME = 1e-6


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A measured pool under the limit: what it may be given, or why it cannot be used."""

    measured: Measured
    warm: int
    most: int | None
    utilisation: float | None
    unfit: str | None

    @property
    def replica_rate_per_s(self) -> float | None:
        return None if self.utilisation is None else self.utilisation * self.measured.capacity_per_s

    def candidate(self) -> Candidate:
        one, rate_per_s = self.measured, self.replica_rate_per_s
        assert rate_per_s is not None  # noqa: S101 - asked of fit pools alone
        return Candidate(
            pool=PoolCosts(
                name=one.name,
                idle_watts=one.idle_watts * one.pue,
                active_joules=one.active_joules * one.pue,
                replica_rate_per_s=rate_per_s,
                warm=self.warm,
                most=self.most,
            ),
            doubt=one.doubt,
        )


def route(inputs: Sequence[PoolInput], requirements: Requirements) -> Routing:
    """Find the pool that serves each rate with the least energy within the latency limit.

    Raises:
        UsageError: The results are not of one model on several machines, or the rates need too many replicas.
        MeasurementError: A measurement failed, or cannot be true.
    """
    fitted = [_fitted(one, requirements) for one in measured_pools(inputs)]
    candidates = [one.candidate() for one in fitted if one.unfit is None]
    pools = [one.pool for one in candidates]
    for pool in pools:
        _refuse_crowds(pool, requirements)
    found = changes(candidates, requirements.span)
    rows = tuple(
        _row(rate, candidates) for rate in _rates(requirements.span, {one.rate_per_s for one in found})
    )
    return Routing(
        energygate_version=__version__,
        workload=fitted[0].measured.found.name,
        latency=LatencyLimit(
            metric=requirements.latency.metric,
            limit_s=requirements.latency.limit_s,
            source=requirements.latency.source,
        ),
        rates=Rates(low_per_s=requirements.span[0], high_per_s=requirements.span[1]),
        pools=tuple(_routed(one, requirements) for one in fitted),
        thresholds=tuple(
            Threshold(
                below=one.below.name,
                above=one.above.name,
                rate_per_s=one.rate_per_s,
                low_per_s=one.low_per_s,
                high_per_s=one.high_per_s,
                below_replicas=one.below.replicas(one.rate_per_s) or 0,
                above_replicas=one.above.replicas(one.rate_per_s) or 0,
                between=tuple(pool.name for pool in one.between),
            )
            for one in found
        ),
        bands=tuple(
            Band(low_per_s=low, high_per_s=high, pool=None if pool is None else pool.name)
            for (low, high), pool in bands(pools, requirements.span)
        ),
        rows=rows,
        notes=tuple(notes([one.measured for one in fitted])),
    )


def _fitted(one: Measured, requirements: Requirements) -> _Fitted:
    replica = ReplicaQueue(one.service, one.slots)
    utilisation = replica.highest_utilisation(
        SHARES[requirements.latency.metric], requirements.latency.limit_s
    )
    if _at_rest_s(one, requirements) > requirements.latency.limit_s:
        utilisation = None
    unfit = None
    if utilisation is None or utilisation < MIN_UTILISATION:
        label = METRICS[requirements.latency.metric].label
        at_rest, limit = (
            format_quantity(value, "s")
            for value in (_at_rest_s(one, requirements), requirements.latency.limit_s)
        )
        unfit = (
            f"{label} is {at_rest} even without a queue, and the limit {limit}"
            if utilisation is None
            else f"{label} is {at_rest} without a queue, which leaves no time to wait within the limit of {limit}"
        )
        utilisation = None
    accuracy, least = one.accuracy, requirements.min_accuracy
    if least is not None and accuracy is not None and accuracy < least:
        plan_text, limit = (format_quantity(value, "ratio") for value in (accuracy, least))
        unfit, utilisation = f"its accuracy is {plan_text}, and the policy wants at least {limit}", None
    return _Fitted(
        measured=one,
        warm=max(1, requirements.warm.get(one.name, 1)),
        most=requirements.most,
        utilisation=utilisation,
        unfit=unfit,
    )


def _at_rest_s(one: Measured, requirements: Requirements) -> float:
    """The limited quantile without any queue."""
    times = {"latency_p50": one.service.p50_s, "latency_p95": one.service.p95_s}
    return times.get(requirements.latency.metric, one.service.p99_s)


def _refuse_crowds(pool: PoolCosts, requirements: Requirements) -> None:
    most = MAX_REPLICAS if pool.most is None else min(pool.most, MAX_REPLICAS)
    if pool.warm > most:
        raise UsageError(
            f"pool {pool.name} is to keep {pool.warm:,} replicas warm, and it may have {most:,} at most"
        )
    if pool.most is None and requirements.span[1] > MAX_REPLICAS * pool.replica_rate_per_s:
        raise UsageError(
            f"{requirements.span[1]:,.0f} req/s would take more than {MAX_REPLICAS:,} replicas of {pool.name}",
            hint="Look at lower rates with --rates",
        )


def _routed(one: _Fitted, requirements: Requirements) -> RoutedPool:
    measured = one.measured
    assert measured.found.method is not None  # noqa: S101 - it was measured
    return RoutedPool(
        name=measured.name,
        workload=measured.found.name,
        result=measured.source,
        machine=measured.machine,
        provider=measured.provenance.provider,
        method=measured.found.method,
        source=measured.provenance.source,
        uncertainty=measured.provenance.uncertainty,
        pue=measured.pue,
        idle_watts=measured.idle_watts,
        active_joules_per_request=measured.active_joules,
        capacity_per_s=measured.capacity_per_s,
        slots=measured.slots,
        latency_s=_at_rest_s(measured, requirements),
        utilisation=one.utilisation,
        replica_rate_per_s=one.replica_rate_per_s,
        warm_replicas=one.warm,
        max_replicas=one.most,
        unfit=one.unfit,
    )


def _row(rate_per_s: float, candidates: Sequence[Candidate]) -> RateRow:
    pools = [one.pool for one in candidates]
    chosen = next((one for one in candidates if one.pool is best(pools, rate_per_s)), None)
    others = [one for one in candidates if one is not chosen]
    mixed = notable_mix(pools, rate_per_s)
    return RateRow(
        rate_per_s=rate_per_s,
        pool=None if chosen is None else chosen.pool.name,
        certain=chosen is not None and certain_at(chosen, others, rate_per_s),
        pools=tuple(
            _pool_row(one, rate_per_s, count)
            for one in candidates
            if (count := one.pool.replicas(rate_per_s)) is not None
        ),
        mix=None
        if mixed is None
        else Mix(
            shares=(_share(*mixed[0].shares[0]), _share(*mixed[0].shares[1])),
            power_watts=mixed[0].power_watts,
            saving=mixed[1],
        ),
    )


def _pool_row(one: Candidate, rate_per_s: float, replicas: int) -> PoolRow:
    power = one.pool.power_of(replicas, rate_per_s)
    extremes = one.extremes()
    low, high = (None, None) if extremes is None else (each.power_watts(rate_per_s) for each in extremes)
    return PoolRow(
        pool=one.pool.name,
        replicas=replicas,
        power_watts=power,
        power_low_watts=low if low is not None and math.isfinite(low) else None,
        power_high_watts=high if high is not None and math.isfinite(high) else None,
        joules_per_request=power / rate_per_s,
    )


def _share(pool: PoolCosts, replicas: int, rate_per_s: float) -> Share:
    return Share(pool=pool.name, replicas=replicas, rate_per_s=rate_per_s)


def _rates(span: Region, marks: set[float]) -> list[float]:
    """The ends of a span, the round rates in it, and what else is worth a row; each once."""
    low, high = span
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_ones = {first * 10.0**power for power in decades for first in _ROUND}
    found: list[float] = []
    for rate in sorted({low, high, *(one for one in round_ones | marks if low < one < high)}):
        if not found or rate > found[-1] * (1 + _SAME):
            found.append(rate)
    return found
