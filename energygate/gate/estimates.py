"""Evidence from series: intervals, the error they may have, and conversion to the site's units."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from energygate.gate.evidence import Estimate, Evidence
from energygate.gate.judge import limits
from energygate.policy import METRICS, Family
from energygate.stats import drift_half, launches_needed, mean_interval, widened_by_drift
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from energygate.footprint import Production
    from energygate.measure.series import ChangeSeries, Series
    from energygate.policy import Workload
    from energygate.stats import Interval

ALPHA = 0.10
"""Two-sided error: at most 5 % of runs fail without reason, and at most 5 % of limits pass without reason."""

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
            "monthly_water": _product(month, water, 1 / self.pue),  # of IT energy (The Green Grid, white paper 35)
        }[metric]


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Error and drift of intervals.

    Of an interval, the end on the better side of the value decides whether a limit is broken, the other one whether it
    is kept. A false alarm is the whole run's, so all limits share the error of the first; a miss is one limit's.

    Attributes:
        alpha: Two-sided error of the ends that fail, already shared among all budgets of the policy.
        drift_sd: Drift of the machine between occasions, as a standard deviation of ln(value).
        drifting: The metrics that drift with it.
        pass_alpha: Two-sided error of the ends that pass.
    """

    alpha: float
    drift_sd: float
    drifting: frozenset[str]
    pass_alpha: float = ALPHA


def shared_alpha(workloads: Iterable[Workload], *, relative: bool) -> float:
    """Return the two-sided error of ends that fail: `ALPHA`, shared among all limits on sampled metrics (Bonferroni).

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
    relative = {name: change_estimate(one, confidence, better=METRICS[name].better) for name, one in changes.items()}
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


def launches_to_decide_total(name: str, one: ChangeSeries, limit: float, confidence: Confidence) -> int | None:
    """Estimate the same for a limit that typical requests keep, but maybe not all together."""
    strict = replace(confidence, alpha=confidence.alpha * TOTAL_SHARE)
    return launches_to_decide(name, one.summed, limit, strict)


def launches_to_decide(name: str, one: Series | ChangeSeries, limit: float, confidence: Confidence) -> int | None:
    """Estimate how many launches in total would decide a limit; `None` when more do not help.

    Args:
        name: The metric.
        one: Its values so far, or its changes.
        limit: The limit in the values' unit, before PUE and other factors; of a change as a ratio, such as 1.05.
        confidence: Error and drift of intervals.
    """
    logs, n = one.logs, len(one.logs)
    if n < MIN_LAUNCHES and math.isinf(one.expected_sd):  # too few to estimate their scatter
        return MIN_LAUNCHES + 2
    distance = statistics.fmean(logs) - math.log(limit)
    fails = (distance > 0) == (METRICS[name].better == "lower")
    alpha = confidence.alpha if fails else confidence.pass_alpha
    return launches_needed(
        abs(distance),
        n,
        max(one.min_sd, statistics.stdev(logs) if n >= MIN_LAUNCHES else one.expected_sd),
        alpha=alpha,
        expected_sd=max(one.expected_sd, one.min_sd),
        drift=drift_half(confidence.drift_sd * one.elasticity, alpha=alpha) if name in confidence.drifting else 0.0,
    )


def total_estimate(one: ChangeSeries, confidence: Confidence) -> Estimate:
    """Return the relative change of sums over whole launches, with an interval that errs ten times less often.

    It is judged in addition to `change_estimate`, so their errors add up.
    """
    sums = one.summed
    strict, lax = (
        mean_interval(sums.log_ratios, alpha=alpha, min_sd=sums.min_sd, expected_sd=sums.expected_sd)
        for alpha in (confidence.alpha * TOTAL_SHARE, confidence.pass_alpha)
    )
    return _fraction(strict, lax)


def change_estimate(
    one: ChangeSeries, confidence: Confidence, *, better: Literal["lower", "higher"] = "lower"
) -> Estimate:
    """Return a relative change; the deviation of launches is at least the scatter of their blocks."""
    strict, lax = (
        mean_interval(one.log_ratios, alpha=alpha, min_sd=one.min_sd, expected_sd=one.expected_sd)
        for alpha in (confidence.alpha, confidence.pass_alpha)
    )
    return _fraction(strict, lax) if better == "lower" else _fraction(lax, strict)


def _fraction(below: Interval, above: Interval) -> Estimate:
    """Return a change as a fraction, with the lower end of one interval and the upper end of another."""
    low = -math.inf if math.isinf(below.low) else math.expm1(below.low)
    high = math.inf if math.isinf(above.high) else math.expm1(above.high)
    return Estimate(value=math.expm1(below.mean), low=low, high=high)


def _estimate(name: str, one: Series, confidence: Confidence) -> Estimate:
    """Return the overall value with the interval of its launches, widened to include it."""
    if not any(one.per_launch):  # a cost where electricity is free
        return Estimate.exact(0.0)
    strict, lax = (_interval(name, one, confidence, alpha) for alpha in (confidence.alpha, confidence.pass_alpha))
    below, above = (strict, lax) if METRICS[name].better == "lower" else (lax, strict)
    return Estimate(
        value=one.overall,
        low=-math.inf if math.isinf(below.low) else min(one.overall, math.exp(below.low)),
        high=math.inf if math.isinf(above.high) else max(one.overall, math.exp(above.high)),
    )


def _interval(name: str, one: Series, confidence: Confidence, alpha: float) -> Interval:
    interval = mean_interval(one.logs, alpha=alpha, min_sd=one.min_sd, expected_sd=one.expected_sd)
    if name not in confidence.drifting:
        return interval
    return widened_by_drift(interval, drift_sd=confidence.drift_sd * one.elasticity, alpha=alpha)


def _product(*factors: float | None) -> float | None:
    known = [factor for factor in factors if factor is not None]
    return math.prod(known) if len(known) == len(factors) else None


def _times(estimate: Estimate, factor: float) -> Estimate:
    if factor == 0:
        return Estimate.exact(0.0)
    return Estimate(value=estimate.value * factor, low=estimate.low * factor, high=estimate.high * factor)
