"""From series to evidence: PUE exactly once, carbon and cost as energy times factor, honest intervals."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.footprint import Production
from energygate.gate import Estimate
from energygate.gate.estimates import ENERGIES, Confidence, Factors, weigh
from energygate.measure.series import DRIFTING, Series
from energygate.policy import METRICS, Traffic
from energygate.stats import mean_interval, widened_by_drift

CONFIDENCE = Confidence(alpha=0.1, drift_sd=0.0, drifting=DRIFTING)
MACHINE_ALONE = Factors(pue=1.0, carbon_g_per_kwh=None, price_per_kwh=None)

launches = st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=12).map(tuple)


def one_series(values, overall=None):
    return Series(per_launch=tuple(values), overall=sum(values) / len(values) if overall is None else overall)


def all_series(**given_series):
    plain = one_series((1.0, 1.1, 0.9, 1.05, 1.0))
    names = (*ENERGIES, "latency_p95", "throughput", "peak_memory")
    return {**dict.fromkeys(names, plain), **given_series}


@given(values=launches, overall=st.floats(1e-12, 1e6), pue=st.floats(1.0, 3.0))
def test_pue_multiplies_energy_exactly_once_and_nothing_else(values, overall, pue):
    series = all_series(energy_per_request=one_series(values, overall))
    alone = weigh(series, MACHINE_ALONE, CONFIDENCE)
    facility = weigh(series, replace(MACHINE_ALONE, pue=pue), CONFIDENCE)
    for name in ENERGIES:
        for end in ("value", "low", "high"):
            assert getattr(facility[name].head, end) == pue * getattr(alone[name].head, end)
    for name in set(series) - set(ENERGIES):
        assert facility[name] == alone[name]


def test_pue_one_and_a_half_is_exactly_one_and_a_half_times_pue_one():
    series = all_series(energy_per_request=one_series((1.3e-9, 1.1e-9, 1.2e-9, 1.25e-9), 1.234567e-9))
    alone = weigh(series, MACHINE_ALONE, CONFIDENCE)["energy_per_request"].head.value
    facility = weigh(series, replace(MACHINE_ALONE, pue=1.5), CONFIDENCE)["energy_per_request"].head.value
    assert alone == 1.234567e-9
    assert facility == 1.5 * alone


def test_a_workload_that_counts_no_units_has_no_energy_per_unit():
    series = {name: one for name, one in all_series().items() if name != "energy_per_unit"}
    assert "energy_per_unit" not in weigh(series, MACHINE_ALONE, CONFIDENCE)


def test_every_energy_among_the_metrics_gets_pue():
    at_traffic = {"effective_energy_per_request", "monthly_energy"}  # these come with it, once
    assert {name for name, metric in METRICS.items() if metric.unit == "kWh"} == set(ENERGIES) | at_traffic


@given(values=launches, carbon=st.floats(1e-6, 1000), price=st.floats(1e-6, 10), pue=st.floats(1.0, 3.0))
def test_carbon_and_cost_are_facility_energy_times_their_factor(values, carbon, price, pue):
    factors = Factors(pue=pue, carbon_g_per_kwh=carbon, price_per_kwh=price)
    weighed = weigh(all_series(energy_per_request=one_series(values)), factors, CONFIDENCE)
    energy = weighed["energy_per_request"].head
    for end in ("value", "low", "high"):
        assert getattr(weighed["carbon_per_request"].head, end) == getattr(energy, end) * carbon
        assert getattr(weighed["cost_per_request"].head, end) == getattr(energy, end) * price


def test_what_costs_nothing_is_known_to_cost_nothing():
    few = all_series(energy_per_request=one_series((1.0,)))
    weighed = weigh(few, Factors(pue=1.0, carbon_g_per_kwh=0.0, price_per_kwh=None), CONFIDENCE)
    assert weighed["carbon_per_request"].head == Estimate.exact(0.0)


def test_without_factors_there_is_no_carbon_and_no_cost():
    weighed = weigh(all_series(), MACHINE_ALONE, CONFIDENCE)
    assert set(weighed) == set(all_series())
    assert all(evidence.metric == name for name, evidence in weighed.items())
    assert all(evidence.base is None and evidence.change is None for evidence in weighed.values())


@given(values=launches, overall=st.floats(1e-12, 1e6), drift_sd=st.floats(0, 1))
def test_the_value_never_lies_outside_its_interval(values, overall, drift_sd):
    """The sum over all launches and the mean of their logs differ; the interval must hold both."""
    confidence = replace(CONFIDENCE, drift_sd=drift_sd)
    head = weigh(all_series(energy_per_request=one_series(values, overall)), MACHINE_ALONE, confidence)[
        "energy_per_request"
    ].head
    assert head.low <= head.value <= head.high
    assert head.value == overall


def test_the_interval_is_that_of_the_launches():
    values = (1.0, 1.1, 0.9, 1.05, 1.0)
    head = weigh(all_series(), MACHINE_ALONE, CONFIDENCE)["energy_per_request"].head
    interval = mean_interval(one_series(values).logs, alpha=0.1)
    assert (head.low, head.high) == (math.exp(interval.low), math.exp(interval.high))


@pytest.mark.parametrize(("name", "strict", "lax"), [("cold_start", "low", "high"), ("throughput", "high", "low")])
def test_the_end_that_fails_shares_the_runs_error_and_the_end_that_passes_has_its_own(name, strict, lax):
    confidence = replace(CONFIDENCE, alpha=0.01, pass_alpha=0.1)
    values = (1.0, 1.1, 0.9, 1.05, 0.95)
    head = weigh({name: one_series(values)}, MACHINE_ALONE, confidence)[name].head
    logs = [math.log(value) for value in values]
    assert math.log(getattr(head, strict)) == pytest.approx(getattr(mean_interval(logs, alpha=0.01), strict))
    assert math.log(getattr(head, lax)) == pytest.approx(getattr(mean_interval(logs, alpha=0.1), lax))


def test_drift_widens_what_follows_the_machines_speed_and_nothing_else():
    drifted = weigh(all_series(), MACHINE_ALONE, replace(CONFIDENCE, drift_sd=0.1))
    still = weigh(all_series(), MACHINE_ALONE, CONFIDENCE)
    interval = widened_by_drift(
        mean_interval(one_series((1.0, 1.1, 0.9, 1.05, 1.0)).logs, alpha=0.1), drift_sd=0.1, alpha=0.1
    )
    assert drifted["energy_per_request"].head.high == math.exp(interval.high)
    assert drifted["peak_memory"] == still["peak_memory"]
    for name in set(all_series()) - {"peak_memory"}:
        assert drifted[name].head.high > still[name].head.high


def test_drift_widens_a_number_by_the_share_of_it_that_drifts():
    confidence = replace(CONFIDENCE, drift_sd=0.1)
    highs = []
    for elasticity in (0.0, 0.5, 1.0):
        partly = replace(one_series((1.0, 1.1, 0.9, 1.05, 1.0)), elasticity=elasticity)
        weighed = weigh(all_series(monthly_cost=partly), MACHINE_ALONE, confidence)
        highs.append(weighed["monthly_cost"].head.high)
    still = weigh(all_series(), MACHINE_ALONE, CONFIDENCE)["energy_per_request"].head.high
    assert highs[0] == still < highs[1] < highs[2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_launches_have_no_interval(count):
    few = one_series((1.0, 1.1, 0.9)[:count])
    head = weigh(all_series(energy_per_request=few), MACHINE_ALONE, CONFIDENCE)["energy_per_request"].head
    assert not head.is_known
    assert (head.low, head.high) == (-math.inf, math.inf)


def test_a_month_is_effective_energy_times_its_requests_and_water_is_of_it_energy():
    production = Production(traffic=Traffic(requests_per_day=1000), pue=1.25, water_l_per_kwh=1.8)
    factors = Factors(pue=1.25, carbon_g_per_kwh=380.0, price_per_kwh=None, production=production)
    series = all_series(effective_energy_per_request=one_series((2.0, 2.0, 2.0, 2.0)))
    found = {name: one.head.value for name, one in weigh(series, factors, CONFIDENCE).items()}
    month = 2.0 * 1000 * 365.25 / 12
    assert found["monthly_energy"] == pytest.approx(month)
    assert found["monthly_carbon"] == pytest.approx(month * 380.0)
    assert found["monthly_water"] == pytest.approx(month * 1.8 / 1.25)


def test_one_launch_has_an_interval_where_its_scatter_was_recorded_and_its_windows_can_only_widen_it():
    halves = []
    for min_sd in (0.0, 0.02, 0.05):
        one = replace(one_series((1.0,)), expected_sd=0.02, min_sd=min_sd)
        head = weigh(all_series(energy_per_request=one), MACHINE_ALONE, CONFIDENCE)["energy_per_request"].head
        halves.append(math.log(head.high))
    assert halves[0] == halves[1] == pytest.approx(mean_interval([0.0], alpha=0.1, expected_sd=0.02).high)
    assert halves[2] == pytest.approx(2.5 * halves[0])
