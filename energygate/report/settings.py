"""Whether numbers were made as a policy wants them: for its site, by its settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.policy import Family, parse_quantity
from energygate.policy.tree import printable
from energygate.report.provenance import carbon_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Carbon, Site, Workload
    from energygate.report.result import SiteResult, WorkloadResult

_LONGEST_QUOTE = 40


def unlike_site(claimed: SiteResult, site: Site) -> str | None:
    """Say in what numbers were made for another site than the policy's; `None` when it is the same.

    Of a country's or region's carbon intensity only the name is compared: its figure is a table's, and changes with it.
    """
    return next(_unlike_site(claimed, site), None)


def _unlike_site(claimed: SiteResult, site: Site) -> Iterator[str]:
    if not math.isclose(claimed.pue, site.pue):
        yield f"it was measured for PUE {claimed.pue:g}, and base's policy says {site.pue:g}"
    if not _same_carbon(claimed, site.carbon):
        source, intensity = claimed.carbon_source, claimed.carbon_g_per_kwh
        found = f"{_quote(source)}, {intensity or 0:g} g/kWh" if source else "none"
        yield f"it was measured for carbon intensity {found}, and base's policy says {_carbon(site.carbon)}"
    price = site.electricity_price.text if site.electricity_price else None
    if not _same_price(claimed.electricity_price, price):
        found = _quote(claimed.electricity_price or "none")
        yield f"it was measured for electricity price {found}, and base's policy says {price or 'none'}"


def _quote(text: str) -> str:
    return printable(text, longest=_LONGEST_QUOTE)


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


def _same_price(one: str | None, other: str | None) -> bool:
    """Whether two prices are the same, however they are written."""
    if one is None or other is None:
        return one is other
    try:
        return parse_quantity(one, Family.PRICE) == parse_quantity(other, Family.PRICE)
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
            found = printable(str(used[key]), longest=_LONGEST_QUOTE)
            return f"it was measured with {key} {found}, and base's policy says {value}"
    return None
