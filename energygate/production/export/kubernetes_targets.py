"""How many requests a second a replica gets: from what was measured, what routing found, or an option.

Energy per request falls as a replica gets busier, because its idle power is shared by more requests, and latency
rises. So energy is least within the latency limit where a replica is as busy as that limit allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import METRICS, format_quantity
from energygate.production.export.documents import Noted
from energygate.production.export.kubernetes_measured import (
    is_service,
    names_a_gpu,
    ran_on_gpu,
    replica_of,
    why_unusable,
)
from energygate.production.export.kubernetes_options import MAX_VARIANT_LENGTH
from energygate.production.export.promql import joules, number
from energygate.production.routing.requirements import LATENCY_QUANTILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.production.export.source import RuntimeLimit, Source
    from energygate.production.routing.plan import Routing
    from energygate.result.result import Provenance, WorkloadResult

TOLERANCE = 0.1
"""The autoscaler leaves a deviation of 10 % alone (kube-controller-manager's --horizontal-pod-autoscaler-tolerance), so
a replica may get so much more than its target."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to run a workload: replicas of one kind of machine.

    Attributes:
        name: A DNS label, such as `cpu` or `gpu`.
        gpu: Whether a replica needs a GPU.
        most_per_s: Requests a second that a replica serves within the latency limit.
        origin: Where that number is from, in words.
        idle_watts: IT power of an idle replica; `None` while unknown.
        active_joules: IT energy that a request adds to that; `None` while unknown.
        bare: Whether `most_per_s` is of the model alone, without the server around it.
    """

    name: str
    gpu: bool
    most_per_s: float
    origin: str
    idle_watts: float | None = None
    active_joules: float | None = None
    bare: bool = False

    @property
    def target_per_s(self) -> float:
        """Requests a second that the autoscaler gives a replica."""
        return self.most_per_s / (1 + TOLERANCE)

    def joules_per_request(self, rate_per_s: float, *, pue: float) -> float | None:
        """Effective energy of a request, at the facility, of a replica that serves so many a second."""
        if self.idle_watts is None or self.active_joules is None:
            return None
        return (self.active_joules + self.idle_watts / rate_per_s) * pue

    def least_per_s(self, budget_joules: float, *, pue: float) -> float | None:
        """Requests a second from which on effective energy per request is within a budget.

        Returns:
            Infinite where no rate suffices; `None` while the energies are unknown.
        """
        if self.idle_watts is None or self.active_joules is None:
            return None
        left = budget_joules / pue - self.active_joules
        return self.idle_watts / left if left > 0 else float("inf")


def variants_of(
    source: Source,
    workload: str,
    latency: RuntimeLimit,
    *,
    requests_per_replica: Mapping[str, float],
    routing: Routing | None = None,
) -> tuple[Variant, ...]:
    """Return the variants of a workload whose capacity is known; an option wins over what was measured.

    Args:
        source: Policy and latest result.
        workload: Its name.
        latency: The limit that replicas must keep.
        requests_per_replica: Requests a second that a replica serves within the limit, by variant.
        routing: What `energygate route` found for the workload.

    Raises:
        UsageError: There are none, or a measured one cannot keep the limit.
    """
    measured, why = source.workload_result(workload), why_unusable(source, workload)
    if routing is not None:
        found = _routed(source, routing, latency)
    elif measured is None or measured.provenance is None or why is not None:
        found = {}
    else:
        found = _measured(source, measured, measured.provenance, latency)
    for name, rate in requests_per_replica.items():
        origin = f"--requests-per-replica {name}={rate:g}"
        known = found.get(name) or Variant(name=name, gpu=names_a_gpu(name), most_per_s=rate, origin=origin)
        found[name] = replace(known, most_per_s=rate, origin=origin, bare=False)
    if not found and source.result is not None and why is not None:
        raise UsageError(why[0], hint=why[1])
    if not found:
        raise UsageError(
            f"nothing says how many requests a second a replica of {workload!r} serves within {latency.described} "
            f"({latency.source})",
            hint="Hand over what was measured (--result, or --thresholds with what `energygate route` found), or give "
            "it yourself, such as --requests-per-replica cpu=12 --requests-per-replica gpu=150",
        )
    return tuple(found.values())


def _routed(source: Source, routing: Routing, latency: RuntimeLimit) -> dict[str, Variant]:
    kept = routing.latency
    if kept.metric != latency.metric or kept.limit_s > latency.value:
        raise UsageError(
            f"the routes of {routing.workload!r} keep {METRICS[kept.metric].label} within "
            f"{format_quantity(kept.limit_s, 's')} ({kept.source}), and the policy's limit is "
            f"{METRICS[latency.metric].label} {latency.described} ({latency.source})",
            where="--thresholds",
            hint="Run energygate route again with that limit",
        )
    fit = [pool for pool in routing.pools if pool.replica_rate_per_s]
    if not fit:
        raise UsageError(
            f"no pool of {routing.workload!r} keeps {METRICS[latency.metric].label} within {latency.described}",
            where="--thresholds",
        )
    names = [variant_name(pool.name) for pool in fit]
    if len(set(names)) < len(names):
        raise UsageError(
            f"pools of {routing.workload!r} have the same name in Kubernetes: {', '.join(names)}",
            where="--thresholds",
            hint="Run energygate route with short names in lower case, such as cpu and gpu",
        )
    return {
        name: Variant(
            name=name,
            gpu=names_a_gpu(pool.provider or "") or names_a_gpu(pool.name),
            most_per_s=pool.replica_rate_per_s or 0.0,
            origin=f"routing: pool {pool.name} on {pool.machine}",
            idle_watts=pool.idle_watts,
            active_joules=pool.active_joules_per_request,
            bare=source.policy.workloads[routing.workload].kind != "http",
        )
        for name, pool in zip(names, fit, strict=True)
    }


def variant_name(pool: str) -> str:
    """Return the part of objects' names that stands for a pool."""
    return re.sub("[^a-z0-9]+", "-", pool.lower())[:MAX_VARIANT_LENGTH].strip("-") or "pool"


def _measured(
    source: Source, found: WorkloadResult, provenance: Provenance, latency: RuntimeLimit
) -> dict[str, Variant]:
    """Return the machine of the latest result as a variant."""
    replica = replica_of(found)
    utilisation = replica.highest_utilisation(LATENCY_QUANTILES[latency.metric], latency.value)
    if utilisation is None:
        busy = "" if provenance.load == "closed" else f" ({provenance.load})"
        raise UsageError(
            f"a replica of {found.name!r} like the machine measured{busy} needs longer than {latency.described} even "
            "while nothing queues, so no number of replicas keeps that limit",
            where=latency.source,
            hint="Measure it with fewer requests at once" if busy else None,
        )
    idle_power = source.policy.site.replica.idle_power
    gpu = ran_on_gpu(found)
    name = "gpu" if gpu else "cpu"
    what = "it" if is_service(found) else "the model without a server"
    return {
        name: Variant(
            name=name,
            gpu=gpu,
            most_per_s=utilisation * replica.capacity_per_s,
            origin=f"measured: {utilisation:.0%} of the {replica.capacity_per_s:.4g} a second that {what} serves",
            idle_watts=provenance.idle_watts if idle_power is None else idle_power.value,
            active_joules=joules(provenance.active_it_kwh_per_request),
            bare=not is_service(found),
        )
    }


def lightest_first(variants: Sequence[Variant], routing: Routing | None) -> tuple[Variant, ...]:
    """Return the variants, first the one that serves little load: by routing, or else without a GPU."""
    lowest = None
    if routing is not None:
        lowest = next((variant_name(one.pool) for one in routing.bands if one.pool is not None), None)
    return tuple(sorted(variants, key=lambda one: (one.name != lowest, one.gpu, one.name)))


def takeover(routing: Routing, variant: str) -> Noted | None:
    """Return the lowest rate of the workload from which a variant costs less than what serves below it."""
    found = next((one for one in routing.thresholds if variant_name(one.above) == variant), None)
    if found is None:
        return None
    certain = "" if found.high_per_s is None else "certainly "
    return Noted(
        number(found.rate_per_s if found.high_per_s is None else found.high_per_s),
        f"requests a second; above, {found.above} {certain}costs less than {found.below} "
        f"(by the numbers from {found.rate_per_s:.4g} on)",
    )


def best_at(routing: Routing, rate_per_s: float, variants: Sequence[str]) -> tuple[str, str]:
    """Return the variant that costs least at a rate, and why; the first one where routing has no such rate."""
    inside = [one for one in routing.bands if one.pool is not None and one.low_per_s <= rate_per_s <= one.high_per_s]
    best = variant_name(inside[0].pool or "") if inside else ""
    if best not in variants:
        return variants[0], "routing has no such rate, so that is what serves little load"
    doubtful = [
        one
        for one in routing.thresholds
        if (one.low_per_s or 0.0) < rate_per_s < (one.high_per_s if one.high_per_s is not None else float("inf"))
        and best in map(variant_name, one.between)
    ]
    return best, f"{best} costs least" + (", though the measurements cannot tell for sure" if doubtful else "")
