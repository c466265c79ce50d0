"""The site that a result is for, and a workload's footprint there: their schema, and what fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from energygate.document import DocumentPart, Finite
from energygate.policy.traffic import HOURS_A_DAY

if TYPE_CHECKING:
    from energygate.footprint import Footprint, Production
    from energygate.measure.readings import Method
    from energygate.policy import Carbon, Site
    from energygate.policy.site import Replica

IN_POLICY = "policy"
"""The source of a value that the policy itself gives."""


class TrafficResult(DocumentPart):
    """How much production serves, and the replicas it keeps running."""

    requests_per_hour: Annotated[tuple[Finite, ...], Field(min_length=HOURS_A_DAY, max_length=HOURS_A_DAY)] = Field(
        description="Requests in each of the 24 hours of a day."
    )
    warm_replicas: int = Field(description="Replicas that run whether or not requests arrive.")
    max_replicas: int | None = Field(description="The most replicas; null for no limit.")
    scale_to_zero_after_s: Finite | None = Field(
        description="How long the last replica waits for a request before it is shut down; null for never."
    )
    model_downloads_per_month: Finite


class ReplicaResult(DocumentPart):
    """A replica in production, where it differs from the machine that measured."""

    idle_watts: Finite | None = Field(
        description="IT power when idle; null where it is that of the machine that measured."
    )
    price: str | None = Field(description="As the policy writes it.")
    embodied_g: Finite | None = Field(description="Embodied carbon of the whole machine, in gCO2e.")
    embodied_lifetime_s: Finite | None
    embodied_share: Finite | None = Field(description="Share of the machine that a replica takes.")


class TrainingResult(DocumentPart):
    """What training cost."""

    energy_kwh: Finite = Field(description="At the facility, its PUE included.")
    lifetime_requests: Finite


class SiteResult(DocumentPart):
    """The site that energies are judged for."""

    pue: Finite
    carbon_g_per_kwh: Finite | None
    carbon_source: str | None
    electricity_price: str | None
    requests_per_day: Finite | None = Field(
        default=None,
        description="Requests that production serves in a day; null when the policy does not say.",
    )
    water_l_per_kwh: Finite | None = Field(
        default=None,
        description="Water usage effectiveness, by IT energy; null when the policy does not say.",
    )
    egress_price: str | None = Field(default=None, description="As the policy writes it.")
    replica: ReplicaResult | None = Field(default=None, description="Null when the policy does not say.")
    traffic: TrafficResult | None = Field(default=None, description="Null when the policy does not say.")
    training: TrainingResult | None = Field(default=None, description="Null when the policy does not say.")


OF_PRODUCTION = ("requests_per_day", "water_l_per_kwh", "egress_price", "replica", "traffic", "training")
"""The fields of a site that only production's traffic needs."""


class FootprintResult(DocumentPart):
    """How a workload's effective energy comes about: head's pool of replicas at the site's traffic."""

    service_s: Finite = Field(description="Time that a replica is busy with one request.")
    idle_watts: Finite = Field(description="IT power of an idle replica.")
    idle_source: Literal["policy", "measured", "estimated"] = Field(description="Where that power comes from.")
    replica_seconds_per_day: Finite = Field(description="Time that replicas run in a day, summed over them.")
    cold_starts_per_day: Finite = Field(description="How often a request waits for a replica to start.")
    active_it_kwh_per_request: Finite = Field(description="Before PUE: what the request itself causes.")
    idle_it_kwh_per_request: Finite = Field(description="Before PUE: its share of idle replicas.")
    cold_start_it_kwh_per_request: Finite = Field(description="Before PUE: its share of cold starts.")
    training_kwh_per_request: Finite | None = Field(
        description="Its share of training, at the facility; in sci only. Null when the policy does not say."
    )
    embodied_g_per_request: Finite | None = Field(
        description="Its share of the hardware's carbon, in gCO2e; in sci only. Null when the policy does not say."
    )
    monthly_requests: Finite
    monthly_electricity: Finite | None = Field(
        description="In the currency of the site's prices; null without a price. The same holds for the next two."
    )
    monthly_replicas: Finite | None
    monthly_egress: Finite | None = Field(description="Also null where it is not known what leaves the site.")


def site_result(site: Site, carbon_g_per_kwh: float | None) -> SiteResult:
    """Return the site that energies are judged for.

    Args:
        site: The policy's.
        carbon_g_per_kwh: Its carbon intensity, which may come from a table; `None` when it has none.
    """
    traffic, training, replica = site.traffic, site.training, site.replica
    return SiteResult(
        pue=site.pue,
        carbon_g_per_kwh=carbon_g_per_kwh,
        carbon_source=site.carbon and carbon_source(site.carbon),
        electricity_price=site.electricity_price and site.electricity_price.text,
        requests_per_day=traffic and traffic.daily,
        water_l_per_kwh=site.water and site.water.value,
        egress_price=site.egress_price and site.egress_price.text,
        replica=_replica(replica) if replica.model_fields_set else None,
        traffic=traffic
        and TrafficResult(
            requests_per_hour=traffic.hourly,
            warm_replicas=traffic.warm_replicas,
            max_replicas=traffic.max_replicas,
            scale_to_zero_after_s=traffic.scale_to_zero_after and traffic.scale_to_zero_after.value,
            model_downloads_per_month=traffic.model_downloads_per_month,
        ),
        training=training
        and TrainingResult(energy_kwh=training.energy.value, lifetime_requests=training.lifetime_requests),
    )


def _replica(replica: Replica) -> ReplicaResult:
    embodied = replica.embodied_carbon
    return ReplicaResult(
        idle_watts=replica.idle_power and replica.idle_power.value,
        price=replica.price and replica.price.text,
        embodied_g=embodied and embodied.total.value,
        embodied_lifetime_s=embodied and embodied.lifetime.value,
        embodied_share=embodied and (embodied.share.value if embodied.share else 1.0),
    )


def carbon_source(carbon: Carbon) -> str:
    """Return where a carbon intensity comes from: a region, a country, or the policy itself."""
    return carbon.cloud or carbon.country or IN_POLICY


def footprint_result(found: Footprint, production: Production, *, idle_method: Method | None) -> FootprintResult:
    """Return how a workload's effective energy comes about.

    Args:
        found: The workload's footprint.
        production: The site.
        idle_method: How the idle power of the machine that measured is known; `None` when it is not.
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
