"""From launches to metrics: energy adds up, failures do not count as served, launches weigh the same."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from builders import launch, reading, window
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError
from energygate.measure.launch import Launches
from energygate.measure.series import change_series, series, success_rate

JOULES_PER_KWH = 3.6e6

windows = st.builds(
    lambda joules, requests: window(joules, requests=requests), st.floats(1e-6, 1e4), st.integers(1, 2_000)
)
a_launch = st.lists(windows, min_size=1, max_size=5).map(lambda some: launch(*some))
some_launches = st.lists(a_launch, min_size=1, max_size=5)


@given(launches=some_launches)
def test_energy_adds_up(launches):
    """Requests times kWh per request is the sum of the windows' energy, to rounding."""
    metered = sum(part.energy_joules for one in launches for each in one.windows for part in each.reading.components)
    requests = sum(each.requests for one in launches for each in one.windows)
    per_request = series(launches)["energy_per_request"].overall
    assert requests * per_request * JOULES_PER_KWH == pytest.approx(metered, rel=1e-12)


@given(launches=some_launches)
def test_energy_adds_up_in_every_launch(launches):
    for one, per_request in zip(launches, series(launches)["energy_per_request"].per_launch, strict=True):
        assert one.requests * per_request * JOULES_PER_KWH == pytest.approx(one.energy_joules, rel=1e-12)


@given(launches=some_launches)
def test_every_metric_has_one_value_per_launch(launches):
    assert {len(one.per_launch) for one in series(launches).values()} == {len(launches)}


def test_a_launch_with_more_requests_weighs_more_in_the_energy():
    launches = [launch(window(3.6e6, requests=1)), launch(window(3.6e6, requests=3))]
    energy = series(launches)["energy_per_request"]
    assert energy.per_launch == (1.0, pytest.approx(1 / 3))
    assert energy.overall == 0.5  # 2 kWh over 4 requests


def test_all_components_of_a_reading_count():
    assert reading(1.0, 2.0, 4.0).energy_joules == 7.0


def test_all_other_metrics():
    slow = window(requests=4, wall_ns=2_000_000_000, latencies_ns=(400_000_000,) * 3 + (800_000_000,))
    fast = window(requests=6, wall_ns=1_000_000_000, latencies_ns=(100_000_000,) * 6)
    one = launch(slow, fast, cold_start_ns=250_000_000, cold_start=reading(7.2), peak_memory_bytes=1000)
    found = series([one])
    assert found["throughput"].overall == pytest.approx(10 / 3)
    assert found["latency_p50"].overall == pytest.approx(0.1)
    assert found["latency_p95"].overall == pytest.approx(0.8)
    assert found["latency_p99"].overall == pytest.approx(0.8)
    assert found["cold_start"].overall == pytest.approx(0.25)
    assert found["cold_start_energy"].overall == pytest.approx(2e-6)
    assert found["peak_memory"].overall == 1000.0


def test_launches_weigh_the_same_in_the_other_metrics():
    launches = [launch(cold_start_ns=100_000_000), launch(cold_start_ns=300_000_000)]
    assert series(launches)["cold_start"].overall == pytest.approx(0.2)


def test_quantiles_are_those_of_each_launch_before_they_are_averaged():
    calm = launch(window(requests=2, latencies_ns=(10, 10)))
    wild = launch(window(requests=2, latencies_ns=(30, 50)))
    assert series([calm, wild])["latency_p99"].per_launch == pytest.approx((10e-9, 50e-9))


def test_latencies_need_not_come_sorted():
    assert series([launch(window(requests=3, latencies_ns=(3, 1, 2)))])["latency_p50"].overall == 2e-9


def test_a_peak_unknown_in_one_launch_is_unknown():
    launches = [launch(peak_memory_bytes=1000), launch(peak_memory_bytes=0)]
    assert "peak_memory" not in series(launches)


@pytest.mark.parametrize(
    ("served", "failed", "rate"), [((10, 10), (0, 0), 1.0), ((9, 10), (1, 0), 0.95), ((0, 5), (5, 0), 0.5)]
)
def test_success_rate(served, failed, rate):
    parts = [window(requests=ok, failed_requests=bad) for ok, bad in zip(served, failed, strict=True)]
    assert success_rate([launch(parts[0]), launch(parts[1])]) == rate
    assert success_rate([launch(*parts)]) == rate


def test_energy_is_divided_by_the_served_requests():
    half = launch(window(3.6e6, requests=5, failed_requests=5))
    assert series([half])["energy_per_request"].overall == pytest.approx(0.2)


def test_a_launch_that_served_nothing_is_an_error_that_says_why():
    nothing = window(requests=0, failed_requests=10, latencies_ns=())
    dead = launch(nothing, first_failure="request 0 raised OSError")
    with pytest.raises(MeasurementError, match="no request was served in launch 2: request 0 raised OSError"):
        series([launch(), dead])


# --- What requests yield -----------------------------------------------------------------------------------


def yielding(joules, units):
    return replace(window(joules), units=units)


def test_energy_per_unit_is_energy_divided_by_units():
    launches = [launch(yielding(3.6e6, 100), yielding(3.6e6, 300)), launch(yielding(7.2e6, 100))]
    energy = series(launches)["energy_per_unit"]
    assert energy.per_launch == pytest.approx((2 / 400, 2 / 100))
    assert energy.overall == pytest.approx(4 / 500)


@pytest.mark.parametrize("units", [None, 0])
def test_a_launch_without_units_has_no_energy_per_unit(units):
    assert "energy_per_unit" not in series([launch(yielding(1.0, 5)), launch(yielding(1.0, units))])


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        ((100, 100), (100, 100), 1.1),
        ((100, 100), (50, 50), 2.2),  # half the tokens for 1.1 times the energy
        ((100, 0), (100, 100), 0.55),  # a window without any: launch by launch
    ],
)
def test_the_change_of_energy_per_unit(base, head, change):
    launches = Launches(
        base=(launch(*(yielding(2.0, one) for one in base)),),
        head=(launch(*(yielding(2.2, one) for one in head)),),
    )
    (ratio,) = change_series(launches)["energy_per_unit"].log_ratios
    assert ratio == pytest.approx(math.log(change))


def test_time_to_the_first_piece_of_streamed_answers():
    streamed = replace(window(), first_piece_latencies_ns=(30, 10, 20))
    assert series([launch(streamed)])["ttft_p50"].overall == pytest.approx(20e-9)
    assert series([launch(streamed)])["ttft_p95"].overall == pytest.approx(30e-9)
    assert "ttft_p50" not in series([launch(streamed), launch()])


@pytest.mark.parametrize(
    ("inputs", "calls", "covered"),
    [(20, (range(20), range(20, 40)), True), (20, (range(20), range(20, 39)), False), (1, (range(20),) * 2, False)],
)
def test_sums_cover_the_inputs_where_every_launch_served_all_of_several(inputs, calls, covered):
    side = tuple(launch(window(), window(), inputs=inputs, calls=one) for one in calls)
    assert change_series(Launches(base=side, head=side))["energy_per_request"].covers_inputs is covered


def test_a_few_expensive_requests_change_the_total_and_not_the_ratio():
    base = launch(*(window(1.0) for _ in range(24)))
    head = launch(*(window(3.0 if number % 12 == 0 else 1.0) for number in range(24)))
    change = change_series(Launches(base=(base,), head=(head,)))["energy_per_request"]
    assert change.log_ratios == (0.0,)
    assert change.totals == (pytest.approx(math.log(28 / 24)),)
