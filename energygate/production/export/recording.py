"""Prometheus' recording rules: the rates that alerts, dashboard and autoscaling share, and the budgets as constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.policy import JOULES_PER_KWH
from energygate.production.export import rules
from energygate.production.export.documents import Noted
from energygate.production.export.promql import HOURS_PER_MONTH, Live, number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from energygate.production.export.live_limits import LiveLimit

QUANTILES = {rules.LATENCY_P50: 0.5, rules.LATENCY_P95: 0.95, rules.LATENCY_P99: 0.99}

RATES: tuple[tuple[str, str, Callable[[Live, str], str]], ...] = (
    (rules.ENERGY_PER_REQUEST, "energy x PUE / requests", Live.energy_per_request),
    (
        rules.EFFECTIVE_ENERGY_PER_REQUEST,
        "(energy + idle energy) x PUE / requests",
        Live.effective_energy_per_request,
    ),
    (rules.POWER, "energy and idle energy per second, x PUE", Live.all_energy),
    (rules.REQUEST_RATE, "absent without requests", Live.requests),
    (
        rules.LATENCY_P95,
        "from the histogram",
        lambda live, window: live.latency(QUANTILES[rules.LATENCY_P95], window),
    ),
    (rules.ERROR_RATIO, "failed requests of all", Live.error_ratio),
)
"""Always recorded: the name without its window, what it is, its expression."""

ON_DEMAND: tuple[tuple[str, str, Callable[[Live, str], str]], ...] = (
    (rules.ENERGY_PER_UNIT, "energy x PUE / units", Live.energy_per_unit),
    (rules.RESPONSE_SIZE, "bytes of answers / requests", Live.response_size),
    (
        rules.LATENCY_P50,
        "from the histogram",
        lambda live, window: live.latency(QUANTILES[rules.LATENCY_P50], window),
    ),
    (
        rules.LATENCY_P99,
        "from the histogram",
        lambda live, window: live.latency(QUANTILES[rules.LATENCY_P99], window),
    ),
)
"""Recorded where a budget is held against it."""


def rates(live: Live, wanted: Collection[str]) -> Iterator[dict[str, Any]]:
    """The recorded rates over every window, one rule each.

    Args:
        live: The expressions.
        wanted: Names of the rates that budgets are held against; of `ON_DEMAND` only these are recorded.
    """
    for record, note, expression in (*RATES, *(one for one in ON_DEMAND if one[0] in wanted)):
        daily = (rules.DAY,) if record == rules.EFFECTIVE_ENERGY_PER_REQUEST else ()
        for window in (*rules.WINDOWS, *daily):
            yield {
                "record": rules.rate(record, window),
                "expr": Noted(expression(live, window), note),
            }


def totals(live: Live) -> Iterator[dict[str, Any]]:
    """Energy of a day, what a month comes to at the pace of a window, and PUE as it is multiplied with."""
    yield {
        "record": rules.ENERGY_DAY_KWH,
        "expr": Noted(f"{live.all_energy(rules.DAY, 'increase')}\n/ {JOULES_PER_KWH}", "kWh of 24 hours"),
    }
    for window in (rules.DAY, "6h"):
        yield {
            "record": rules.rate(rules.MONTHLY_ENERGY_KWH, window),
            "expr": Noted(
                f"{live.all_energy(window)}\n* {number(HOURS_PER_MONTH / 1000)}",
                "watts to kWh of 365.25/12 days",
            ),
        }
    yield {"record": rules.PUE, "expr": Noted(live.pue(), "the service's own gauge")}


def budgets(limits: Sequence[LiveLimit]) -> Iterator[dict[str, Any]]:
    """The limits as constants, for lines in dashboards and for autoscaling."""
    for one in limits:
        labels = {"workload": one.limit.workload, "metric": one.limit.metric, "level": one.limit.level}
        if one.unit is not None:
            labels["unit"] = one.unit
        yield {
            "record": one.held.budget,
            "expr": Noted(f"vector({number(one.value)})", f"{one.limit.described}, {one.limit.source}"),
            "labels": labels,
        }
