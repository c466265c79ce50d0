"""The site that a result is for, and what a workload's requests come to there, as parts of `result.json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from energygate.policy.traffic import HOURS_A_DAY
from energygate.result.result_model import Finite, ResultModel


class TrafficResult(ResultModel):
    """How much production serves, and what it keeps up for that."""

    requests_per_hour: Annotated[
        tuple[Finite, ...], Field(min_length=HOURS_A_DAY, max_length=HOURS_A_DAY)
    ] = Field(description="Requests in each of the 24 hours of a day.")
    warm_replicas: int = Field(description="Replicas that are up whether or not requests arrive.")
    max_replicas: int | None = Field(description="Replicas at most; null for as many as it takes.")
    scale_to_zero_after_s: Finite | None = Field(
        description="How long the last replica waits for a request before it is shut down; null for ever."
    )
    model_downloads_per_month: Finite


class ReplicaResult(ResultModel):
    """What one replica in production is, where it is not like the machine that measured."""

    idle_watts: Finite | None = Field(
        description="IT power at rest; null where it is the machine's that measured."
    )
    price: str | None = Field(description="As the policy writes it.")
    embodied_g: Finite | None = Field(description="Carbon of making the whole machine, in gCO2e.")
    embodied_lifetime_s: Finite | None
    embodied_share: Finite | None = Field(description="Share of the machine that a replica takes.")


class TrainingResult(ResultModel):
    """What training took."""

    energy_kwh: Finite = Field(description="At the facility, its PUE included.")
    lifetime_requests: Finite


class SiteResult(ResultModel):
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
    replica: ReplicaResult | None = Field(
        default=None, description="Null when the policy says nothing of it."
    )
    traffic: TrafficResult | None = Field(default=None, description="Null when the policy does not say.")
    training: TrainingResult | None = Field(default=None, description="Null when the policy does not say.")


OF_PRODUCTION = ("requests_per_day", "water_l_per_kwh", "egress_price", "replica", "traffic", "training")
"""What of a site only production's traffic asks for."""


class FootprintResult(ResultModel):
    """What stands behind a workload's effective energy: head's pool of replicas at the site's traffic."""

    service_s: Finite = Field(description="Time that a replica is busy with one request.")
    idle_watts: Finite = Field(description="IT power of a replica at rest.")
    idle_source: Literal["policy", "measured", "estimated"] = Field(description="Where that power is from.")
    replica_seconds_per_day: Finite = Field(
        description="Time that replicas are up in a day, summed over them."
    )
    cold_starts_per_day: Finite = Field(description="How often a request waits for a replica to start.")
    active_it_kwh_per_request: Finite = Field(description="Before PUE: what the request itself causes.")
    idle_it_kwh_per_request: Finite = Field(description="Before PUE: its share of replicas at rest.")
    cold_start_it_kwh_per_request: Finite = Field(description="Before PUE: its share of cold starts.")
    training_kwh_per_request: Finite | None = Field(
        description="Its share of training, at the facility; in sci only. Null when the policy does not say."
    )
    embodied_g_per_request: Finite | None = Field(
        description="Its share of the hardware's carbon, in gCO2e; in sci only. Null when the policy does not say."
    )
    monthly_requests: Finite
    monthly_electricity: Finite | None = Field(
        description="In the currency of the site's prices; null without a price. So with the next two."
    )
    monthly_replicas: Finite | None
    monthly_egress: Finite | None = Field(description="Null where it is not known what leaves the site, too.")
