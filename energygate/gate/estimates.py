"""Evidence from series: intervals, the error they may have, and conversion to the site's units."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate.evidence import Estimate, Evidence
from energygate.gate.judge import limits
from energygate.policy import METRICS, Family
from energygate.stats import launches_needed, log_mean, mean_interval, widened_by_drift
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from energygate.footprint import Production
    from energygate.measure.series import ChangeSeries, Series
    from energygate.policy import Workload
    from energygate.stats import Interval

ALPHA = 0.10
"""Two-sided error of all intervals of a run together: at most 5 % of runs are wrong in each direction."""

ENERGIES = ("energy_per_request", "energy_per_unit", "cold_start_energy")
ABOUT_ENERGY = (Family.ENERGY, Family.CARBON, Family.MONEY, Family.WATER)
TOTAL_SHARE = 0.1
"""Error of the intervals of totals, as a share of that of the others."""

DERIVED = {
    "carbon_per_request": "energy_per_request",
    "cost_per_request": "energy_per_request",
    "monthly_energy": "effective_energy_per_request",
    "monthly_carbon": "effective_energy_per_request",
    "monthly_water": "effective_energy_per_request",
}
"""Metrics that are a multiple of another, and so change with it."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Factors from IT energy to facility energy, carbon, cost and monthly totals.

    Attributes:
        pue: Facility energy per IT energy.
        carbon_g_per_kwh: Carbon intensity; `None` when unknown.
        price_per_kwh: Electricity price in the site's currency; `None` when unknown.
        production: The site's traffic and prices; `None` without traffic in the policy.
    """

    pue: float
    carbon_g_per_kwh: float | None
    price_per_kwh: float | None
    production: Production | None = None

    def of(self, metric: str) -> float | None:
        """Return the factor from a metric's origin in `DERIVED` to the metric; `None` when unknown."""
        production = self.production
        month = None if production is None else production.monthly_requests
        water = None if production is None else production.water_l_per_kwh
        return {
            "carbon_per_request": self.carbon_g_per_kwh,
            "cost_per_request": self.price_per_kwh,
            "monthly_energy": month,
            "monthly_carbon": _product(month, self.carbon_g_per_kwh),
            "monthly_water": _product(month, water, 1 / self.pue),  # of IT energy
        }[metric]


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Error and drift of intervals.

    Attributes:
        alpha: Two-sided error of each interval, already shared among all budgets of the policy.
        drift_sd: Drift of the machine between occasions, as a standard deviation of ln(value).
        drifting: The metrics that drift with it.
    """

    alpha: float
    drift_sd: float
    drifting: frozenset[str]


def shared_alpha(workloads: Iterable[Workload], *, relative: bool) -> float:
    """Return the two-sided error of each interval: `ALPHA`, shared among all limits on sampled metrics (Bonferroni).

    Args:
        workloads: All workloads of the run.
        relative: Whether there is a base, so that relative limits are judged too.
    """
    count = sum(
        1
        for workload in workloads
        for metric, budget in workload.budgets.items()
        if not METRICS[metric].exact
        for _ in limits(budget, relative=relative)
    )
    return ALPHA / max(1, count)


def weigh(series: Mapping[str, Series], factors: Factors, confidence: Confidence) -> dict[str, Evidence]:
    """Return the evidence about every sampled metric from one side's launches, in the site's units.

    Args:
        series: The metrics of the launches: IT energy, except effective energy, monthly cost and SCI.
        factors: Factors from IT energy to the site's units.
        confidence: Error and drift of intervals.
    """
    estimates = {name: _estimate(name, one, confidence) for name, one in series.items()}
    for name in estimates.keys() & ENERGIES:
        estimates[name] = _times(estimates[name], factors.pue)  # the one place where PUE is applied to these
    for name, origin in DERIVED.items():
        factor = factors.of(name)
        if factor is not None and origin in estimates:
            estimates[name] = _times(estimates[origin], factor)
    return {name: Evidence(metric=name, head=estimate) for name, estimate in estimates.items()}


def weigh_change(
    base: Mapping[str, Evidence],
    head: Mapping[str, Evidence],
    changes: Mapping[str, ChangeSeries],
    confidence: Confidence,
    *,
    incomparable: str | None = None,
) -> dict[str, Evidence]:
    """Return the evidence about every sampled metric from paired launches.

    Args:
        base: The evidence of base's own launches.
        head: The evidence of head's own launches.
        changes: How the metrics changed, launch by launch.
        confidence: Error and drift of intervals. Both sides drift together, so changes are not widened by it.
        incomparable: Why the two sides' energy must not be compared; `None` when it may be.
    """
    relative = {name: change_estimate(one, confidence) for name, one in changes.items()}
    totals = {
        name: total_estimate(one, confidence) for name, one in changes.items() if METRICS[name].family in ABOUT_ENERGY
    }
    for name, origin in DERIVED.items():
        if name in head and origin in relative:
            relative[name] = relative[origin]
            totals[name] = totals[origin]
    return {
        name: Evidence(
            metric=name,
            head=one.head,
            base=base[name].head if name in base else None,
            change=relative.get(name),
            total=totals.get(name),
            incomparable=incomparable if METRICS[name].family in ABOUT_ENERGY else None,
        )
        for name, one in head.items()
    }


def launches_to_decide(one: ChangeSeries, limit: float, confidence: Confidence) -> int | None:
    """Estimate how many launches in total would decide a relative limit; `None` when more do not help.

    Args:
        one: The changes of the metric so far.
        limit: The limit as a relative change, such as 0.05.
        confidence: Error and drift of intervals.
    """
    n = len(one.log_ratios)
    if n < MIN_LAUNCHES:  # too few to estimate their scatter
        return MIN_LAUNCHES + 2
    sd = max(statistics.stdev(one.log_ratios), _within(one))
    interval = mean_interval(one.log_ratios, alpha=confidence.alpha)
    return launches_needed(interval, math.log1p(limit), n, sd, alpha=confidence.alpha)


def _within(one: ChangeSeries) -> float:
    """Return a lower bound of the deviation of launches: the scatter of their blocks."""
    return math.sqrt(sum(error * error for error in one.errors) / len(one.errors))


def total_estimate(one: ChangeSeries, confidence: Confidence) -> Estimate:
    """Return the relative change of sums over whole launches, with an interval that errs ten times less often.

    It is judged in addition to `change_estimate`, so their errors add up.
    """
    return _estimate_of(mean_interval(one.totals, alpha=confidence.alpha * TOTAL_SHARE))


def change_estimate(one: ChangeSeries, confidence: Confidence) -> Estimate:
    """Return a relative change; the deviation of launches is at least the scatter of their blocks."""
    return _estimate_of(mean_interval(one.log_ratios, alpha=confidence.alpha, min_sd=_within(one)))


def _estimate_of(interval: Interval) -> Estimate:
    if math.isinf(interval.half):
        return Estimate(value=math.expm1(interval.mean), low=-1.0, high=math.inf)
    return Estimate(value=math.expm1(interval.mean), low=math.expm1(interval.low), high=math.expm1(interval.high))


def _estimate(name: str, one: Series, confidence: Confidence) -> Estimate:
    """Return the overall value with the interval of its launches, widened to include it."""
    if not any(one.per_launch):  # a cost where electricity is free
        return Estimate.exact(0.0)
    interval = log_mean(one.per_launch, alpha=confidence.alpha)
    if name in confidence.drifting:
        drift_sd = confidence.drift_sd * one.elasticity
        interval = widened_by_drift(interval, drift_sd=drift_sd, alpha=confidence.alpha)
    if math.isinf(interval.half):
        return Estimate(value=one.overall, low=0.0, high=math.inf)
    return Estimate(
        value=one.overall,
        low=min(one.overall, math.exp(interval.low)),
        high=max(one.overall, math.exp(interval.high)),
    )


def _product(*factors: float | None) -> float | None:
    known = [factor for factor in factors if factor is not None]
    return math.prod(known) if len(known) == len(factors) else None


def _times(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(value=estimate.value * factor, low=estimate.low * factor, high=estimate.high * factor)
