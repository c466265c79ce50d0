"""From paired launches to evidence: a change, what its interval is worth, and what must not be compared."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.gate.estimates import (
    Confidence,
    change_estimate,
    launches_to_decide,
    total_estimate,
    weigh_change,
)
from energygate.gate.evidence import Estimate, Evidence
from energygate.measure.series import ChangeSeries, Series
from energygate.stats import mean_interval
from energygate.stats.confidence import MAX_LAUNCHES, MIN_LAUNCHES

CONFIDENCE = Confidence(alpha=0.05, pass_alpha=0.05, drift_sd=0.1, drifting=frozenset())
RATIOS = (0.048, 0.052, 0.050, 0.049, 0.051)


def changes(ratios=RATIOS, *, error=0.0, totals=None):
    return ChangeSeries(
        log_ratios=tuple(ratios),
        errors=(error,) * len(ratios),
        totals=tuple(ratios if totals is None else totals),
    )


def logs(estimate):
    return math.log1p(estimate.low), math.log1p(estimate.high)


def evidence(*names, value=1.0):
    return {name: Evidence(metric=name, head=Estimate.exact(value)) for name in names}


@given(ratios=st.lists(st.floats(-2, 2), min_size=MIN_LAUNCHES, max_size=12))
def test_a_change_is_the_mean_of_the_log_ratios_as_a_fraction(ratios):
    found = change_estimate(changes(ratios), CONFIDENCE)
    assert found.value == pytest.approx(math.expm1(sum(ratios) / len(ratios)), abs=1e-9)
    interval = mean_interval(ratios, alpha=0.05)
    assert logs(found) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_too_few_launches_leave_a_change_without_an_interval():
    found = change_estimate(changes(RATIOS[: MIN_LAUNCHES - 1]), CONFIDENCE)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.is_known


@pytest.mark.parametrize(("better", "strict", "lax"), [("lower", "low", "high"), ("higher", "high", "low")])
def test_the_end_that_fails_shares_the_runs_error_and_the_end_that_passes_has_its_own(better, strict, lax):
    confidence = replace(CONFIDENCE, alpha=0.01, pass_alpha=0.1)
    found = change_estimate(changes(), confidence, better=better)
    ends = {end: math.log1p(getattr(found, end)) for end in ("low", "high")}
    assert ends[strict] == pytest.approx(getattr(mean_interval(RATIOS, alpha=0.01), strict))
    assert ends[lax] == pytest.approx(getattr(mean_interval(RATIOS, alpha=0.1), lax))


def test_one_launch_has_an_interval_where_its_scatter_was_recorded():
    one = ChangeSeries(log_ratios=(0.3,), errors=(0.001,), totals=(0.31,), expected_sd=0.005, expected_total_sd=0.01)
    interval = mean_interval((0.3,), alpha=0.05, expected_sd=0.005)
    assert logs(change_estimate(one, CONFIDENCE)) == pytest.approx((interval.low, interval.high))
    total = mean_interval((0.31,), alpha=0.005, expected_sd=0.01)
    assert math.log1p(total_estimate(one, CONFIDENCE).low) == pytest.approx(total.low)


def test_launches_that_agree_by_chance_are_no_more_certain_than_their_blocks():
    agreeing, scattered = (change_estimate(changes((0.05,) * 5, error=error), CONFIDENCE) for error in (0.0, 0.01))
    assert agreeing.low == agreeing.high
    interval = mean_interval((0.05,) * 5, alpha=0.05, min_sd=0.01)
    assert logs(scattered) == pytest.approx((interval.low, interval.high))


def test_the_interval_of_totals_errs_ten_times_less_often_and_comes_from_the_totals():
    totals = (0.58, 0.62, 0.60, 0.59, 0.61, 0.60)
    found = total_estimate(changes(totals=totals), CONFIDENCE)
    interval = mean_interval(totals, alpha=0.005)
    assert math.log1p(found.low) == pytest.approx(interval.low)
    assert math.log1p(found.high) == pytest.approx(mean_interval(totals, alpha=0.05).high)


@pytest.mark.parametrize(("covers_inputs", "shown"), [(True, True), (False, False)])
def test_inputs_that_changed_differently_leave_the_sums_certain_where_all_were_served(covers_inputs, shown):
    one = ChangeSeries(
        log_ratios=(0.5,),
        errors=(0.3,),
        totals=(0.58,),
        expected_sd=0.005,
        expected_total_sd=0.01,
        covers_inputs=covers_inputs,
    )
    assert not change_estimate(one, CONFIDENCE).low > 0.05
    assert (total_estimate(one, CONFIDENCE).low > 0.05) is shown


def test_metrics_proportional_to_energy_change_as_energy_does():
    head = evidence("energy_per_request", "carbon_per_request", "cost_per_request", "latency_p95", value=2.0)
    series = {"energy_per_request": changes(totals=(0.1,) * 5), "latency_p95": changes((0.2,) * 5)}
    found = weigh_change(evidence(*head), head, series, CONFIDENCE)
    energy = found["energy_per_request"]
    for name in ("carbon_per_request", "cost_per_request"):
        assert (found[name].change, found[name].total) == (energy.change, energy.total)
    assert energy.total.value == pytest.approx(math.expm1(0.1))
    assert found["latency_p95"].change.value == pytest.approx(math.expm1(0.2))
    assert found["latency_p95"].total is None
    assert {(one.base.value, one.head.value) for one in found.values()} == {(1.0, 2.0)}


def test_a_metric_that_base_lacks_has_no_base_and_no_change():
    found = weigh_change({}, evidence("peak_memory"), {}, CONFIDENCE)["peak_memory"]
    assert (found.base, found.change, found.total) == (None, None, None)


def test_incomparable_energies_have_a_reason_and_times_are_still_compared():
    head = evidence("energy_per_request", "carbon_per_request", "monthly_cost", "monthly_water", "latency_p95")
    found = weigh_change(head, head, {}, CONFIDENCE, incomparable="other processors")
    said = {name: one.incomparable for name, one in found.items()}
    assert said == {**dict.fromkeys(head, "other processors"), "latency_p95": None}


ENERGY = "energy_per_request"


def test_a_few_more_launches_show_their_scatter_where_there_are_too_few_to_know_it():
    assert launches_to_decide(ENERGY, changes(RATIOS[:2]), 1.05, CONFIDENCE) == MIN_LAUNCHES + 2


def test_launches_needed_grow_towards_the_limit_and_at_it_no_number_suffices():
    needed = [launches_to_decide(ENERGY, changes(error=0.01), limit, CONFIDENCE) for limit in (1.10, 1.075, 1.065)]
    assert needed == sorted(needed)
    assert needed[0] < needed[-1] <= MAX_LAUNCHES
    assert launches_to_decide(ENERGY, changes(error=0.01), math.exp(0.05), CONFIDENCE) is None


def test_the_scatter_of_blocks_counts_for_the_launches_needed():
    calm, wild = (launches_to_decide(ENERGY, changes(error=error), 1.07, CONFIDENCE) for error in (0.001, 0.012))
    assert calm < wild


@pytest.mark.parametrize(
    ("name", "limit", "fails"), [(ENERGY, 1.0, True), (ENERGY, 1.1, False), ("throughput", 1.1, True)]
)
def test_how_many_launches_it_takes_follows_from_the_error_of_the_verdict_that_is_near(name, limit, fails):
    strict = replace(CONFIDENCE, alpha=1e-4, pass_alpha=0.1)
    lax = replace(CONFIDENCE, alpha=0.1, pass_alpha=1e-4)
    some = changes(error=0.02)
    assert (launches_to_decide(name, some, limit, strict) > launches_to_decide(name, some, limit, lax)) is fails


def test_a_value_is_decided_by_as_many_launches_as_its_drift_allows():
    values = Series(per_launch=(1.0, 1.01, 0.99, 1.0), overall=1.0)
    drifting = replace(CONFIDENCE, drifting=frozenset({ENERGY}))
    assert launches_to_decide(ENERGY, values, 1.5, drifting) is not None
    assert launches_to_decide(ENERGY, values, 1.1, drifting) is None
    assert launches_to_decide(ENERGY, values, 1.1, CONFIDENCE) is not None
