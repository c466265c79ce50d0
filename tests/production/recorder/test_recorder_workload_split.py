"""A window's joules split over workloads: each one's share, and that nothing is lost."""

from __future__ import annotations

from contextvars import Context

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder_harness import SECOND, ScriptedMeter, Time, joules, manual_recorder, total_joules, totals

from energygate.production.recorder.samples import SampleWindow
from energygate.production.recorder.workload_split import HALF_LIFE_NS, WorkloadSplit, divide


def window(*, wall=1.0, **request_seconds):
    return SampleWindow(
        wall_ns=round(wall * SECOND),
        in_flight_ns=round(min(wall, sum(request_seconds.values())) * SECOND),
        cpu_ns=0,
        request_ns={name: round(seconds * SECOND) for name, seconds in request_seconds.items()},
    )


@pytest.mark.parametrize(
    ("weights", "parts"),
    [
        ({}, {}),
        ({"a": 0}, {}),
        ({"a": 3}, {"a": 12.0}),
        ({"a": 3, "b": 0}, {"a": 12.0}),
        ({"a": 1, "b": 3}, {"a": 3.0, "b": 9.0}),
    ],
)
def test_joules_are_split_by_weight(weights, parts):
    assert divide(12.0, weights) == parts


@given(
    amount=st.floats(0, 1e9),
    weights=st.dictionaries(st.text(max_size=3), st.integers(0, 10**18), min_size=1).filter(
        lambda found: any(found.values())
    ),
)
def test_nothing_is_lost_in_a_split(amount, weights):
    assert sum(divide(amount, weights).values()) == pytest.approx(amount, rel=1e-9)


@pytest.mark.parametrize(
    ("served", "requests", "idle"),
    [
        ({"a": 0.5}, {"a": 8.0}, {"a": 2.0}),
        ({"a": 0.2, "b": 0.6}, {"a": 2.0, "b": 6.0}, {"a": 0.5, "b": 1.5}),  # by time in flight
        ({"a": 2.0, "b": 6.0}, {"a": 2.0, "b": 6.0}, {"a": 0.5, "b": 1.5}),  # several at once as well
        ({}, {"own": 8.0}, {"own": 2.0}),  # nobody was in flight: the service's own workload bears it
    ],
)
def test_active_energy_goes_by_requests_and_idle_energy_by_recent_shares(served, requests, idle):
    found = WorkloadSplit("own").split(joules(8.0, 2.0), window(**served))
    assert found == (pytest.approx(requests), pytest.approx(idle))


def test_idle_energy_without_requests_goes_to_recent_workloads():
    sharing = WorkloadSplit("own")
    sharing.split(joules(1, 0), window(a=0.25, b=0.75))
    assert sharing.split(joules(0, 4), window())[1] == pytest.approx({"a": 1.0, "b": 3.0})


def test_an_unused_workloads_share_of_idle_energy_decays():
    sharing = WorkloadSplit("own")
    half_life_s = HALF_LIFE_NS / SECOND
    sharing.split(joules(1, 0), window(old=60))
    _, idle = sharing.split(joules(1, 3), window(wall=half_life_s, new=60))
    assert idle == pytest.approx({"old": 1.0, "new": 2.0})


def test_idle_energy_is_not_lost_after_a_long_time_without_requests():
    sharing = WorkloadSplit("own")
    sharing.split(joules(1, 0), window(a=0.5))
    sharing.split(joules(0, 1), window(wall=10_000 * HALF_LIFE_NS / SECOND))
    assert sharing.split(joules(0, 4), window())[1] == {"own": 4}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from("abc")),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.floats(0, 5)),
        st.tuples(st.just("sample"), st.tuples(st.floats(0, 100), st.floats(0, 100))),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_totals_always_equal_the_meters_sum(steps):
    time, meter = Time(), ScriptedMeter()
    recorder = manual_recorder(meter, time)
    open_requests, begun, ended = [], 0, 0
    for step, what in steps:
        if step == "begin":
            request = recorder.request(what)
            Context().run(request.begin)  # each has its own, as in a server
            open_requests.append(request)
            begun += 1
        elif step == "end" and open_requests:
            open_requests.pop(what % len(open_requests)).end()
            ended += 1
        elif step == "wait":
            time.passes(what)
        elif step == "sample":
            meter.script.append(joules(*what))
            recorder.sample()
    for request in open_requests:
        request.end()
    assert total_joules(recorder) == pytest.approx(meter.read_joules, rel=1e-9)
    assert sum(one.requests for one in recorder.snapshot().workloads.values()) == begun
    recorder.close()


def test_a_request_over_several_windows_gets_a_share_of_each():
    time, meter = Time(), ScriptedMeter(joules(4, 1), joules(6), joules(2, 3))
    recorder = manual_recorder(meter, time)
    with recorder.request("other"):
        for _ in range(2):
            time.passes(1)
            recorder.sample()
    time.passes(1)
    recorder.sample()
    assert totals(recorder, "other").energy_joules == pytest.approx(12)
    assert [found.in_flight_ns for found in meter.windows] == [SECOND, SECOND, 0]
