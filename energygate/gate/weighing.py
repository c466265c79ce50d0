"""From series to evidence: intervals, and what energy means at the site."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate.evidence import Estimate, Evidence
from energygate.policy import METRICS, Family
from energygate.stats import drifting, launches_needed, log_mean, mean_interval
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.footprint import Production
    from energygate.measure.series import ChangeSeries, Series
    from energygate.stats import Interval

ENERGIES = ("energy_per_request", "energy_per_unit", "cold_start_energy")
ABOUT_ENERGY = (Family.ENERGY, Family.CARBON, Family.MONEY, Family.WATER)
TOTAL_SHARE = 0.1
DERIVED = {
    "carbon_per_request": "energy_per_request",
    "cost_per_request": "energy_per_request",
    "monthly_energy": "effective_energy_per_request",
    "monthly_carbon": "effective_energy_per_request",
    "monthly_water": "effective_energy_per_request",
}
"""Metrics that are a multiple of another: its change is theirs."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """What turns IT energy into what the site pays for it.

    Attributes:
        pue: Facility energy per IT energy.
        carbon_g_per_kwh: Carbon intensity; `None` when the policy does not say.
        price_per_kwh: Electricity price in the site's currency; `None` when the policy does not say.
        production: The site's traffic and prices; `None` when the policy does not say how much it serves.
    """

    pue: float
    carbon_g_per_kwh: float | None
    price_per_kwh: float | None
    production: Production | None = None

    def of(self, metric: str) -> float | None:
        """What a metric of `DERIVED` is times the one it is made of; `None` when the policy does not say."""
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
    """How intervals are made.

    Attributes:
        alpha: Two-sided error of each interval, already shared among all budgets of the policy.
        drift_sd: How much the machine wanders between occasions, as a standard deviation of ln(value).
        wandering: The metrics that it wanders in.
    """

    alpha: float
    drift_sd: float
    wandering: frozenset[str]


def weigh(series: Mapping[str, Series], factors: Factors, confidence: Confidence) -> dict[str, Evidence]:
    """The evidence that head's own launches give for every sampled metric, at the site.

    Args:
        series: The metrics over the launches, IT energy; effective energy, monthly cost and SCI are the facility's.
        factors: What energy means at the site.
        confidence: How intervals are made.
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
    unlike: str | None = None,
) -> dict[str, Evidence]:
    """The evidence that paired launches give for every sampled metric.

    Args:
        base: The evidence of base's own launches.
        head: The evidence of head's own launches.
        changes: How the metrics changed, launch by launch.
        confidence: How intervals are made. Both sides wander together, so changes are not widened by drift.
        unlike: Why the two sides' energy must not be compared; `None` when it may be.
    """
    relative = {name: change_estimate(one, confidence) for name, one in changes.items()}
    totals = {
        name: total_estimate(one, confidence)
        for name, one in changes.items()
        if METRICS[name].family in ABOUT_ENERGY
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
            incomparable=unlike if METRICS[name].family in ABOUT_ENERGY else None,
        )
        for name, one in head.items()
    }


def launches_to_decide(one: ChangeSeries, limit: float, confidence: Confidence) -> int | None:
    """About how many launches in all would settle a relative limit; `None` when more do not help.

    Args:
        one: How the metric changed so far.
        limit: The limit as a relative change, such as 0.05.
        confidence: How intervals are made.
    """
    n = len(one.log_ratios)
    if n < MIN_LAUNCHES:  # too few to know their scatter: a few more would show it
        return MIN_LAUNCHES + 2
    sd = max(statistics.stdev(one.log_ratios), _within(one))
    interval = mean_interval(one.log_ratios, alpha=confidence.alpha)
    return launches_needed(interval, math.log1p(limit), n, sd, alpha=confidence.alpha)


def _within(one: ChangeSeries) -> float:
    """The deviation that launches have at least: what their own blocks scatter."""
    return math.sqrt(sum(error * error for error in one.errors) / len(one.errors))


def total_estimate(one: ChangeSeries, confidence: Confidence) -> Estimate:
    """The relative change of sums over whole launches, with an interval that errs ten times less often.

    It is held against limits beside `change_estimate`, so that its errors add to that one's.
    """
    return _estimate_of(mean_interval(one.totals, alpha=confidence.alpha * TOTAL_SHARE))


def change_estimate(one: ChangeSeries, confidence: Confidence) -> Estimate:
    """A relative change; a launch's deviation is at least what its own blocks scatter."""
    return _estimate_of(mean_interval(one.log_ratios, alpha=confidence.alpha, least_sd=_within(one)))


def _estimate_of(interval: Interval) -> Estimate:
    if math.isinf(interval.half):
        return Estimate(value=math.expm1(interval.mean), low=-1.0, high=math.inf)
    return Estimate(
        value=math.expm1(interval.mean), low=math.expm1(interval.low), high=math.expm1(interval.high)
    )


def _estimate(name: str, one: Series, confidence: Confidence) -> Estimate:
    """The overall value with the interval of its launches, stretched where the two differ by a hair."""
    if not any(one.per_launch):  # a cost where electricity is free
        return Estimate.exact(0.0)
    interval = log_mean(one.per_launch, alpha=confidence.alpha)
    if name in confidence.wandering:
        drift_sd = confidence.drift_sd * one.elasticity
        interval = drifting(interval, drift_sd=drift_sd, alpha=confidence.alpha)
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
