"""From launches to footprints: active energy as the meter knows it, changes as the blocks say, and what cannot be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from builders import component_facts, launch, meter_facts, reading, window
from hypothesis import given
from hypothesis import strategies as st

from energygate.footprint import NoFootprint, Production
from energygate.gate.estimates import Confidence, Factors, weigh, weigh_change
from energygate.measure.launch import Launches
from energygate.measure.meters.idle import active_joules
from energygate.measure.readings import Method
from energygate.measure.series import DRIFTING, change_series, series
from energygate.measure.site_footprint import Bytes, FootprintModel
from energygate.policy import Traffic

NO_BYTES = Bytes()
KWH = 3.6e6
MODEL = meter_facts(idle_watts=2.0)
COUNTER = meter_facts(component_facts(method=Method.MEASURED, active_share=None, idle_watts=5.0), idle_watts=5.0)
BUSY = Production(traffic=Traffic(requests_per_day=1e5), pue=1.25)
WARM = replace(BUSY, traffic=Traffic(requests_per_day=1e5, warm_replicas=3))
PRICED = replace(WARM, replica_price_per_h=0.34, price_per_kwh=0.25, carbon_g_per_kwh=380.0)


def at(production, facts=MODEL):
    return FootprintModel(production=production, facts=facts)


def one_launch(*joules, **fields):
    return launch(*(window(one) for one in joules), **fields)


def pairs_of(factor, *, count=5, slow=1.0):
    """Launches whose head takes so many times base's energy and time, with a little scatter between launches."""
    base = [[window(j * (1 + i / 100), wall_ns=20_000_000) for j in (1.0, 1.1, 1.0, 1.1)] for i in range(count)]
    head = [
        [
            replace(one, reading=reading(one.reading.energy_joules * factor), wall_ns=round(one.wall_ns * slow))
            for one in windows
        ]
        for windows in base
    ]
    return Launches(base=tuple(launch(*some) for some in base), head=tuple(launch(*some) for some in head))


def changes(site, pairs):
    return site.changes(pairs, change_series(pairs), base=NO_BYTES, head=NO_BYTES)["effective_energy_per_request"]


@given(
    st.lists(st.tuples(st.floats(0.2, 1e3), st.integers(1, 99)), min_size=1, max_size=5),
    st.sampled_from([MODEL, COUNTER]),
)
def test_active_energy_is_that_of_the_meter(parts, facts):
    """The footprint's account and the one of the readings, which the provenance tells, are the same."""
    one = launch(*(window(joules, requests=count) for joules, count in parts))
    found = at(BUSY, facts).footprint([one], NO_BYTES)
    total = sum(active_joules(each.reading, facts, wall_ns=each.wall_ns) for each in one.windows)
    assert found.active_it_kwh * KWH * one.requests == pytest.approx(total)


def test_the_series_has_one_value_per_launch_with_pue_in_it():
    launches = [one_launch(1.0, 1.2), one_launch(2.0)]
    found = at(WARM).series(launches, NO_BYTES)["effective_energy_per_request"]
    alone = at(replace(WARM, pue=1.0)).series(launches, NO_BYTES)["effective_energy_per_request"]
    assert len(found.per_launch) == 2
    assert found.overall == pytest.approx(1.25 * alone.overall)
    idle_joules = 2.0 * 3 * 86_400 / 1e5
    assert alone.overall * KWH == pytest.approx(0.78 * 4.2 / 30 + idle_joules)


def test_a_month_s_metrics_are_multiples_of_effective_energy():
    factors = Factors(
        pue=1.25,
        carbon_g_per_kwh=380.0,
        price_per_kwh=0.25,
        production=replace(PRICED, water_l_per_kwh=1.8),
    )
    launches = [one_launch(1.0 + i / 50) for i in range(5)]
    confidence = Confidence(alpha=0.1, drift_sd=0.1, drifting=DRIFTING)
    weighed = weigh({**series(launches), **at(PRICED).series(launches, NO_BYTES)}, factors, confidence)
    effective, month = weighed["effective_energy_per_request"].head, 1e5 * 365.25 / 12
    for name, factor in {"monthly_energy": 1, "monthly_carbon": 380, "monthly_water": 1.8 / 1.25}.items():
        for end in ("value", "low", "high"):
            expected = getattr(effective, end) * month * factor
            assert getattr(weighed[name].head, end) == pytest.approx(expected)
    found = at(PRICED).footprint(launches, NO_BYTES)
    assert weighed["monthly_cost"].head.value == pytest.approx(found.monthly_cost)
    assert weighed["sci"].head.value == pytest.approx(found.sci_g)


def test_drift_widens_only_the_share_that_drifts():
    """A pool's price does not drift with the machine's speed: widening it as much would decide nothing."""
    launches = [one_launch(1.0)] * 5
    busy = at(BUSY).series(launches, NO_BYTES)["effective_energy_per_request"]
    priced = at(PRICED).series(launches, NO_BYTES)["monthly_cost"]
    assert busy.elasticity == pytest.approx(1.0)
    assert priced.elasticity < 1e-3


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5])
def test_the_change_is_that_of_the_numbers(factor):
    pairs = pairs_of(factor, slow=factor)
    for production in (BUSY, WARM):
        site = at(production)
        before = site.series(pairs.base, NO_BYTES)["effective_energy_per_request"]
        after = site.series(pairs.head, NO_BYTES)["effective_energy_per_request"]
        expected = [math.log(h / b) for b, h in zip(before.per_launch, after.per_launch, strict=True)]
        assert changes(site, pairs).log_ratios == pytest.approx(expected, abs=1e-12)
        assert changes(site, pairs).totals == pytest.approx(expected, abs=1e-12)


def test_idle_replicas_dilute_a_change():
    pairs = pairs_of(1.5)
    busy, warm = changes(at(BUSY), pairs).log_ratios, changes(at(WARM), pairs).log_ratios
    assert all(0 < thin < full / 10 for thin, full in zip(warm, busy, strict=True))


def test_swapping_the_sides_changes_the_sign():
    pairs = pairs_of(1.4, slow=1.2)
    first, *others = pairs.head
    wild = replace(first.windows[0], reading=reading(40.0))
    pairs = replace(pairs, head=(replace(first, windows=(wild, *first.windows[1:])), *others))
    swapped = Launches(base=pairs.head, head=pairs.base)
    for production in (BUSY, WARM):
        forth, back = changes(at(production), pairs), changes(at(production), swapped)
        assert forth.log_ratios == pytest.approx([-value for value in back.log_ratios], abs=1e-12)
        assert forth.totals == pytest.approx([-value for value in back.totals], abs=1e-12)


def test_an_outlier_window_changes_the_total_and_not_the_typical_ratio():
    ((base, head),) = pairs_of(1.0, count=1).pairs
    windows = [*head.windows] * 3
    windows[0] = replace(windows[0], reading=reading(50.0))
    wild = changes(at(BUSY), Launches(base=(launch(*[*base.windows] * 3),), head=(launch(*windows),)))
    assert wild.log_ratios[0] == pytest.approx(0.0, abs=1e-9)
    assert wild.totals[0] > 1


def test_a_change_has_an_interval_like_any_other():
    pairs = pairs_of(1.3)
    site, confidence = at(PRICED), Confidence(alpha=0.1, drift_sd=0.0, drifting=DRIFTING)
    factors = Factors(pue=1.25, carbon_g_per_kwh=380.0, price_per_kwh=0.25, production=PRICED)
    sides = [
        weigh({**series(one), **site.series(one, NO_BYTES)}, factors, confidence) for one in (pairs.base, pairs.head)
    ]
    measured = change_series(pairs)
    both = {**measured, **site.changes(pairs, measured, base=NO_BYTES, head=NO_BYTES)}
    found = weigh_change(*sides, both, confidence, incomparable="two cards")
    for name in ("monthly_energy", "monthly_carbon"):
        assert found[name].change == found["effective_energy_per_request"].change
    assert found["monthly_cost"].change.low <= found["monthly_cost"].change.value
    assert found["monthly_cost"].incomparable == found["sci"].incomparable == "two cards"


def test_outgoing_traffic_is_in_the_cost_of_each_side():
    sent = replace(PRICED, price_per_gb=0.09)
    pairs = pairs_of(1.0)
    found = at(sent).changes(pairs, change_series(pairs), base=Bytes(egress=1e3), head=Bytes(egress=1e6))
    assert found["monthly_cost"].log_ratios[0] > 0.1
    assert found["effective_energy_per_request"].log_ratios == pytest.approx([0.0] * 5, abs=1e-12)


def test_free_electricity_costs_nothing_on_both_sides():
    free = replace(BUSY, price_per_kwh=0.0)
    pairs = pairs_of(1.5)
    found = at(free).changes(pairs, change_series(pairs), base=NO_BYTES, head=NO_BYTES)["monthly_cost"]
    assert set(found.log_ratios) == {0.0}
    one = at(free).series(pairs.head, NO_BYTES)
    factors = Factors(pue=1.25, carbon_g_per_kwh=None, price_per_kwh=0.0, production=free)
    confidence = Confidence(alpha=0.1, drift_sd=0.1, drifting=DRIFTING)
    head = weigh({**series(pairs.head), **one}, factors, confidence)["monthly_cost"].head
    assert (head.low, head.value, head.high) == (0.0, 0.0, 0.0)


def test_at_a_rate_a_replica_is_busy_for_what_it_could_serve():
    paced = replace(window(1.0), scheduled_ns=20_000_000)
    found = at(BUSY).footprint([launch(paced, capacity_per_s=2000.0)], NO_BYTES)
    assert found.service_s == pytest.approx(1 / 2000)
    assert at(BUSY).footprint([launch(window(1.0), capacity_per_s=2000.0)], NO_BYTES).service_s == 0.002


def test_a_counter_that_shows_only_idle_power_is_noted():
    """5 W idle over 20 ms are 0.1 J: a window of 0.09 J has no energy above idle."""
    with pytest.raises(NoFootprint) as caught:
        at(BUSY, COUNTER).footprint([one_launch(0.09)], NO_BYTES)
    assert str(caught.value) == (
        "this machine draws no more while it serves, 4.50 W, than its idle 5.00 W, "
        "so energy per request is not above idle; measure on a quieter machine"
    )


def test_a_noisy_launch_is_accepted_with_warm_replicas_and_refused_without():
    launches = [one_launch(0.3), one_launch(0.06), one_launch(0.3)]
    assert min(at(WARM, COUNTER).series(launches, NO_BYTES)["effective_energy_per_request"].per_launch) > 0
    serverless = replace(BUSY, idle_watts=0.0)
    with pytest.raises(NoFootprint, match="in a launch this machine drew less while it served than when idle"):
        at(serverless, COUNTER).series(launches, NO_BYTES)


def test_an_idle_power_above_the_measured_power_is_noted():
    one = [one_launch(0.3)]  # 15 W while it serves, 5 of them at rest
    assert at(replace(BUSY, idle_watts=14.9), COUNTER).implausible_idle_power(one) is None
    assert at(replace(BUSY, idle_watts=50.0), COUNTER).implausible_idle_power(one) == (
        "site.replica.idle_power is 50.0 W, above the 15.0 W that this machine draws while it serves: "
        "effective energy mixes two different machines"
    )
    assert at(BUSY, COUNTER).implausible_idle_power(one) is None
