"""How a load shapes launches: windows long enough for gaps, rounds for clients, and too rare requests."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError
from energygate.measure.planning import PACED_ARRIVALS, PACED_WINDOW_NS, plan_alone, plan_both
from energygate.measure.windows import (
    MANY_LAUNCHES,
    MAX_WARM_UP_WINDOWS,
    STEADY_SPAN,
    plan_launch,
    plan_pair,
)
from energygate.policy import Workload

MS, S = 1_000_000, 1_000_000_000


def workload(load="closed", **fields):
    return Workload(python="app:make", load=load, **fields)


def alone(load, *, call_ns=4 * MS, min_window_ns=20 * MS, limit_s=60.0, start_s=0.2):
    return plan_alone(
        workload(load),
        call_ns=call_ns,
        min_window_ns=min_window_ns,
        time_limit_ns=limit_s * S,
        start_ns=start_s * S,
        label="workload 'w'",
    )


def both(load, *, call_ns=(4 * MS, 4 * MS), min_window_ns=8 * MS, limit_s=60.0, start_s=0.3, **fields):
    return plan_both(
        workload(load, **fields),
        call_ns=call_ns,
        min_window_ns=min_window_ns,
        time_limit_ns=limit_s * S,
        start_ns=start_s * S,
        label="workload 'w'",
    )


def test_one_client_gets_the_plan_of_a_closed_loop():
    facts = {"min_window_ns": 20 * MS, "time_limit_ns": 60.0 * S}
    assert alone("closed") == plan_launch(call_ns=4 * MS, start_ns=0.2 * S, **facts)
    assert both("closed", min_window_ns=20 * MS, threads=2) == plan_pair(
        call_ns=(4 * MS, 4 * MS), start_ns=0.3 * S, threads=2, **facts
    )


@pytest.mark.parametrize(
    ("metric", "launches"),
    [("energy_per_request", 3), ("energy_per_unit", 3), ("latency_p95", 5), ("cold_start", 5), ("peak_memory", 5)],
)
def test_a_metric_that_takes_more_launches_gets_time_for_them(metric, launches):
    start_s = 0.65 * 60 / launches
    plan = both("closed", start_s=start_s, units="tokens", budgets={metric: {"max_increase": "10 %"}})
    launch_s = start_s + plan.windows * plan.calls * 8e-3
    assert int(60 / launch_s) == launches


@given(clients=st.integers(1, 64), call_ns=st.floats(1e4, 1e9))
def test_every_client_gets_as_many_calls(clients, call_ns):
    one, pair = (
        alone({"concurrency": clients}, call_ns=call_ns),
        both({"concurrency": clients}, call_ns=(call_ns,) * 2),
    )
    for plan, window_ns in ((one, 20 * MS), (pair, 8 * MS)):
        assert plan.calls % clients == 0
        assert plan.calls * call_ns >= window_ns


@pytest.mark.parametrize(
    ("rate", "limit_s", "calls", "pair_calls"),
    [
        ("2000 req/s", 60, 1000, 1000),  # half a second of them
        ("50 req/s", 60, 25, 25),
        ("40 req/s", 60, 20, 20),
        ("20 req/s", 60, 20, 20),  # twenty arrivals take a second
        ("5 req/s", 60, 10, 9),  # a quarter of a launch's share of the limit
        ("1 req/s", 60, 2, 2),
        ("1 req/s", 600, 19, 19),
    ],
)
def test_windows_at_a_rate_have_enough_arrivals_within_the_time_limit(rate, limit_s, calls, pair_calls):
    assert alone({"rate": rate}, call_ns=MS / 10, limit_s=limit_s).calls == calls
    assert both({"rate": rate}, call_ns=(MS / 10, MS / 10), limit_s=limit_s).calls == pair_calls


def test_an_overload_takes_as_long_as_serving_it():
    """Windows are planned by what will happen: half a second of work, not half a second of arrivals."""
    assert alone({"rate": "2000 req/s"}, call_ns=4 * MS).calls == 125


@given(
    rate=st.floats(1.0, 2000.0),
    call_ms=st.floats(0.05, 20.0),
    window_ns=st.sampled_from([8 * MS, 100 * MS, S]),
)
def test_windows_at_a_rate_are_long_enough_and_launches_fit_into_the_limit(rate, call_ms, window_ns):
    load = {"rate": f"{rate:.3f} req/s"}
    plan = both(load, call_ns=(call_ms * MS, 1.1 * call_ms * MS), min_window_ns=window_ns, limit_s=300.0)
    span_ns = plan.calls / rate * S
    fastest_ns = max(span_ns, plan.calls * call_ms * MS)
    assert fastest_ns >= 0.999 * max(window_ns, PACED_WINDOW_NS)
    assert plan.calls >= min(PACED_ARRIVALS, math.floor(rate * 9))  # 300 s: launches of 37 s, windows of nine
    slowest_ns = max(span_ns, plan.calls * 1.1 * call_ms * MS)
    assert plan.windows == 2 or MANY_LAUNCHES * 2 * plan.windows * slowest_ns <= 1.6 * 300 * S


def test_paced_workloads_warm_up_back_to_back_without_settling():
    closed, paced = both("closed", threads=2), both({"rate": "50 req/s"}, threads=2)
    assert closed.settling_calls > 0
    assert paced.warm_up_calls == closed.calls
    assert 2 * STEADY_SPAN <= paced.max_warm_up <= closed.max_warm_up
    assert paced.settling_calls == 0


@pytest.mark.parametrize(
    ("rate", "limit_s", "one", "pair"),
    [
        ("1 req/s", 60.0, True, True),
        ("1 req/s", 15.9, True, False),  # four launches of four windows with one arrival each: 16 s
        ("1 req/s", 3.9, False, False),
        ("1 req/h", 3600.0, False, False),
    ],
)
def test_requests_that_are_too_rare_for_the_limit_are_refused(rate, limit_s, one, pair):
    for plan, allowed in ((alone, one), (both, pair)):
        if allowed:
            assert plan({"rate": rate}, limit_s=limit_s).calls >= 1
            continue
        with pytest.raises(MeasurementError, match="too few requests arrive in") as caught:
            plan({"rate": rate}, limit_s=limit_s)
        assert caught.value.where == "workload 'w'"
        assert caught.value.hint.startswith("Raise `measurement.time_limit` to ")


@pytest.mark.parametrize("clients", [1, 4])
def test_warm_up_windows_stay_short_for_a_slow_counter(clients):
    load = {"concurrency": clients} if clients > 1 else "closed"
    for plan in (alone(load, min_window_ns=1250 * MS), both(load, min_window_ns=1250 * MS)):
        assert plan.calls * 4 * MS >= 1250 * MS
        assert 100 * MS <= plan.warm_up_calls * 4 * MS < 150 * MS
        assert plan.warm_up_calls % clients == 0
        assert 2 * STEADY_SPAN <= plan.max_warm_up <= MAX_WARM_UP_WINDOWS


def test_a_call_as_long_as_a_window_warms_up_by_itself():
    assert alone("closed", call_ns=2 * S, min_window_ns=1250 * MS).warm_up_calls == 0
