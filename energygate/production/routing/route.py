"""From the results of several machines to the plan: which pool serves which load."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import METRICS, format_quantity
from energygate.production.routing.measured_pools import measured_pools
from energygate.production.routing.notes import notes
from energygate.production.routing.placement import Candidate, certain_at, thresholds, worthwhile_mix
from energygate.production.routing.plan import Band, PoolRow, RateRow, Rates, RoutedPool, Routing
from energygate.production.routing.pool_costs import MAX_REPLICAS, bands, best
from energygate.production.routing.queueing import ReplicaQueue
from energygate.production.routing.requirements import LATENCY_QUANTILES
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.routing.measured_pools import MeasuredPool, PoolInput
    from energygate.production.routing.pool_costs import PoolCosts, Region
    from energygate.production.routing.requirements import Requirements

MIN_UTILISATION = 0.01
"""A replica with a lower utilisation has no time left for a queue."""

_ROUND = (1.0, 2.0, 5.0)
_SAME = 1e-6


def route(inputs: Sequence[PoolInput], requirements: Requirements) -> Routing:
    """Find the pool that serves each rate with the least energy within the latency limit.

    Raises:
        UsageError: The results are not of one model on several machines, or the rates need too many replicas.
        MeasurementError: A measurement failed, or is implausible.
    """
    span = requirements.span
    measured = measured_pools(inputs)
    routed = [_routed(one, requirements) for one in measured]
    candidates = [
        Candidate(pool=costs, margins=one.margins)
        for one, pool in zip(measured, routed, strict=True)
        if (costs := pool.costs()) is not None
    ]
    pools = [one.pool for one in candidates]
    for pool in pools:
        _check_replicas(pool, span)
    found = thresholds(candidates, span)
    rates = _rates(span, {one.rate_per_s for one in found})
    return Routing(
        energygate_version=__version__,
        workload=measured[0].found.name,
        latency=requirements.latency,
        rates=Rates(low_per_s=span[0], high_per_s=span[1]),
        pools=tuple(routed),
        thresholds=tuple(found),
        bands=tuple(
            Band(low_per_s=low, high_per_s=high, pool=None if pool is None else pool.name)
            for (low, high), pool in bands(pools, span)
        ),
        rows=tuple(_row(rate, candidates) for rate in rates),
        notes=tuple(notes(measured)),
    )


def _routed(one: MeasuredPool, requirements: Requirements) -> RoutedPool:
    assert one.found.method is not None  # noqa: S101 - it was measured
    utilisation, unfit = _utilisation(one, requirements)
    return RoutedPool(
        name=one.name,
        workload=one.found.name,
        result=one.given.source,
        machine=one.machine,
        provider=one.provenance.provider,
        method=one.found.method,
        source=one.provenance.source,
        uncertainty=one.provenance.uncertainty,
        pue=one.pue,
        idle_watts=one.idle_watts,
        active_joules_per_request=one.active_joules,
        capacity_per_s=one.capacity_per_s,
        slots=one.slots,
        latency_s=one.unqueued_s(requirements.latency.metric),
        utilisation=utilisation,
        replica_rate_per_s=None if utilisation is None else utilisation * one.capacity_per_s,
        warm_replicas=max(1, requirements.warm.get(one.name, 1)),
        max_replicas=requirements.max_replicas,
        unfit=unfit,
    )


def _utilisation(one: MeasuredPool, requirements: Requirements) -> tuple[float | None, str | None]:
    """Return the highest utilisation of a replica within the limit, or else why the pool cannot be used."""
    accuracy, least = one.accuracy, requirements.min_accuracy
    if least is not None and accuracy is not None and accuracy < least:
        has, limit = (format_quantity(value, "ratio") for value in (accuracy, least))
        return None, f"its accuracy is {has}, and the policy requires at least {limit}"
    latency = requirements.latency
    unqueued_s = one.unqueued_s(latency.metric)
    utilisation = ReplicaQueue(one.service, one.slots).highest_utilisation(
        LATENCY_QUANTILES[latency.metric], latency.limit_s
    )
    if unqueued_s <= latency.limit_s and utilisation is not None and utilisation >= MIN_UTILISATION:
        return utilisation, None
    takes, limit = (format_quantity(value, "s") for value in (unqueued_s, latency.limit_s))
    if unqueued_s > latency.limit_s or utilisation is None:
        return None, f"{METRICS[latency.metric].label} is {takes} even without a queue, and the limit {limit}"
    return None, (
        f"{METRICS[latency.metric].label} is {takes} without a queue, which leaves no time to wait "
        f"within the limit of {limit}"
    )


def _check_replicas(pool: PoolCosts, span: Region) -> None:
    allowed = MAX_REPLICAS if pool.max_replicas is None else min(pool.max_replicas, MAX_REPLICAS)
    if pool.warm > allowed:
        raise UsageError(f"pool {pool.name} is to keep {pool.warm:,} replicas warm, and its maximum is {allowed:,}")
    if pool.max_replicas is None and span[1] > MAX_REPLICAS * pool.replica_rate_per_s:
        raise UsageError(
            f"{span[1]:,.0f} req/s would take more than {MAX_REPLICAS:,} replicas of {pool.name}",
            hint="Choose lower rates with --rates",
        )


def _row(rate_per_s: float, candidates: Sequence[Candidate]) -> RateRow:
    pools = [one.pool for one in candidates]
    chosen = next((one for one in candidates if one.pool is best(pools, rate_per_s)), None)
    others = [one for one in candidates if one is not chosen]
    return RateRow(
        rate_per_s=rate_per_s,
        pool=None if chosen is None else chosen.pool.name,
        certain=chosen is not None and certain_at(chosen, others, rate_per_s),
        pools=tuple(
            _pool_row(one, rate_per_s, count)
            for one in candidates
            if (count := one.pool.replicas(rate_per_s)) is not None
        ),
        mix=worthwhile_mix(pools, rate_per_s),
    )


def _pool_row(one: Candidate, rate_per_s: float, replicas: int) -> PoolRow:
    power = one.pool.power_of(replicas, rate_per_s)
    low, high = [each.power_watts(rate_per_s) for each in one.extremes() or ()] or (None, None)
    return PoolRow(
        pool=one.pool.name,
        replicas=replicas,
        power_watts=power,
        power_low_watts=low if low is not None and math.isfinite(low) else None,
        power_high_watts=high if high is not None and math.isfinite(high) else None,
        joules_per_request=power / rate_per_s,
    )


def _rates(span: Region, marks: set[float]) -> list[float]:
    """Return the ends of a span, the round rates in it, and the marks; each once."""
    low, high = span
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_ones = {first * 10.0**power for power in decades for first in _ROUND}
    found: list[float] = []
    for rate in sorted({low, high, *(one for one in round_ones | marks if low < one < high)}):
        if not found or rate > found[-1] * (1 + _SAME):
            found.append(rate)
    return found
