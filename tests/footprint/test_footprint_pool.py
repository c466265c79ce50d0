"""A pool of replicas over a day: how many run, cold starts, and too few replicas."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.footprint import NoFootprint, pool_of
from energygate.policy import Traffic

DAY_S = 86_400.0
services = st.floats(1e-6, 100.0)
daily = st.floats(1e-3, 1e9)


def traffic(**keys):
    return Traffic.model_validate({"requests_per_day": 24_000, **keys})


def hourly(requests, **keys):
    return Traffic.model_validate({"requests_per_hour": requests, **keys})


def test_replicas_follow_busy_time_and_never_fall_below_the_warm_ones():
    assert pool_of(traffic(), service_s=0.9).replica_seconds == pytest.approx(24_000 * 0.9)
    assert pool_of(traffic(warm_replicas=2), service_s=0.9).replica_seconds == 2 * DAY_S
    burst = hourly([36_000, *[0] * 23], warm_replicas=2)
    assert pool_of(burst, service_s=0.9).replica_seconds == pytest.approx(36_000 * 0.9 + 23 * 2 * 3600)


@given(daily, services, st.integers(0, 20))
def test_equal_hours_are_a_day(requests, service_s, warm):
    even = pool_of(traffic(requests_per_day=requests, warm_replicas=warm), service_s=service_s)
    profile = pool_of(hourly([requests / 24] * 24, warm_replicas=warm), service_s=service_s)
    assert profile.replica_seconds == pytest.approx(even.replica_seconds)
    assert profile.requests == pytest.approx(even.requests)


@given(
    st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=24, max_size=24).filter(any),
    services,
    st.integers(0, 20),
)
def test_bursts_need_at_least_as_many_replicas_as_evenly_spread_requests(hours, service_s, warm):
    spread = pool_of(traffic(requests_per_day=sum(hours), warm_replicas=warm), service_s=service_s)
    burst = pool_of(hourly(hours, warm_replicas=warm), service_s=service_s)
    assert burst.replica_seconds >= spread.replica_seconds * (1 - 1e-9)


@given(daily, services, st.floats(0.1, 1e5))
def test_scaling_to_zero_is_at_least_busy_and_at_most_busy_and_one_more(requests, service_s, after_s):
    scaled = traffic(requests_per_day=requests, scale_to_zero_after=f"{after_s} s")
    pool = pool_of(scaled, service_s=service_s)
    busy_s = requests * service_s
    assert busy_s * (1 - 1e-9) <= pool.replica_seconds <= (busy_s + DAY_S) * (1 + 1e-9)
    assert 0 <= pool.cold_starts <= requests * (1 + 1e-9)


def test_scaling_to_zero_under_endless_traffic_is_always_on_without_a_cold_start():
    pool = pool_of(traffic(requests_per_day=1e12, scale_to_zero_after="5 min"), service_s=0.0)
    assert (pool.replica_seconds, pool.cold_starts) == (DAY_S, 0.0)


def test_with_one_request_a_month_every_request_is_a_cold_start():
    pool = pool_of(traffic(requests_per_day=1 / 30, scale_to_zero_after="5 min"), service_s=0.01)
    assert pool.cold_starts == pytest.approx(1 / 30, rel=1e-3)
    assert pool.replica_seconds == pytest.approx(300 / 30, rel=1e-3)


def test_scaling_to_zero_agrees_with_a_simulation_of_arrivals():
    """A replica that waits so long after each arrival, against the closed form."""
    rate_per_s, after_s, days = 24_000 / DAY_S / 40, 120.0, 300  # a gap of 144 s in the mean
    coin = random.Random(7)  # noqa: S311 - arrivals, not a secret
    up_s = cold = 0.0
    for _ in range(round(rate_per_s * DAY_S * days)):
        gap_s = coin.expovariate(rate_per_s)
        up_s += min(gap_s, after_s)
        cold += gap_s > after_s
    pool = pool_of(traffic(requests_per_day=600, scale_to_zero_after="2 min"), service_s=0.0)
    assert pool.replica_seconds == pytest.approx(up_s / days, rel=0.01)
    assert pool.cold_starts == pytest.approx(cold / days, rel=0.01)


def test_an_hour_that_needs_more_than_max_replicas_is_reported():
    hours = [0.0] * 24
    hours[13] = 72_000
    pool_of(hourly(hours, max_replicas=20), service_s=1.0)
    with pytest.raises(NoFootprint) as caught:
        pool_of(hourly(hours, max_replicas=8), service_s=1.0)
    assert str(caught.value) == (
        "hour 13 needs 20.0 replicas that are always busy (72,000 requests of 1.00 s), and max_replicas is 8: "
        "more busy time than the hour has"
    )
    assert caught.value.key == ("site", "traffic", "max_replicas")


def test_the_number_of_replicas_is_unlimited_by_default():
    assert math.isfinite(pool_of(traffic(requests_per_day=1e15), service_s=100.0).replica_seconds)
