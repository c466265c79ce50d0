"""Which of the policy's limits can be held against live metrics, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from energygate.policy import METRICS
from energygate.production.export import records
from energygate.production.export.promql import joules

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from energygate.production.export.source import RuntimeLimit, Source


@dataclass(frozen=True, kw_only=True)
class LiveMetric:
    """One metric of the policy as it is held against a recorded rate; in live units, less is always better.

    Attributes:
        metric: The policy's name.
        record: The recorded rate, without its window.
        budget: The recorded constant of its limit.
        alert: The alert's name.
        what: The rate in words, at the beginning of a sentence.
        shown: How Prometheus' templates show a value of it, with its unit.
        unit: The rate's unit, in words.
        convert: From the metric's canonical unit to the rate's.
        daily: Whether CI holds a mean over the day of `site.traffic`, nights included.
    """

    metric: str
    record: str
    budget: str
    alert: str
    what: str
    shown: str
    unit: str
    convert: Callable[[float], float]
    daily: bool = False


def _as_it_is(value: float) -> float:
    return value


def _rest_of_all(share: float) -> float:
    return float(1 - Decimal(repr(share)))


_JOULES = "{{ $value | humanize }}J"
_SECONDS = "{{ $value | humanizeDuration }}"

LIVE_METRICS = (
    LiveMetric(
        metric="energy_per_request",
        record=records.ENERGY_PER_REQUEST,
        budget=records.BUDGET_ENERGY_PER_REQUEST,
        alert="EnergygateEnergyPerRequestOverBudget",
        what="Energy per request",
        shown=_JOULES,
        unit="J",
        convert=joules,
    ),
    LiveMetric(
        metric="effective_energy_per_request",
        record=records.EFFECTIVE_ENERGY_PER_REQUEST,
        budget=records.BUDGET_EFFECTIVE,
        alert="EnergygateEffectiveEnergyPerRequestOverBudget",
        what="Energy per request with idling",
        shown=_JOULES,
        unit="J",
        convert=joules,
        daily=True,
    ),
    LiveMetric(
        metric="energy_per_unit",
        record=records.ENERGY_PER_UNIT,
        budget=records.BUDGET_ENERGY_PER_UNIT,
        alert="EnergygateEnergyPerUnitOverBudget",
        what="Energy per unit",
        shown=_JOULES,
        unit="J",
        convert=joules,
    ),
    LiveMetric(
        metric="latency_p50",
        record=records.LATENCY_P50,
        budget=records.BUDGET_LATENCY_P50,
        alert="EnergygateLatencyP50OverBudget",
        what="Latency p50",
        shown=_SECONDS,
        unit="s",
        convert=_as_it_is,
    ),
    LiveMetric(
        metric="latency_p95",
        record=records.LATENCY_P95,
        budget=records.BUDGET_LATENCY_P95,
        alert="EnergygateLatencyP95OverBudget",
        what="Latency p95",
        shown=_SECONDS,
        unit="s",
        convert=_as_it_is,
    ),
    LiveMetric(
        metric="latency_p99",
        record=records.LATENCY_P99,
        budget=records.BUDGET_LATENCY_P99,
        alert="EnergygateLatencyP99OverBudget",
        what="Latency p99",
        shown=_SECONDS,
        unit="s",
        convert=_as_it_is,
    ),
    LiveMetric(
        metric="success_rate",
        record=records.ERROR_RATIO,
        budget=records.BUDGET_ERROR_RATIO,
        alert="EnergygateErrorsOverBudget",
        what="The share of failed requests",
        shown="{{ $value | humanizePercentage }}",
        unit="of the requests",
        convert=_rest_of_all,
    ),
    LiveMetric(
        metric="response_size",
        record=records.RESPONSE_SIZE,
        budget=records.BUDGET_RESPONSE_SIZE,
        alert="EnergygateResponseSizeOverBudget",
        what="The size of answers",
        shown="{{ $value | humanize }}B",
        unit="B",
        convert=_as_it_is,
    ),
)
"""What is held against rates of the service; all but what is `daily` against a fast and a slow pair of windows."""

MONTHLY = LiveMetric(
    metric="monthly_energy",
    record=records.MONTHLY_ENERGY_KWH,
    budget=records.BUDGET_MONTHLY_ENERGY,
    alert="EnergygateMonthlyEnergyOverBudget",
    what="Energy per month",
    shown='{{ $value | printf "%.4g" }} kWh',
    unit="kWh",
    convert=_as_it_is,
    daily=True,
)
"""Compared with what a month comes to at the pace of the last day."""


@dataclass(frozen=True, kw_only=True)
class LiveLimit:
    """A limit in the unit of what it is held against.

    Attributes:
        held: What it is held against.
        limit: As the policy has it.
        value: In the recorded rate's unit; being equal to it is within it.
        unit: What energy per unit is divided by; `None` elsewhere.
    """

    held: LiveMetric
    limit: RuntimeLimit
    value: float
    unit: str | None = None

    @property
    def told(self) -> str:
        """The limit for people, such as `720 J (at most 0.2 Wh, energygate.yml:12)`."""
        side = "at most" if METRICS[self.limit.metric].better == "lower" else "at least"
        return f"{self.value:.6g} {self.held.unit} ({side} {self.limit.described}, {self.limit.source})"


def live_limits(source: Source, workload: str, *, exporter: str) -> Iterator[LiveLimit]:
    """The limits of one workload that a running system can hold.

    Raises:
        PolicyError: A budget is only relative and there is no result, so that it has no number.
    """
    budgets = source.policy.workloads[workload].budgets
    for held in (*LIVE_METRICS, MONTHLY):
        budget = budgets.get(held.metric)
        if budget is None or budget.level == "off":
            continue
        limit = source.needed_limit(workload, held.metric, exporter=exporter)
        yield LiveLimit(
            held=held,
            limit=limit,
            value=held.convert(limit.value),
            unit=source.policy.workloads[workload].units if held.metric == "energy_per_unit" else None,
        )


def notes(source: Source) -> Iterator[str]:
    """What the limits leave open that a running system holds, a sentence each without its full stop."""
    held = {one.metric for one in (*LIVE_METRICS, MONTHLY)}
    left = []
    for name, workload in source.workloads().items():
        alone = [
            metric for metric, one in workload.budgets.items() if one.level != "off" and metric not in held
        ]
        if alone:
            left.append(f"{', '.join(alone)} of {name}")
    if left:
        yield f"only CI holds {'; '.join(left)}"
    yield from bare_notes(source, held)


def bare_notes(source: Source, held: Container[str]) -> Iterator[str]:
    """What relative limits on these metrics leave open where a model was measured and a service is held to it."""
    bare = []
    for name, workload in source.workloads().items():
        limits = (source.limit(name, metric) for metric in workload.budgets if metric in held)
        if workload.kind != "http" and any(limit is not None and limit.relative for limit in limits):
            bare.append(name)
    if bare:
        yield (
            f"{', '.join(bare)} was measured without its server, and relative limits count from that: live requests "
            "take more, so gate the service as a workload with http"
        )
