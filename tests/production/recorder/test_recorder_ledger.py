"""A window of the ledger: times in flight, CPU time, durations, and bounded memory."""

from __future__ import annotations

import gc

import pytest
from recorder_harness import SECOND, ScriptedMeter, Time, manual_recorder, totals

from energygate.production.recorder.labels import (
    MAX_LABEL_CHARACTERS,
    MAX_UNITS,
    MAX_WORKLOADS,
    OTHER,
    label,
)
from energygate.production.recorder.ledger import Ledger


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def ledger(time):
    clocks = time.clocks
    return Ledger(("cnn", "mlp"), bounds_seconds=(0.1, 1.0), clock=clocks.steady_ns, cpu_clock=clocks.cpu_ns)


def seconds(window):
    return (
        window.wall_ns / SECOND,
        window.in_flight_ns / SECOND,
        {name: spent / SECOND for name, spent in window.request_ns.items() if spent},
    )


def test_a_request_is_in_flight_from_beginning_to_end(ledger, time):
    time.passes(1)
    request = ledger.begin("cnn")
    time.passes(2)
    ledger.end(*request, ok=True)
    time.passes(4)
    assert seconds(ledger.cut()) == (7, 2, {"cnn": 2})


def test_overlapping_requests_count_time_in_flight_once_and_durations_each(ledger, time):
    first = ledger.begin("cnn")
    time.passes(1)
    second = ledger.begin("mlp")
    time.passes(2)
    ledger.end(*first, ok=True)
    time.passes(4)
    ledger.end(*second, ok=True)
    assert seconds(ledger.cut()) == (7, 7, {"cnn": 3, "mlp": 6})


def test_a_request_that_a_window_ends_within_belongs_to_both(ledger, time):
    request = ledger.begin("cnn")
    time.passes(1)
    assert seconds(ledger.cut()) == (1, 1, {"cnn": 1})
    time.passes(2)
    ledger.end(*request, ok=True)
    time.passes(3)
    assert seconds(ledger.cut()) == (5, 2, {"cnn": 2})


def test_a_window_has_its_cpu_time_and_says_whether_it_serves(ledger, time):
    time.passes(1, cpu=0.5)
    first, second = ledger.begin("cnn"), ledger.begin("cnn")
    time.passes(1, cpu=0.25)
    ledger.end(*first, ok=True)
    window = ledger.cut()
    assert (window.cpu_ns / SECOND, window.begun, window.serves) == (0.75, 2, True)
    time.passes(1, cpu=1)
    ledger.end(*second, ok=True)
    window = ledger.cut()
    assert (window.cpu_ns / SECOND, window.begun, window.serves) == (1, 0, True)
    time.passes(1)
    assert not ledger.cut().serves


@pytest.mark.parametrize(("duration", "bucket"), [(0.05, 0), (0.1, 0), (0.100001, 1), (1.0, 1), (1.5, 2), (1000.0, 2)])
def test_a_bound_belongs_to_its_bucket(ledger, time, duration, bucket):
    request = ledger.begin("cnn")
    time.passes(duration)
    ledger.end(*request, ok=True)
    durations = ledger.totals()["cnn"].durations
    assert durations.counts.index(1) == bucket
    assert durations.sum_seconds == pytest.approx(duration)


def test_a_clock_that_steps_back_subtracts_nothing(ledger, time):
    request = ledger.begin("cnn")
    time.passes(2)
    ledger.cut()
    time.passes(-5, cpu=-1)
    assert seconds(ledger.cut()) == (0, 0, {})
    time.passes(1)
    ledger.end(*request, ok=True)
    assert seconds(ledger.cut()) == (1, 1, {"cnn": 1})
    durations = ledger.totals()["cnn"].durations
    assert (durations.counts, durations.sum_seconds) == ((1, 0, 0), 0)


def test_a_request_can_end_within_the_ledger_itself(time):
    """A garbage collector ends an abandoned stream anywhere: a lock that is not reentrant would deadlock."""
    clocks, ledger, abandoned = time.clocks, None, []

    def clock():
        if abandoned:
            ledger.end(*abandoned.pop(), ok=True)
        return clocks.steady_ns()

    ledger = Ledger(("cnn",), bounds_seconds=(1.0,), clock=clock, cpu_clock=clocks.cpu_ns)
    abandoned.append(ledger.begin("cnn"))
    other = ledger.begin("cnn")
    ledger.end(*other, ok=True)
    assert ledger.totals()["cnn"].requests == 2


def test_only_the_recorders_own_workload_exists_from_the_start(ledger):
    assert list(ledger.totals()) == ["cnn"]


def test_too_many_workloads_are_merged(ledger):
    for number in range(1000):
        ledger.end(*ledger.begin(f"made up {number}"), ok=True)
    ledger.end(*ledger.begin("mlp"), ok=True)  # the policy's own still has its place
    found = ledger.totals()
    assert len(found) <= MAX_WORKLOADS + 3
    assert found[OTHER].requests == 1000 - MAX_WORKLOADS
    assert found["mlp"].requests == 1
    assert sum(one.requests for one in found.values()) == 1001


def test_too_many_units_are_merged():
    recorder = manual_recorder()
    for number in range(100):
        with recorder.request() as request:
            for extra in range(20):
                request.units(1, f"unit {number} {extra}")
    units = totals(recorder).units
    assert len(units) <= MAX_UNITS + 1
    assert sum(units.values()) == 2000


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("digits-cnn", "digits-cnn"),
        ("", OTHER),
        (7, "7"),
        (None, "None"),
        ('a"b\\c', 'a"b\\c'),  # each format quotes in its own way
        ("line\nbreak\r\x00", "line?break??"),
        ("half \ud800", "half ?"),
        ("ü and 漢", "ü and 漢"),
    ],
)
def test_a_label_is_valid_in_every_format(value, found):
    assert label(value) == found


def test_a_long_label_is_truncated():
    assert len(label("x" * 10_000)) == MAX_LABEL_CHARACTERS
    assert label("x" * MAX_LABEL_CHARACTERS) == "x" * MAX_LABEL_CHARACTERS


def test_memory_does_not_grow_with_requests():
    time = Time()
    recorder = manual_recorder(ScriptedMeter(), time)

    def serve(count):
        for _ in range(count):
            with recorder.request() as request:
                request.units(1)
                time.passes(0.001)
        gc.collect()
        return len(gc.get_objects())

    serve(100)
    assert serve(10_000) - serve(100) < 100
