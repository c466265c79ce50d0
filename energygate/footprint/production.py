"""The site in numbers: factors from joules, seconds and bytes to production's costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.policy import Quantity, Site, Traffic

DAYS_A_MONTH = 365.25 / 12
BYTES_A_GB = 1e9


@dataclass(frozen=True, kw_only=True)
class Production:
    """Where requests are served, how many, and at what price.

    Attributes:
        traffic: Requests by the hour, and the limits of the pool.
        pue: Facility energy per IT energy.
        idle_watts: IT power of an idle replica; `None` for that of the machine that measures.
        carbon_g_per_kwh: Carbon intensity; this and all below are `None` when the policy has none.
        price_per_kwh: Price of electricity, in the currency of all prices.
        water_l_per_kwh: Water usage effectiveness, litres per kWh of IT energy.
        price_per_gb: Price of data that leaves the site, per 10^9 bytes.
        replica_price_per_h: Price of one replica.
        embodied_g_per_s: Embodied carbon of a replica per second that it is up.
        training_kwh_per_request: Facility energy of training, over all requests that the model will serve.
    """

    traffic: Traffic
    pue: float
    idle_watts: float | None = None
    carbon_g_per_kwh: float | None = None
    price_per_kwh: float | None = None
    water_l_per_kwh: float | None = None
    price_per_gb: float | None = None
    replica_price_per_h: float | None = None
    embodied_g_per_s: float | None = None
    training_kwh_per_request: float | None = None

    @property
    def monthly_requests(self) -> float:
        """Requests in a month of 365.25 / 12 days."""
        return self.traffic.daily * DAYS_A_MONTH


def production_of(site: Site, *, carbon_g_per_kwh: float | None) -> Production | None:
    """Return a policy's site in numbers; `None` when it has no traffic.

    Args:
        site: The site.
        carbon_g_per_kwh: Its carbon intensity, possibly from a table; `None` when it has none.
    """
    if site.traffic is None:
        return None
    embodied, training = site.replica.embodied_carbon, site.training
    share = 1.0 if embodied is None or embodied.share is None else embodied.share.value
    return Production(
        traffic=site.traffic,
        pue=site.pue,
        idle_watts=_value(site.replica.idle_power),
        carbon_g_per_kwh=carbon_g_per_kwh,
        price_per_kwh=_value(site.electricity_price),
        water_l_per_kwh=_value(site.water),
        price_per_gb=_value(site.egress_price),
        replica_price_per_h=_value(site.replica.price),
        embodied_g_per_s=None if embodied is None else embodied.total.value * share / embodied.lifetime.value,
        training_kwh_per_request=None if training is None else training.energy.value / training.lifetime_requests,
    )


def monthly_egress_cost(
    production: Production, *, egress_bytes: float | None, download_bytes: float | None
) -> float | None:
    """Return the cost of a month's egress; `None` without a price, or when a relevant size is unknown.

    Args:
        production: The site, with its model downloads.
        egress_bytes: Bytes that leave with one request; `None` when unknown.
        download_bytes: Bytes of one download of the model; `None` when unknown.
    """
    downloads = production.traffic.model_downloads_per_month
    if production.price_per_gb is None or egress_bytes is None or (downloads and download_bytes is None):
        return None
    sent = production.monthly_requests * egress_bytes + downloads * (download_bytes or 0.0)
    return sent / BYTES_A_GB * production.price_per_gb


def _value(quantity: Quantity | None) -> float | None:
    return None if quantity is None else quantity.value
