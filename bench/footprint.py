"""One model's requests at one site's traffic, served by different pools: the worked example of docs/measuring.md.

uv run python bench/footprint.py
"""

from __future__ import annotations

from dataclasses import replace

from energygate.footprint import DAYS_A_MONTH, Footprint, RequestDemand, footprint, production_of
from energygate.policy import Site, format_number, format_quantity

REQUEST = RequestDemand(active_joules=6.0, service_s=0.4, cold_start_joules=60.0, cold_start_s=4.0)
"""15 W for 400 ms above the 12 W of an idle replica; a start takes 4 s."""

BURSTY = [0, 0, 0, 0, 0, 500, 3500, 9500, 18000, 27000, 28500, 22000, 12000, 19000, 21500, 18000, 10500, 5500]
BURSTY += [3000, 1000, 500, 0, 0, 0]

SITE = {
    "pue": 1.25,
    "carbon": {"intensity": "380 g/kWh"},
    "electricity_price": "0.25 USD/kWh",
    "water": "1.8 L/kWh",
    "replica": {"idle_power": "12 W", "price": "0.34 USD/h"},
}
POOLS: dict[str, dict[str, object]] = {
    "only while busy": {"requests_per_day": 200_000},
    "4 warm replicas": {"requests_per_day": 200_000, "warm_replicas": 4},
    "1 warm replica": {"requests_per_day": 200_000, "warm_replicas": 1},
    "1 warm replica, bursts": {"requests_per_hour": BURSTY, "warm_replicas": 1},
    "to zero after 5 min, bursts": {"requests_per_hour": BURSTY, "scale_to_zero_after": "5 min"},
    "to zero after 5 min, 100 a day": {"requests_per_day": 100, "scale_to_zero_after": "5 min"},
}
CHEAPER = 0.8


def at(traffic: dict[str, object], request: RequestDemand) -> Footprint:
    """The footprint of requests with such traffic."""
    production = production_of(Site.model_validate({**SITE, "traffic": traffic}), carbon_g_per_kwh=380.0)
    assert production is not None
    return footprint(request, production, idle_watts=None)


def main() -> None:
    """Print each pool's footprint, and how much of it a saving of a fifth per request changes."""
    cheaper = replace(REQUEST, active_joules=REQUEST.active_joules * CHEAPER, service_s=REQUEST.service_s * CHEAPER)
    heads = (
        "effective",
        "requests",
        "idle",
        "starts",
        "a month",
        "cost",
        "carbon",
        "water",
        "after -20 %",
    )
    print(f"| {'pool':30} | {' | '.join(f'{head:>11}' for head in heads)} |")
    print(f"| {'-' * 30} | {' | '.join('-' * 10 + ':' for _ in heads)} |")
    for name, traffic in POOLS.items():
        one = at(traffic, REQUEST)
        it_kwh = one.active_it_kwh + one.idle_it_kwh + one.cold_start_it_kwh
        month = one.pool.requests * DAYS_A_MONTH
        cells = [
            format_quantity(one.effective_kwh, "kWh"),
            *(f"{kwh / it_kwh * 100:.1f} %" for kwh in (one.active_it_kwh, one.idle_it_kwh, one.cold_start_it_kwh)),
            format_quantity(one.effective_kwh * month, "kWh"),
            f"{format_number(one.monthly_cost or 0.0)} USD",
            format_quantity(one.effective_kwh * month * 380, "gCO2e").replace(" CO₂e", ""),
            format_quantity(it_kwh * month * 1.8, "L"),
            f"{(at(traffic, cheaper).effective_kwh / one.effective_kwh - 1) * 100:.1f} %",
        ]
        print(f"| {name:30} | {' | '.join(f'{cell:>11}' for cell in cells)} |")


if __name__ == "__main__":
    main()
