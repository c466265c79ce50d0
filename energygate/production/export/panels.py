"""The dashboard's panels: titles, queries and units, independent of Grafana's SDK."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from energygate.policy import JOULES_PER_KWH
from energygate.policy.fields import MAX_NAME_LENGTH
from energygate.production import metric_names
from energygate.production.export import records
from energygate.production.export.live_limits import LIVE_METRICS, MONTHLY
from energygate.production.export.promql import Live, matching, number
from energygate.production.export.recording_rules import ON_DEMAND
from energygate.report.safe_markdown import code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from energygate.production.export.live_limits import LiveLimit, LiveMetric

CHOSEN = 'workload=~"$workload"'
"""The workloads that are selected at the top of the dashboard."""

HALF, THIRD, QUARTER = 12, 8, 6
"""Widths, of the 24 columns of Grafana's grid."""

MAX_LIMIT_LENGTH = 400
"""Characters of a limit and its place in the policy; paths may be long."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query and the name of its lines; a limit is drawn dashed."""

    expression: str
    legend: str = "{{workload}}"
    is_limit: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: What it shows.
        unit: In Grafana's words.
        queries: What it draws.
        kind: Lines over time, or one number for all of it.
        width: In columns.
        description: In Markdown.
    """

    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["lines", "numbers"] = "lines"
    width: int = HALF
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a kWh comes to in carbon or money.

    Attributes:
        per_kwh: The amount.
        unit: Its unit.
        source: Where the policy, or else the result, has it.
    """

    per_kwh: float
    unit: str
    source: str


def rows(
    limits: Sequence[LiveLimit], labels: Mapping[str, str], carbon: Rate | None, price: Rate | None
) -> dict[str, tuple[Panel, ...]]:
    """Return all panels by the title of their row.

    Args:
        limits: The policy's, for live metrics.
        labels: Only series with these labels.
        carbon: Grams of CO2e per kWh; `None` leaves carbon out.
        price: Money per kWh; `None` leaves cost out.
    """
    live = Live(labels, workloads=CHOSEN)
    service = matching(labels)
    return {
        "Energy per request": (*_per_request(limits, live),),
        "Energy": (*_energy(limits, live, service),),
        **({"Carbon and cost": tuple(_paid(live, carbon, price))} if carbon or price else {}),
        "Service": (*_service(limits, live),),
    }


def _per_request(limits: Sequence[LiveLimit], live: Live) -> Iterator[Panel]:
    about = "Energy of requests x PUE, per request, over 5 minutes."
    yield _limited(limits, live, LIVE_METRICS["energy_per_request"], about, width=HALF)
    yield Panel(
        title="Effective against active",
        unit="joule",
        queries=(
            Query(
                expression=_rate(live, records.EFFECTIVE_ENERGY_PER_REQUEST),
                legend="{{workload}} with idling",
            ),
            Query(expression=_rate(live, records.ENERGY_PER_REQUEST), legend="{{workload}} while serving"),
            _limit(live, LIVE_METRICS["effective_energy_per_request"]),
            Query(
                expression=live.chosen(records.rate(records.EFFECTIVE_ENERGY_PER_REQUEST, records.DAY)),
                legend="{{workload}} with idling, over a day",
            ),
        ),
        description=(
            "With what idle replicas draw, and without: the gap is what fewer warm replicas would save. A limit is on "
            "the mean of a day; 5 minutes with little traffic may be over it without harm."
            + _written(limits, records.EFFECTIVE_ENERGY_PER_REQUEST)
        ),
    )


def _energy(limits: Sequence[LiveLimit], live: Live, service: str) -> Iterator[Panel]:
    yield Panel(
        title="Power",
        unit="watt",
        queries=(Query(expression=_rate(live, records.POWER)),),
        description="Of requests and of idling, x PUE, over 5 minutes.",
    )
    yield Panel(
        title="Energy in this period",
        unit="kwatth",
        kind="numbers",
        width=QUARTER,
        queries=(Query(expression=_kwh(live)),),
        description="Of requests and of idling, x PUE, in the time that is shown.",
    )
    yield Panel(
        title="PUE",
        unit="none",
        kind="numbers",
        width=QUARTER,
        queries=(Query(expression=live.chosen(records.PUE)),),
        description="Facility energy over IT energy, as the services have it from the policy's `site.pue`.",
    )
    yield Panel(
        title="Energy per month",
        unit="kwatth",
        queries=(
            Query(expression=live.chosen(records.rate(records.MONTHLY_ENERGY_KWH, records.DAY))),
            _limit(live, MONTHLY),
        ),
        description="What a month of 365.25/12 days comes to at the pace of the last 24 hours."
        + _written(limits, records.MONTHLY_ENERGY_KWH),
    )
    yield Panel(
        title="Errors",
        unit="short",
        kind="numbers",
        width=QUARTER,
        queries=tuple(
            Query(expression=f"sum(increase({counter}{service}[$__range]))", legend=legend)
            for counter, legend in {
                metric_names.METER_ERRORS: "failed readings",
                metric_names.INTERNAL_ERRORS: "the Recorder's own",
            }.items()
        ),
        description=(
            "Failed readings of the meter, whose energy is missing here, and other errors of the Recorder, which are "
            "in its log."
        ),
    )
    yield Panel(
        title="Meters",
        unit="short",
        kind="numbers",
        width=QUARTER,
        queries=(
            Query(
                expression=f"count by (method, source) ({metric_names.METER_INFO}{service})",
                legend="{{method}}: {{source}}",
            ),
        ),
        description="How joules are obtained, and in how many replicas.",
    )


def _paid(live: Live, carbon: Rate | None, price: Rate | None) -> Iterator[Panel]:
    for rate, name, unit in ((carbon, "Carbon", "massg"), (price, "Cost", None)):
        if rate is None:
            continue
        factor = number(rate.per_kwh)
        about = f"{factor} {rate.unit} per kWh, {code(rate.source, limit=MAX_LIMIT_LENGTH)}."
        yield Panel(
            title=f"{name} per hour",
            unit=f"suffix: {rate.unit}/h",
            width=HALF + QUARTER,
            queries=(Query(expression=f"{_rate(live, records.POWER)} / 1000 * {factor}"),),
            description=f"Power over 5 minutes, at {about}",
        )
        yield Panel(
            title=f"{name} in this period",
            unit=unit or f"suffix: {rate.unit}",
            kind="numbers",
            width=QUARTER,
            queries=(Query(expression=f"{_kwh(live)}\n* {factor}"),),
            description=f"Energy in the time that is shown, at {about}",
        )


def _service(limits: Sequence[LiveLimit], live: Live) -> Iterator[Panel]:
    yield _limited(limits, live, LIVE_METRICS["latency_p95"], "From the histogram, over 5 minutes.")
    failed = _limited(limits, live, LIVE_METRICS["success_rate"], "Share of the requests, over 5 minutes.")
    yield replace(failed, title="Failed requests")
    yield Panel(
        title="Requests",
        unit="reqps",
        width=THIRD,
        queries=(Query(expression=_rate(live, records.REQUEST_RATE)),),
        description="Requests that ended, over 5 minutes.",
    )
    on_demand = {one[0] for one in ON_DEMAND}
    for metric in dict.fromkeys(one.live for one in limits if one.live.record in on_demand):
        yield _limited(limits, live, metric, "Over 5 minutes.")


_UNITS = {"J": "joule", "s": "s", "B": "bytes", "of the requests": "percentunit"}
"""Grafana's words for the units of limits."""


def _limited(limits: Sequence[LiveLimit], live: Live, metric: LiveMetric, about: str, *, width: int = THIRD) -> Panel:
    """Return the panel of a recorded rate and its limit."""
    return Panel(
        title=metric.title,
        unit=_UNITS[metric.unit.name],
        width=width,
        queries=(Query(expression=_rate(live, metric.record)), _limit(live, metric)),
        description=about + _written(limits, metric.record),
    )


def _limit(live: Live, metric: LiveMetric) -> Query:
    return Query(expression=live.chosen(metric.budget), legend="{{workload}} limit", is_limit=True)


def _rate(live: Live, record: str) -> str:
    return live.chosen(records.rate(record, "5m"))


def _kwh(live: Live) -> str:
    return f"{live.all_energy('$__range', 'increase')}\n/ {JOULES_PER_KWH}"


def _written(limits: Iterable[LiveLimit], record: str) -> str:
    """Return the limits on a recorded rate, as a list to append to a description."""
    lines = [
        f"\n- {code(one.limit.workload, limit=MAX_NAME_LENGTH)}: {code(one.description, limit=MAX_LIMIT_LENGTH)}"
        for one in limits
        if one.live.record == record
    ]
    return "\n\nLimits:\n" + "".join(lines) if lines else ""
