"""Caveats about a load: a table of loads, and of the sentences about each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import launch, window
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.arrivals import poisson_arrivals
from energygate.measure.caveats import caveats, different_units, saturation
from energygate.measure.launch import Launches

S = 1_000_000_000


def at_rate(rate, *, capacity, overrun=1.0, failed=0, launches=3, requests=25):
    """Launches of windows of 25 calls that should take 25 / `rate` seconds, and take `overrun` times as long."""
    span_ns = round(requests / rate * S)
    one = window(requests=requests - failed, failed_requests=failed, wall_ns=round(span_ns * overrun))
    return [launch(*[replace(one, scheduled_ns=span_ns)] * 4, capacity_per_s=capacity)] * launches


@pytest.mark.parametrize(
    ("rate", "capacity", "overrun", "said"),
    [
        (50, 250, 1.0, None),
        (50, 250, 1.09, None),  # the last request of a window reaches over its end
        (50, 52.7, 1.0, None),
        (
            50,
            52,
            1.0,
            "nearly saturated: it can serve 52 req/s, and 50 arrive; latencies are mostly waiting",
        ),
        (50, 38, 1.32, "saturated: it serves 37.9 req/s of the 50 that arrive"),
        (50, 38, 1.0, "nearly saturated: it can serve 50 req/s, and 50 arrive"),  # calls got faster after warm-up
        (50, 250, 1.25, "saturated: it serves 40 req/s of the 50 that arrive"),  # slower than back to back
        (0.5, None, 1.0, None),
    ],
)
def test_saturation(rate, capacity, overrun, said):
    found = saturation(at_rate(rate, capacity=capacity, overrun=overrun))
    assert found == said if said is None else said in found


@pytest.mark.parametrize(
    ("requests", "capacity", "overrun", "said"),
    [
        (2, 2.1, 1.0, None),  # nearly as many as it can serve, but none waits for long
        (2, 2.1, 1.9, None),  # both arrived at the end of the window
        (2, 1.0, 1.2, None),  # the call that the capacity is known from was a slow one
        (2, 1.0, 2.0, "saturated: it serves 1 req/s of the 2 that arrive"),
        (2, 2.1, 2.2, "saturated: it serves 0.909 req/s of the 2 that arrive"),
        (100, 2.1, 1.06, "nearly saturated"),
        (100, 2.1, 1.09, "saturated: it serves 1.83 req/s of the 2 that arrive"),
    ],
)
def test_windows_of_few_requests_end_late_by_chance(requests, capacity, overrun, said):
    found = saturation(at_rate(2, capacity=capacity, overrun=overrun, requests=requests))
    assert found == said if said is None else found.startswith(said)


@given(seed=st.integers(0, 1 << 32), requests=st.sampled_from([2, 5, 25, 100]))
def test_a_server_below_its_capacity_is_never_called_saturated(seed, requests):
    """Windows as they are served in truth: each request takes 0.9 of the mean gap."""
    service_ns = round(0.9 * S / 50)
    served = []
    for number in range(40):
        arrivals = poisson_arrivals(rate_per_s=50, count=requests, seed=f"{seed} {number}")
        ends_ns = 0
        for arrived_ns in arrivals.offsets_ns:
            ends_ns = max(ends_ns, arrived_ns) + service_ns
        wall_ns = max(ends_ns, arrivals.span_ns)
        served.append(replace(window(requests=requests, wall_ns=wall_ns), scheduled_ns=arrivals.span_ns))
    assert saturation([launch(*served, capacity_per_s=S / service_ns)]) is None


@given(rate=st.floats(0.1, 1e4), share=st.floats(0.1, 3.0), overrun=st.floats(1.0, 3.0))
def test_serving_faster_never_saturates(rate, share, overrun):
    slow = saturation(at_rate(rate, capacity=rate / share, overrun=overrun))
    fast = saturation(at_rate(rate, capacity=2 * rate / share, overrun=overrun))
    assert fast is None or slow is not None


def test_failed_requests_count_as_arrived():
    assert "of the 50 that arrive" in saturation(at_rate(50, capacity=40, failed=10, overrun=1.25))


def test_one_late_window_is_not_saturation():
    """A neighbour's burst makes a window late; every other one was in time."""
    (one,) = at_rate(50, capacity=250, launches=1)
    late = replace(one.windows[0], wall_ns=3 * one.windows[0].wall_ns)
    assert saturation([replace(one, windows=(late, *one.windows[1:]))]) is None


def test_without_a_rate_there_is_no_saturation():
    assert saturation([launch(capacity_per_s=1.0)]) is None


def yielding(*units, requests=10):
    amounts = requests if isinstance(requests, tuple) else (requests,) * len(units)
    return launch(*(replace(window(requests=n), units=one) for one, n in zip(units, amounts, strict=True)))


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        ((450, 450), (450, 450), None),
        ((450, 450), (400, 500), None),  # window by window it may differ, where requests are drawn
        ((450, 450), (400, 412), "head yielded 812 tokens where base yielded 900 for the same requests"),
        ((450, 450), (450, 450.5), "head yielded 900.5 tokens where base yielded 900"),
        ((0, 0), (0, 0), None),
        ((0, 0), (1, 0), "head yielded 1 tokens where base yielded 0"),
    ],
)
def test_unlike_units(base, head, said):
    found = different_units(Launches(base=(yielding(*base),), head=(yielding(*head),)), "tokens")
    assert found == said if said is None else found.startswith(said)
    if said:
        assert found.endswith("compare energy per unit, not energy per request")


def test_windows_in_which_requests_failed_are_not_compared():
    base, head = yielding(450, 450), yielding(450, 405, requests=(10, 9))
    assert different_units(Launches(base=(base,), head=(head,)), "tokens") is None


def test_all_caveats_of_a_pair_name_their_side():
    (calm,), (busy,) = at_rate(50, capacity=250, launches=1), at_rate(50, capacity=25, overrun=2.0, launches=1)
    (said,) = caveats(Launches(base=(calm,), head=(busy,)), None)
    assert said.startswith("head is saturated: it serves 25 req/s of the 50 that arrive")
    assert caveats(Launches(base=(calm,), head=(calm,)), "tokens") == []


def test_caveats_of_head_alone():
    assert caveats(Launches(head=tuple(at_rate(50, capacity=250))), None) == []
    (said,) = caveats(Launches(head=tuple(at_rate(50, capacity=25, overrun=2.0))), None)
    assert said.startswith("saturated")
