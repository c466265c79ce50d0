"""From the demand of one request to its footprint in production: energy, cost, carbon, water; per request and month.

    effective = (active + idle power * replica-seconds / requests + cold starts / requests) * PUE

Inputs are IT energy; for these numbers PUE is applied here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.footprint.pool import HOUR_S, NoFootprint, Pool, pool_of
from energygate.footprint.production import DAYS_A_MONTH, monthly_egress_cost
from energygate.policy import JOULES_PER_KWH

if TYPE_CHECKING:
    from energygate.footprint.production import Production


@dataclass(frozen=True, kw_only=True)
class RequestDemand:
    """The demand of one request on a replica, before PUE.

    Attributes:
        active_joules: IT energy above idle.
        service_s: Time that a replica is busy with it.
        cold_start_joules: IT energy of starting a replica, until it can serve.
        cold_start_s: Time of that start.
        egress_bytes: Bytes that leave the site with it; `None` when unknown.
        download_bytes: Bytes of one download of the model; `None` when unknown.
    """

    active_joules: float
    service_s: float
    cold_start_joules: float = 0.0
    cold_start_s: float = 0.0
    egress_bytes: float | None = None
    download_bytes: float | None = None


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The footprint of requests at a site's traffic. Money is in the currency of the site's prices.

    Attributes:
        pool: The replicas over a day.
        service_s: Time that a replica is busy with one request.
        idle_watts: IT power of an idle replica.
        active_it_kwh: IT energy that one request causes.
        idle_it_kwh: One request's share of the replicas' idle energy.
        cold_start_it_kwh: One request's share of cold starts.
        effective_kwh: The sum of the three, times PUE.
        monthly_electricity: Its price for all requests of a month; `None` without a price of electricity.
        monthly_replicas: Price of the replicas while they are up or starting; `None` without a price.
        monthly_egress: Price of data that leaves the site; `None` without a price, or when a size is unknown.
        embodied_g: One request's share of embodied carbon; `None` when unknown.
        sci_g: Software carbon intensity in gCO2e per request; `None` without a carbon intensity.
    """

    pool: Pool
    service_s: float
    idle_watts: float
    active_it_kwh: float
    idle_it_kwh: float
    cold_start_it_kwh: float
    effective_kwh: float
    monthly_electricity: float | None
    monthly_replicas: float | None
    monthly_egress: float | None
    embodied_g: float | None
    sci_g: float | None

    @property
    def monthly_cost(self) -> float | None:
        """Cost of electricity, replicas and egress, as far as priced; `None` without the first two."""
        if self.monthly_electricity is None and self.monthly_replicas is None:
            return None
        return sum(one or 0.0 for one in (self.monthly_electricity, self.monthly_replicas, self.monthly_egress))


def footprint(request: RequestDemand, production: Production, *, idle_watts: float | None) -> Footprint:
    """Return the footprint of requests at the site's traffic.

    Carbon per request is the Software Carbon Intensity of ISO/IEC 21031:2024 (Green Software Foundation,
    https://sci.greensoftware.foundation), SCI = ((E * I) + M) per R, a request being R: E is the effective energy with
    training's share, I the site's intensity, and M = TE * TS * RS the embodied carbon of the hardware, by the time
    that it is up and the share of it that a replica takes.

    Args:
        request: The measured demand of one request.
        production: The site and its traffic.
        idle_watts: Idle power of the machine that measured, used unless the policy has one; `None` when unknown.

    Raises:
        NoFootprint: When idle power is unknown, or the pool is too small.
    """
    watts = idle_watts if production.idle_watts is None else production.idle_watts
    if watts is None:
        raise NoFootprint("this machine's idle power is unknown; give site.replica.idle_power")
    pool = pool_of(production.traffic, service_s=request.service_s)
    active = request.active_joules / JOULES_PER_KWH
    idle = watts * pool.replica_seconds / pool.requests / JOULES_PER_KWH
    cold = request.cold_start_joules * pool.cold_starts / pool.requests / JOULES_PER_KWH
    effective = (active + idle + cold) * production.pue
    paid_s = pool.replica_seconds + pool.cold_starts * request.cold_start_s
    intensity, training = production.carbon_g_per_kwh, production.training_kwh_per_request or 0.0
    hardware = _times(paid_s / pool.requests, production.embodied_g_per_s)
    return Footprint(
        pool=pool,
        service_s=request.service_s,
        idle_watts=watts,
        active_it_kwh=active,
        idle_it_kwh=idle,
        cold_start_it_kwh=cold,
        effective_kwh=effective,
        monthly_electricity=_times(effective * production.monthly_requests, production.price_per_kwh),
        monthly_replicas=_times(paid_s / HOUR_S * DAYS_A_MONTH, production.replica_price_per_h),
        monthly_egress=monthly_egress_cost(
            production, egress_bytes=request.egress_bytes, download_bytes=request.download_bytes
        ),
        embodied_g=hardware,
        sci_g=None if intensity is None else (effective + training) * intensity + (hardware or 0.0),
    )


def _times(amount: float, price: float | None) -> float | None:
    return None if price is None else amount * price
