"""What a change means at production's traffic: energy, carbon, money and water a year, and what that assumes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.policy import Family, format_number, format_quantity, parse_quantity
from energygate.report.phrases import MINUS
from energygate.result.site_result import IN_POLICY
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.result.result import MetricResult, WorkloadResult
    from energygate.result.site_result import SiteResult

DAYS_A_YEAR = 365.25
MONTHS_A_YEAR = 12
MAX_QUOTE = 40
MIN_SHARE = 1e-6
AS_POLICY = "as the policy says"
EFFECTIVE = "effective_energy_per_request"


def per_year(workload: WorkloadResult, site: SiteResult) -> str:
    """Return what the workload costs a year, or with a base, how the change alters that.

    Energy is the effective one, idle replicas included, where it is known; else that of requests alone. Money is
    electricity, and replicas and data sent where they have prices.

    Args:
        workload: With its energy at the facility, PUE included.
        site: Its traffic, and its carbon intensity and electricity price, where it has them.

    Returns:
        Such as `+0.60 kWh, +0.20 kg CO₂e, +0.15 EUR, +1.1 L`; empty where the traffic is not known, energy was not
        measured, or no change is shown.
    """
    metric = workload.metrics.get(EFFECTIVE) or workload.metrics.get("energy_per_request")
    if metric is None or site.requests_per_day is None:
        return ""
    if metric.base is not None and (metric.incomparable or not metric.shows_change):
        return ""
    energy_kwh = _difference(metric) * site.requests_per_day * DAYS_A_YEAR
    amounts = [(energy_kwh, "kWh")]
    if site.carbon_g_per_kwh is not None:
        amounts.append((energy_kwh * site.carbon_g_per_kwh, "gCO2e"))
    cost, price = workload.metrics.get("monthly_cost"), _price(site)
    if cost is not None and EFFECTIVE in workload.metrics:
        amounts.append((_difference(cost) * MONTHS_A_YEAR, cost.unit))
    elif price is not None:
        amounts.append((energy_kwh * price[0], price[1]))
    water = workload.metrics.get("monthly_water")
    if water is not None:
        amounts.append((_difference(water) * MONTHS_A_YEAR, water.unit))
    if not all(math.isfinite(value) for value, _ in amounts):
        return ""
    return ", ".join(_amount(value, unit, signed=metric.base is not None) for value, unit in amounts)


def assumptions(site: SiteResult, workloads: Sequence[WorkloadResult]) -> str:
    """Return the assumptions behind the numbers of `per_year`, as a clause; of several, that they do not add up.

    Args:
        site: The site.
        workloads: Those whose numbers are shown.
    """
    parts = [f"{format_number(site.requests_per_day or 0.0, digits=4)} requests a day"]
    if any(one.footprint is not None for one in workloads):
        parts += [_pool(site), _idle_power(workloads)]
    parts.append(f"PUE {site.pue:g}")
    if site.carbon_g_per_kwh is not None:
        source = site.carbon_source or ""
        where = AS_POLICY if source == IN_POLICY else f"in {printable(source, max_length=MAX_QUOTE)}"
        parts.append(f"{format_quantity(site.carbon_g_per_kwh, 'gCO2e/kWh')} {where}")
    together = "; each workload as if it served all of the traffic" if len(workloads) > 1 else ""
    return ", ".join(parts) + together


def split(workload: WorkloadResult) -> str:
    """Return what effective energy per request is made of; empty where it is not known.

    Returns:
        Such as `effective energy per request 12.3 µWh: 16 % requests, 84 % idle replicas, 0.30 % cold starts`.
    """
    found, metric = workload.footprint, workload.metrics.get(EFFECTIVE)
    if found is None or metric is None:
        return ""
    kinds = {
        "requests": found.active_it_kwh_per_request,
        "idle replicas": found.idle_it_kwh_per_request,
        "cold starts": found.cold_start_it_kwh_per_request,
    }
    total = sum(kinds.values())
    shares = [
        f"{format_quantity(kwh / total, 'ratio', digits=2)} {kind}"
        for kind, kwh in kinds.items()
        if total and kwh / total >= MIN_SHARE
    ]
    text = f"effective energy per request {format_quantity(metric.head, 'kWh')}: {', '.join(shares)}"
    if found.training_kwh_per_request:
        text += f"; training's share, in sci only: {format_quantity(found.training_kwh_per_request, 'kWh')}"
    return text


def _pool(site: SiteResult) -> str:
    """Return how replicas follow the load: `2 warm replicas at 0.34 USD/h`."""
    traffic = site.traffic
    price = f" at {printable(site.replica.price, max_length=MAX_QUOTE)}" if site.replica and site.replica.price else ""
    if traffic is not None and traffic.warm_replicas:
        return f"{traffic.warm_replicas} warm replica{'' if traffic.warm_replicas == 1 else 's'}{price}"
    if traffic is not None and traffic.scale_to_zero_after_s is not None:
        return f"replicas{price} scaled to zero after {format_quantity(traffic.scale_to_zero_after_s, 's')}"
    return f"replicas{price} only while busy"


def _idle_power(workloads: Sequence[WorkloadResult]) -> str:
    """Return what an idle replica draws, and how that is known."""
    found = [one.footprint for one in workloads if one.footprint is not None]
    powers = sorted({(one.idle_watts, AS_POLICY if one.idle_source == IN_POLICY else one.idle_source) for one in found})
    shown = dict.fromkeys(f"{format_quantity(watts, 'W')} ({how})" for watts, how in powers)
    return f"{' or '.join(shown)} each when idle"


def _difference(metric: MetricResult) -> float:
    return metric.head - (metric.shown_base or 0.0)


def _price(site: SiteResult) -> tuple[float, str] | None:
    """Return the price of a kWh and its currency; `None` without one, or where it is not valid."""
    if site.electricity_price is None:
        return None
    try:
        price = parse_quantity(site.electricity_price, Family.PRICE)
    except ValueError:
        return None
    return price.value, price.unit.partition("/")[0]


def _amount(value: float, unit: str, *, signed: bool) -> str:
    sign = "" if not signed or not value else "+" if value > 0 else MINUS
    return f"{sign}{format_quantity(abs(value), unit, digits=2)}"
