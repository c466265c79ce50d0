"""What a change means at production's traffic: kWh, kg CO₂e and money a year."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.policy import Family, format_number, format_quantity, parse_quantity
from energygate.report.news import is_shown_to_change
from energygate.report.phrases import MINUS

if TYPE_CHECKING:
    from energygate.report.result import SiteResult, WorkloadResult

DAYS_A_YEAR = 365


def per_year(workload: WorkloadResult, site: SiteResult) -> str:
    """What the workload costs a year, or with a base, what the change does to that.

    Args:
        workload: With its energy per request at the facility, PUE included.
        site: Whose traffic is meant, and whose carbon intensity and price of electricity, where it has them.

    Returns:
        Such as `+0.60 kWh, +0.20 kg CO₂e, +0.15 EUR`; empty where the traffic is not known, energy was not measured,
        or no change is shown.
    """
    metric = workload.metrics.get("energy_per_request")
    if metric is None or site.requests_per_day is None:
        return ""
    if metric.base is not None and (metric.incomparable or not is_shown_to_change(metric)):
        return ""
    energy_kwh = (metric.head - (metric.base or 0.0)) * site.requests_per_day * DAYS_A_YEAR
    if not math.isfinite(energy_kwh):
        return ""
    signed = metric.base is not None
    parts = [_amount(energy_kwh, "kWh", signed=signed)]
    if site.carbon_g_per_kwh is not None:
        parts.append(_amount(energy_kwh * site.carbon_g_per_kwh, "gCO2e", signed=signed))
    price = _price(site)
    if price is not None:
        value, currency = price
        parts.append(_amount(energy_kwh * value, currency, signed=signed))
    return ", ".join(parts)


def assumptions(site: SiteResult) -> str:
    """What stands behind the numbers of `per_year`, as a clause."""
    parts = [f"{format_number(site.requests_per_day or 0.0, digits=4)} requests a day", f"PUE {site.pue:g}"]
    if site.carbon_g_per_kwh is not None:
        parts.append(f"{format_quantity(site.carbon_g_per_kwh, 'gCO2e/kWh')} in {site.carbon_source}")
    return ", ".join(parts)


def _price(site: SiteResult) -> tuple[float, str] | None:
    """The price of a kWh and its currency; `None` without one, or where it does not read as one."""
    if site.electricity_price is None:
        return None
    try:
        price = parse_quantity(site.electricity_price, Family.PRICE)
    except ValueError:
        return None
    return price.value, price.unit.partition("/")[0]


def _amount(value: float, unit: str, *, signed: bool) -> str:
    sign = "" if not signed else "+" if value > 0 else MINUS
    return f"{sign}{format_quantity(abs(value), unit, digits=2)}"
