"""A result as single numbers in base units, for systems that plot trends across commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from energygate.policy import JOULES_PER_KWH, METRICS, Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Metric
    from energygate.result.result import MetricResult, Result


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The unit in which a family of quantities is exported.

    Attributes:
        suffix: At the end of Prometheus' names; a base unit, in plural. None for money: its currency is a label.
        ucum: In UCUM, as OpenTelemetry has it; `{}` stands for the currency.
        factor: From the metric's canonical unit.
    """

    suffix: str
    ucum: str
    factor: int = 1


UNITS = {
    Family.ENERGY: Unit(suffix="joules", ucum="J", factor=JOULES_PER_KWH),
    Family.CARBON: Unit(suffix="grams", ucum="g"),
    Family.TIME: Unit(suffix="seconds", ucum="s"),
    Family.SIZE: Unit(suffix="bytes", ucum="By"),
    Family.RATIO: Unit(suffix="ratio", ucum="1"),
    Family.RATE: Unit(suffix="requests_per_second", ucum="{{request}}/s"),
    Family.MONEY: Unit(suffix="", ucum="{{{}}}"),
    Family.WATER: Unit(suffix="liters", ucum="L"),
}
"""For every family that a metric may be of."""

ASPECTS = {
    "": "as measured at head",
    "low": "lower end of the interval at head",
    "high": "upper end of the interval at head",
    "limit": "absolute limit of the policy",
    "change": "relative change from base to head",
}


@dataclass(frozen=True, kw_only=True)
class TrendValue:
    """One number of one workload.

    Attributes:
        workload: Its name.
        metric: What it is a number of.
        aspect: A key of `ASPECTS`.
        value: In `unit`.
        unit: Its unit.
        currency: Of money; `None` elsewhere.
        method: `measured` or `estimated`, of the workload's energy.
    """

    workload: str
    metric: Metric
    aspect: str
    value: float
    unit: Unit
    currency: str | None
    method: str | None

    @property
    def described(self) -> str:
        """One sentence without its final full stop."""
        return f"{self.metric.description}: {ASPECTS[self.aspect]}"


def trend_values(result: Result) -> Iterator[TrendValue]:
    """Yield every number of a result, by workload, metric and aspect."""
    for workload in result.workloads:
        for name, one in workload.metrics.items():
            metric = METRICS[name]
            unit = UNITS[metric.family]
            currency = one.unit if metric.family is Family.MONEY else None
            for aspect, value in _aspects(one):
                share = aspect == "change"
                yield TrendValue(
                    workload=workload.name,
                    metric=metric,
                    aspect=aspect,
                    value=value if share else float(f"{value * unit.factor:.15g}"),
                    unit=UNITS[Family.RATIO] if share else unit,
                    currency=None if share else currency,
                    method=workload.method,
                )


def absolute_limit(one: MetricResult) -> float | None:
    """Return the policy's absolute limit in the metric's unit; `None` without one."""
    return next((finding.limit for finding in one.findings if finding.kind in {"max", "min"}), None)


def _aspects(one: MetricResult) -> Iterator[tuple[str, float]]:
    yield "", one.head
    interval = (("low", one.head_low), ("high", one.head_high))
    yield from ((aspect, end) for aspect, end in interval if end is not None and one.head_low != one.head_high)
    limit = absolute_limit(one)
    if limit is not None:
        yield "limit", limit
    if one.change is not None:
        yield "change", one.change.estimate


def created_seconds(result: Result) -> float | None:
    """Return when the result was made, in seconds since 1970; `None` where its time is not ISO 8601."""
    try:
        moment = datetime.fromisoformat(result.created.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
