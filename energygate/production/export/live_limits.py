"""The policy's limits that live metrics can break, in the units of those metrics."""

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


@dataclass(frozen=True)
class LiveUnit:
    """The unit of a recorded rate.

    Attributes:
        name: In words.
        template: How Prometheus' templates show a value, with its unit.
        convert: From a metric's canonical unit.
    """

    name: str
    template: str
    convert: Callable[[float], float] = float


JOULES = LiveUnit("J", "{{ $value | humanize }}J", joules)
SECONDS = LiveUnit("s", "{{ $value | humanizeDuration }}")
BYTES = LiveUnit("B", "{{ $value | humanize }}B")
KWH = LiveUnit("kWh", '{{ $value | printf "%.4g" }} kWh')
FAILED = LiveUnit(
    "of the requests",
    "{{ $value | humanizePercentage }}",
    lambda successful: float(1 - Decimal(repr(successful))),
)


@dataclass(frozen=True, kw_only=True)
class LiveMetric:
    """A recorded rate that a limit of the policy applies to; less is always better.

    Attributes:
        record: Its name, without the window.
        budget: The name of the constant that is recorded for the limit.
        alert: The alert's name.
        title: In words, at the beginning of a sentence.
        unit: Its unit.
        daily: Whether the limit is on a mean over the day of `site.traffic`, nights included.
    """

    record: str
    budget: str
    alert: str
    title: str
    unit: LiveUnit
    daily: bool = False


LIVE_METRICS = {
    "energy_per_request": LiveMetric(
        record=records.ENERGY_PER_REQUEST,
        budget="workload:energygate_budget_joules",
        alert="EnergygateEnergyPerRequestOverBudget",
        title="Energy per request",
        unit=JOULES,
    ),
    "effective_energy_per_request": LiveMetric(
        record=records.EFFECTIVE_ENERGY_PER_REQUEST,
        budget="workload:energygate_effective_budget_joules",
        alert="EnergygateEffectiveEnergyPerRequestOverBudget",
        title="Energy per request with idling",
        unit=JOULES,
        daily=True,
    ),
    "energy_per_unit": LiveMetric(
        record=records.ENERGY_PER_UNIT,
        budget="workload:energygate_energy_per_unit_budget_joules",
        alert="EnergygateEnergyPerUnitOverBudget",
        title="Energy per unit",
        unit=JOULES,
    ),
    **{
        f"latency_{quantile}": LiveMetric(
            record=record,
            budget=f"workload:energygate_latency_{quantile}_budget_seconds",
            alert=f"EnergygateLatency{quantile.upper()}OverBudget",
            title=f"Latency {quantile}",
            unit=SECONDS,
        )
        for quantile, record in (
            ("p50", records.LATENCY_P50),
            ("p95", records.LATENCY_P95),
            ("p99", records.LATENCY_P99),
        )
    },
    "success_rate": LiveMetric(
        record=records.ERROR_RATIO,
        budget="workload:energygate_error_ratio_budget",
        alert="EnergygateErrorsOverBudget",
        title="The share of failed requests",
        unit=FAILED,
    ),
    "response_size": LiveMetric(
        record=records.RESPONSE_SIZE,
        budget="workload:energygate_response_size_budget_bytes",
        alert="EnergygateResponseSizeOverBudget",
        title="The size of answers",
        unit=BYTES,
    ),
    "monthly_energy": LiveMetric(
        record=records.MONTHLY_ENERGY_KWH,
        budget="workload:energygate_monthly_energy_budget_kwh",
        alert="EnergygateMonthlyEnergyOverBudget",
        title="Energy per month",
        unit=KWH,
        daily=True,
    ),
}
"""By the policy's name of the metric."""

MONTHLY = LIVE_METRICS["monthly_energy"]
"""What a month comes to at the pace of the last day."""


@dataclass(frozen=True, kw_only=True)
class LiveLimit:
    """A limit in the unit of a recorded rate.

    Attributes:
        live: The rate.
        limit: As the policy has it.
        value: In the rate's unit; a rate that is equal to it is within the limit.
        unit: What energy per unit is divided by; `None` elsewhere.
    """

    live: LiveMetric
    limit: RuntimeLimit
    value: float
    unit: str | None = None

    @property
    def description(self) -> str:
        """The limit for people, such as `720 J (at most 0.2 Wh, energygate.yml:12)`."""
        side = "at most" if METRICS[self.limit.metric].better == "lower" else "at least"
        return f"{self.value:.6g} {self.live.unit.name} ({side} {self.limit.described}, {self.limit.source})"


def live_limits(source: Source, workload: str, *, exporter: str) -> Iterator[LiveLimit]:
    """Yield the limits of one workload that live metrics can break.

    Raises:
        PolicyError: A budget is only relative and there is no result, so that it has no number.
    """
    settings = source.policy.workloads[workload]
    for metric, live in LIVE_METRICS.items():
        budget = settings.budgets.get(metric)
        if budget is None or budget.level == "off":
            continue
        limit = source.needed_limit(workload, metric, exporter=exporter)
        unit = settings.units if metric == "energy_per_unit" else None
        yield LiveLimit(live=live, limit=limit, value=live.unit.convert(limit.value), unit=unit)


def notes(source: Source) -> Iterator[str]:
    """Yield what a live system cannot check of the policy, each a sentence without its full stop."""
    left = []
    for name, workload in source.policy.workloads.items():
        budgets = workload.budgets.items()
        alone = [metric for metric, one in budgets if one.level != "off" and metric not in LIVE_METRICS]
        if alone:
            left.append(f"{', '.join(alone)} of {name}")
    if left:
        yield f"only CI checks {'; '.join(left)}"
    yield from bare_notes(source, LIVE_METRICS)


def bare_notes(source: Source, metrics: Container[str]) -> Iterator[str]:
    """Yield a warning where relative limits count from a model that was measured without its server."""
    bare = []
    for name, workload in source.policy.workloads.items():
        limits = (source.limit(name, metric) for metric in workload.budgets if metric in metrics)
        if workload.kind != "http" and any(limit is not None and limit.relative for limit in limits):
            bare.append(name)
    if bare:
        yield (
            f"{', '.join(bare)} was measured without its server, and relative limits count from that: live requests "
            "take more, so gate the service as a workload with http"
        )
