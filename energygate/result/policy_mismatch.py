"""Whether numbers were made as a policy wants them: for its site, by its settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.policy import Family, parse_quantity
from energygate.result.sites import carbon_source, site_result
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Carbon, Site, Workload
    from energygate.result.result import WorkloadResult
    from energygate.result.site_result import SiteResult

_LONGEST_QUOTE = 40


def unlike_site(claimed: SiteResult, site: Site) -> str | None:
    """Say in what numbers were made for another site than the policy's; `None` when it is the same.

    Of a country's or region's carbon intensity only the name is compared: its figure is a table's, and changes with it.
    """
    return next(_unlike_site(claimed, site), None)


def unlike_production(claimed: SiteResult, site: Site) -> str | None:
    """Say in what numbers at production's traffic were made for other terms than the policy's; `None` if in nothing."""
    wanted, found = _terms(site_result(site, None)), _terms(claimed)
    for label, value in wanted.items():
        family = _PRICES.get(label)
        same = _same_price(found[label], value, family) if family else found[label] == value
        if not same:
            said, says = ("none" if one is None else _quote(str(one)) for one in (found[label], value))
            return f"it was measured for {label} {said}, and base's policy says {says}"
    return None


def _terms(site: SiteResult) -> dict[str, object]:
    """Everything of a site that only production's traffic asks for, by its name for people."""
    traffic, replica, training = site.traffic, site.replica, site.training
    return {
        "requests a day": site.requests_per_day,
        "requests by the hour": None if traffic is None else traffic.requests_per_hour,
        "warm replicas": None if traffic is None else traffic.warm_replicas,
        "max replicas": None if traffic is None else traffic.max_replicas,
        "seconds to scale to zero": None if traffic is None else traffic.scale_to_zero_after_s,
        "model downloads a month": None if traffic is None else traffic.model_downloads_per_month,
        "idle power of a replica": None if replica is None else replica.idle_watts,
        "price of a replica": None if replica is None else replica.price,
        "embodied carbon of a replica": None if replica is None else replica.embodied_g,
        "lifetime of a replica": None if replica is None else replica.embodied_lifetime_s,
        "share of a replica": None if replica is None else replica.embodied_share,
        "energy of training": None if training is None else training.energy_kwh,
        "requests after training": None if training is None else training.lifetime_requests,
        "water usage": site.water_l_per_kwh,
        "price of data": site.egress_price,
    }


_PRICES = {"price of a replica": Family.RENT, "price of data": Family.EGRESS_PRICE}


def _unlike_site(claimed: SiteResult, site: Site) -> Iterator[str]:
    if not math.isclose(claimed.pue, site.pue):
        yield f"it was measured for PUE {claimed.pue:g}, and base's policy says {site.pue:g}"
    if not _same_carbon(claimed, site.carbon):
        source, intensity = claimed.carbon_source, claimed.carbon_g_per_kwh
        found = f"{_quote(source)}, {intensity or 0:g} g/kWh" if source else "none"
        yield f"it was measured for carbon intensity {found}, and base's policy says {_carbon(site.carbon)}"
    price = site.electricity_price.text if site.electricity_price else None
    if not _same_price(claimed.electricity_price, price, Family.PRICE):
        found = _quote(claimed.electricity_price or "none")
        yield f"it was measured for electricity price {found}, and base's policy says {price or 'none'}"


def _quote(text: str) -> str:
    return printable(text, max_length=_LONGEST_QUOTE)


def _carbon(carbon: Carbon | None) -> str:
    if carbon is None:
        return "none"
    return str(carbon.intensity) if carbon.intensity else carbon.country or carbon.cloud or ""


def _same_carbon(claimed: SiteResult, carbon: Carbon | None) -> bool:
    if carbon is None:
        return claimed.carbon_source is None and claimed.carbon_g_per_kwh is None
    if claimed.carbon_source != carbon_source(carbon) or claimed.carbon_g_per_kwh is None:
        return False
    return carbon.intensity is None or math.isclose(claimed.carbon_g_per_kwh, carbon.intensity.value)


def _same_price(one: object, other: object, family: Family) -> bool:
    """Whether two prices are the same, however they are written."""
    if one is None or other is None:
        return one is other
    try:
        return parse_quantity(str(one), family) == parse_quantity(str(other), family)
    except ValueError:
        return False


def unlike_settings(one: WorkloadResult, workload: Workload) -> str | None:
    """Say which setting a workload was measured with that is not the policy's; `None` when all are."""
    provenance = one.provenance
    if provenance is None:
        return None
    wanted = {
        "load": str(workload.load),
        "units": workload.units,
        "batch_size": workload.batch_size,
        "threads": workload.threads,
        "provider": workload.provider_name if one.kind == "onnx" else None,  # the kind is head's to choose
    }
    used = {
        "load": provenance.load,
        "units": provenance.unit,
        "batch_size": provenance.batch_size,
        "threads": provenance.threads,
        "provider": provenance.provider,
    }
    for key, value in wanted.items():
        if used[key] != value:
            found = printable(str(used[key]), max_length=_LONGEST_QUOTE)
            return f"it was measured with {key} {found}, and base's policy says {value}"
    return None
