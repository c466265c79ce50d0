"""From the policy's site and a footprint to their parts of a result: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.result.site_result import (
    FootprintResult,
    ReplicaResult,
    SiteResult,
    TrafficResult,
    TrainingResult,
)

if TYPE_CHECKING:
    from energygate.footprint import Footprint, Production
    from energygate.measure.readings import Method
    from energygate.policy import Carbon, Quantity, Site

IN_POLICY = "policy"
"""The source of what the policy says itself."""


def site_result(site: Site, carbon_g_per_kwh: float | None) -> SiteResult:
    """The site that energies are judged for.

    Args:
        site: What the policy says of it.
        carbon_g_per_kwh: Its carbon intensity, which may come from a table; `None` when it has none.
    """
    return SiteResult(
        pue=site.pue,
        carbon_g_per_kwh=carbon_g_per_kwh,
        carbon_source=None if site.carbon is None else carbon_source(site.carbon),
        electricity_price=_text(site.electricity_price),
        requests_per_day=None if site.traffic is None else site.traffic.daily,
        water_l_per_kwh=None if site.water is None else site.water.value,
        egress_price=_text(site.egress_price),
        replica=_replica(site),
        traffic=_traffic(site),
        training=_training(site),
    )


def carbon_source(carbon: Carbon) -> str:
    """Where a carbon intensity is from: a region, a country, or the policy itself."""
    return carbon.cloud or carbon.country or IN_POLICY


def _replica(site: Site) -> ReplicaResult | None:
    replica, embodied = site.replica, site.replica.embodied_carbon
    if not replica.model_fields_set:
        return None
    share = None if embodied is None else 1.0 if embodied.share is None else embodied.share.value
    return ReplicaResult(
        idle_watts=None if replica.idle_power is None else replica.idle_power.value,
        price=_text(replica.price),
        embodied_g=None if embodied is None else embodied.total.value,
        embodied_lifetime_s=None if embodied is None else embodied.lifetime.value,
        embodied_share=share,
    )


def _traffic(site: Site) -> TrafficResult | None:
    traffic = site.traffic
    if traffic is None:
        return None
    after = traffic.scale_to_zero_after
    return TrafficResult(
        requests_per_hour=traffic.hourly,
        warm_replicas=traffic.warm_replicas,
        max_replicas=traffic.max_replicas,
        scale_to_zero_after_s=None if after is None else after.value,
        model_downloads_per_month=traffic.model_downloads_per_month,
    )


def _training(site: Site) -> TrainingResult | None:
    training = site.training
    if training is None:
        return None
    return TrainingResult(energy_kwh=training.energy.value, lifetime_requests=training.lifetime_requests)


def footprint_result(
    found: Footprint, production: Production, *, idle_method: Method | None
) -> FootprintResult:
    """What stands behind a workload's effective energy.

    Args:
        found: What its requests come to.
        production: The site.
        idle_method: How the power at rest of the machine that measured is known; `None` when it is not.
    """
    own = "estimated" if idle_method is None else idle_method.value
    return FootprintResult(
        service_s=found.service_s,
        idle_watts=found.idle_watts,
        idle_source=own if production.idle_watts is None else IN_POLICY,
        replica_seconds_per_day=found.pool.replica_seconds,
        cold_starts_per_day=found.pool.cold_starts,
        active_it_kwh_per_request=found.active_it_kwh,
        idle_it_kwh_per_request=found.idle_it_kwh,
        cold_start_it_kwh_per_request=found.cold_start_it_kwh,
        training_kwh_per_request=production.training_kwh_per_request,
        embodied_g_per_request=found.embodied_g,
        monthly_requests=production.monthly_requests,
        monthly_electricity=found.monthly_electricity,
        monthly_replicas=found.monthly_replicas,
        monthly_egress=found.monthly_egress,
    )


def _text(quantity: Quantity | None) -> str | None:
    return None if quantity is None else quantity.text
