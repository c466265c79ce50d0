"""Whether numbers were measured as a policy asks: for its site, with its settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.policy import Family, parse_quantity
from energygate.result.site_result import carbon_source, site_result
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Carbon, Site, Workload
    from energygate.result.result import WorkloadResult
    from energygate.result.site_result import SiteResult

MAX_QUOTE = 40

_PRICES = {"price of a replica": Family.RENT, "price of data": Family.EGRESS_PRICE}


def site_mismatch(claimed: SiteResult, site: Site) -> str | None:
    """Say how the numbers' site differs from the policy's; `None` when it is the same.

    Of a country's or region's carbon intensity only the name is compared: its figure is a table's, and changes with it.
    """
    return next(_site_mismatches(claimed, site), None)


def production_mismatch(claimed: SiteResult, site: Site) -> str | None:
    """Say how the terms of production's traffic differ from the policy's; `None` when they are the same."""
    asked, used = _production_terms(site_result(site, None)), _production_terms(claimed)
    for label, value in asked.items():
        family = _PRICES.get(label)
        same = _same_price(used[label], value, family) if family else used[label] == value
        if not same:
            return _mismatch(label, used[label], value)
    return None


def settings_mismatch(one: WorkloadResult, workload: Workload) -> str | None:
    """Say which setting a workload was measured with that is not the policy's; `None` when all are."""
    provenance = one.provenance
    if provenance is None:
        return None
    settings = {
        "load": (provenance.load, str(workload.load)),
        "units": (provenance.unit, workload.units),
        "batch_size": (provenance.batch_size, workload.batch_size),
        "threads": (provenance.threads, workload.threads),
        # The kind is head's to choose.
        "provider": (provenance.provider, workload.provider_name if one.kind == "onnx" else None),
    }
    return next((_mismatch(key, used, asked) for key, (used, asked) in settings.items() if used != asked), None)


def _mismatch(what: str, used: object, asked: object) -> str:
    used, asked = ("none" if one is None else printable(str(one), max_length=MAX_QUOTE) for one in (used, asked))
    return f"it was measured with {what} {used}, and base's policy says {asked}"


def _production_terms(site: SiteResult) -> dict[str, object]:
    """Return the fields of a site that only production's traffic needs, by their names for people."""
    traffic, replica, training = site.traffic, site.replica, site.training
    return {
        "requests a day": site.requests_per_day,
        "requests by the hour": traffic and traffic.requests_per_hour,
        "warm replicas": traffic and traffic.warm_replicas,
        "max replicas": traffic and traffic.max_replicas,
        "seconds to scale to zero": traffic and traffic.scale_to_zero_after_s,
        "model downloads a month": traffic and traffic.model_downloads_per_month,
        "idle power of a replica": replica and replica.idle_watts,
        "price of a replica": replica and replica.price,
        "embodied carbon of a replica": replica and replica.embodied_g,
        "lifetime of a replica": replica and replica.embodied_lifetime_s,
        "share of a replica": replica and replica.embodied_share,
        "energy of training": training and training.energy_kwh,
        "requests after training": training and training.lifetime_requests,
        "water usage": site.water_l_per_kwh,
        "price of data": site.egress_price,
    }


def _site_mismatches(claimed: SiteResult, site: Site) -> Iterator[str]:
    if not math.isclose(claimed.pue, site.pue):
        yield _mismatch("PUE", f"{claimed.pue:g}", f"{site.pue:g}")
    if not _same_carbon(claimed, site.carbon):
        used = claimed.carbon_source and f"{claimed.carbon_source}, {claimed.carbon_g_per_kwh or 0:g} g/kWh"
        yield _mismatch("carbon intensity", used, _carbon(site.carbon))
    price = site.electricity_price.text if site.electricity_price else None
    if not _same_price(claimed.electricity_price, price, Family.PRICE):
        yield _mismatch("electricity price", claimed.electricity_price, price)


def _carbon(carbon: Carbon | None) -> str | None:
    if carbon is None:
        return None
    return str(carbon.intensity) if carbon.intensity else carbon.country or carbon.cloud


def _same_carbon(claimed: SiteResult, carbon: Carbon | None) -> bool:
    if carbon is None:
        return claimed.carbon_source is None and claimed.carbon_g_per_kwh is None
    if claimed.carbon_source != carbon_source(carbon) or claimed.carbon_g_per_kwh is None:
        return False
    return carbon.intensity is None or math.isclose(claimed.carbon_g_per_kwh, carbon.intensity.value)


def _same_price(one: object, other: object, family: Family) -> bool:
    """Return whether two prices are the same, however they are written."""
    if one is None or other is None:
        return one is other
    try:
        return parse_quantity(str(one), family) == parse_quantity(str(other), family)
    except ValueError:
        return False
