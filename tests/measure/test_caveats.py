"""Caveats about a load: a table of loads, and of the sentences about each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import launch, window
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.caveats import caveats, different_units, saturation
from energygate.measure.launch import Launches

S = 1_000_000_000


def at_rate(rate, *, capacity, overrun=1.0, failed=0, launches=3):
    """Launches of windows of 25 calls that should take 25 / `rate` seconds, and take `overrun` times as long."""
    span_ns = round(25 / rate * S)
    one = window(requests=25 - failed, failed_requests=failed, wall_ns=round(span_ns * overrun))
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
        (50, 38, 1.0, "saturated: it serves 38 req/s of the 50 that arrive"),  # short windows hide a queue
        (50, 250, 1.25, "saturated: it serves 40 req/s of the 50 that arrive"),  # slower than back to back
        (0.5, None, 1.0, None),
    ],
)
def test_saturation(rate, capacity, overrun, said):
    found = saturation(at_rate(rate, capacity=capacity, overrun=overrun))
    assert found == said if said is None else said in found


@given(rate=st.floats(0.1, 1e4), share=st.floats(0.1, 3.0), overrun=st.floats(1.0, 3.0))
def test_serving_faster_never_saturates(rate, share, overrun):
    slow = saturation(at_rate(rate, capacity=rate / share, overrun=overrun))
    fast = saturation(at_rate(rate, capacity=2 * rate / share, overrun=overrun))
    assert fast is None or slow is not None


def test_failed_requests_count_as_arrived():
    assert "of the 50 that arrive" in saturation(at_rate(50, capacity=40, failed=10))


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
    (calm,), (busy,) = at_rate(50, capacity=250, launches=1), at_rate(50, capacity=25, launches=1)
    (said,) = caveats(Launches(base=(calm,), head=(busy,)), None)
    assert said.startswith("head is saturated: it serves 25 req/s of the 50 that arrive")
    assert caveats(Launches(base=(calm,), head=(calm,)), "tokens") == []


def test_caveats_of_head_alone():
    assert caveats(Launches(head=tuple(at_rate(50, capacity=250))), None) == []
    (said,) = caveats(Launches(head=tuple(at_rate(50, capacity=25))), None)
    assert said.startswith("saturated")
