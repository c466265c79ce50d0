"""Prometheus' recording rules: the rates that alerts, dashboard and autoscaling share, and the budgets as constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.policy import JOULES_PER_KWH
from energygate.production.export import records
from energygate.production.export.documents import Noted
from energygate.production.export.promql import HOURS_PER_MONTH, Live, number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from energygate.production.export.live_limits import LiveLimit

QUANTILES = {records.LATENCY_P50: 0.5, records.LATENCY_P95: 0.95, records.LATENCY_P99: 0.99}


def _latency(record: str) -> Callable[[Live, str], str]:
    return lambda live, window: live.latency(QUANTILES[record], window)


RATES: tuple[tuple[str, str, Callable[[Live, str], str]], ...] = (
    (records.ENERGY_PER_REQUEST, "energy x PUE / requests", Live.energy_per_request),
    (
        records.EFFECTIVE_ENERGY_PER_REQUEST,
        "(energy + idle energy) x PUE / requests",
        Live.effective_energy_per_request,
    ),
    (records.POWER, "energy and idle energy per second, x PUE", Live.all_energy),
    (records.REQUEST_RATE, "absent without requests", Live.requests),
    (records.LATENCY_P95, "from the histogram", _latency(records.LATENCY_P95)),
    (records.ERROR_RATIO, "failed requests of all", Live.error_ratio),
)
"""Always recorded: the name without its window, what it is, its expression."""

ON_DEMAND: tuple[tuple[str, str, Callable[[Live, str], str]], ...] = (
    (records.ENERGY_PER_UNIT, "energy x PUE / units", Live.energy_per_unit),
    (records.RESPONSE_SIZE, "bytes of answers / requests", Live.response_size),
    (records.LATENCY_P50, "from the histogram", _latency(records.LATENCY_P50)),
    (records.LATENCY_P99, "from the histogram", _latency(records.LATENCY_P99)),
)
"""Recorded where there is a limit on it."""


def rates(live: Live, wanted: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the recorded rates over every window, one rule each.

    Args:
        live: The expressions.
        wanted: Names of the rates that have limits; of `ON_DEMAND` only these are recorded.
    """
    for record, note, expression in (*RATES, *(one for one in ON_DEMAND if one[0] in wanted)):
        daily = (records.DAY,) if record == records.EFFECTIVE_ENERGY_PER_REQUEST else ()
        for window in (*records.WINDOWS, *daily):
            yield {"record": records.rate(record, window), "expr": Noted(expression(live, window), note)}


def totals(live: Live) -> Iterator[dict[str, Any]]:
    """Yield the energy of a day, what a month comes to at the pace of a window, and the PUE in use."""
    yield {
        "record": records.ENERGY_DAY_KWH,
        "expr": Noted(f"{live.all_energy(records.DAY, 'increase')}\n/ {JOULES_PER_KWH}", "kWh of 24 hours"),
    }
    for window in (records.DAY, "6h"):
        yield {
            "record": records.rate(records.MONTHLY_ENERGY_KWH, window),
            "expr": Noted(
                f"{live.all_energy(window)}\n* {number(HOURS_PER_MONTH / 1000)}",
                "watts to kWh of 365.25/12 days",
            ),
        }
    yield {"record": records.PUE, "expr": Noted(live.pue(), "the service's own gauge")}


def budgets(limits: Sequence[LiveLimit]) -> Iterator[dict[str, Any]]:
    """Yield the limits as constants, for lines in dashboards and for autoscaling."""
    for one in limits:
        labels = {"workload": one.limit.workload, "metric": one.limit.metric, "level": one.limit.level}
        if one.unit is not None:
            labels["unit"] = one.unit
        yield {
            "record": one.live.budget,
            "expr": Noted(f"vector({number(one.value)})", f"{one.limit.described}, {one.limit.source}"),
            "labels": labels,
        }
