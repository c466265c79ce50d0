"""The recorder as a service uses it: what is counted, and that its errors never reach the service."""

from __future__ import annotations

import gc
import logging
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from recorder_harness import SECOND, ScriptedMeter, Time, joules, manual_recorder, total_joules, totals

import energygate
from energygate import PolicyError, Recorder, UsageError
from energygate.errors import MeasurementError
from energygate.measure.meters import rapl
from energygate.policy import load_policy
from energygate.production.recorder.config import MAX_LATENCY_BOUNDS, USUAL_BOUNDS_SECONDS
from energygate.production.recorder.cpu_time import ChildCpuTime
from energygate.production.recorder.labels import MAX_WORKLOADS, OTHER
from energygate.production.recorder.recording import READ_TIMEOUT_NS, RETRY_NS

GENEROUS_S = 90

POLICY = """\
version: 1
site: {pue: 1.25}
workloads:
  cnn:
    onnx: cnn.onnx
    budgets: {energy_per_request: {max: 1 mWh}, latency_p95: {max: 80 ms}}
  mlp:
    onnx: mlp.onnx
    budgets: {latency_p99: {max: 1 s}}
"""


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "energygate.yml"
    file.write_text(POLICY, encoding="utf-8")
    return file


# What it is told


def test_pue_and_buckets_come_from_the_policy(policy):
    snapshot = manual_recorder(policy=policy, workload="cnn").snapshot()
    assert snapshot.pue == 1.25
    assert snapshot.workloads["cnn"].durations.bounds_seconds == tuple(sorted({*USUAL_BOUNDS_SECONDS, 0.08}))


@pytest.mark.parametrize("limit", ["60 s", "100 s", "120 s", "20 min", "2 h"])
def test_every_latency_limit_has_a_larger_bucket(tmp_path, limit):
    """Prometheus' `histogram_quantile` never returns more than the last bound, so an alert at it could not fire."""
    file = tmp_path / "energygate.yml"
    file.write_text(
        f"version: 1\nworkloads: {{cnn: {{onnx: a.onnx, budgets: {{latency_p95: {limit}}}}}}}\n",
        encoding="utf-8",
    )
    seconds = load_policy(file).workloads["cnn"].budgets["latency_p95"].max.value
    bounds = manual_recorder(policy=file).snapshot().workloads["cnn"].durations.bounds_seconds
    assert seconds in bounds
    assert bounds[-1] >= 2.5 * seconds


def test_the_number_of_buckets_is_bounded_and_the_longest_stay(tmp_path):
    workloads = ", ".join(
        f"w{number}: {{onnx: a.onnx, budgets: {{latency_p95: {700 + number} s}}}}" for number in range(50)
    )
    file = tmp_path / "energygate.yml"
    file.write_text(f"version: 1\nworkloads: {{{workloads}}}\n", encoding="utf-8")
    bounds = manual_recorder(policy=file, workload="w0").snapshot().workloads["w0"].durations.bounds_seconds
    assert bounds[-2:] == (749, 749 * 2.5)
    assert len(bounds) == len(USUAL_BOUNDS_SECONDS) + MAX_LATENCY_BOUNDS + 1


def test_a_huge_limit_does_not_overflow(tmp_path):
    file = tmp_path / "energygate.yml"
    file.write_text(
        "version: 1\nworkloads: {cnn: {onnx: a.onnx, budgets: {latency_p95: 1.0e307 s}}}\n", encoding="utf-8"
    )
    recorder = manual_recorder(policy=file)
    with recorder.request():
        pass
    assert totals(recorder).durations.bounds_seconds == USUAL_BOUNDS_SECONDS


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, UsageError, "several workloads, cnn, mlp"),
        ({"workload": "cn"}, UsageError, "no workload 'cn'. Did you mean 'cnn'?"),
        ({"workload": "zzz"}, UsageError, "It has cnn, mlp"),
        ({"workload": "cnn", "pue": 1.5}, UsageError, "the policy says 1.25"),
        ({"policy": None}, UsageError, "what the service serves"),
        ({"policy": None, "workload": "x", "pue": 0.9}, UsageError, "from 1.0 to 3.0, not 0.9"),
        ({"policy": None, "workload": "x", "pue": True}, UsageError, "not True"),
        ({"policy": None, "workload": "x", "pue": math.nan}, UsageError, "not nan"),
        ({"workload": "cnn", "sample_interval_s": 0}, UsageError, "sample_interval_s is a time in seconds"),
        ({"workload": "cnn", "export_interval_s": math.inf}, UsageError, "export_interval_s"),
        ({"workload": "cnn", "sample_interval_s": "1"}, UsageError, "not '1'"),
        ({"policy": "missing.yml"}, PolicyError, "there is no such policy"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_served(policy, options, error, says):
    with pytest.raises(error, match=r"^[^\n]*$") as raised:
        Recorder(**{"policy": policy, **options})
    assert says in str(raised.value)


def test_a_policy_with_one_workload_needs_no_name(tmp_path):
    file = tmp_path / "energygate.yml"
    file.write_text("version: 1\nworkloads: {only: {onnx: a.onnx}}\n", encoding="utf-8")
    assert Recorder(file).workload == "only"


def test_importing_it_costs_little():
    """A service pays for every import with memory, and with its cold start."""
    probe = "import sys, energygate; energygate.Recorder; print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    heavy = {"codecarbon", "numpy", "onnxruntime", "opentelemetry", "pandas", "prometheus_client", "pydantic"}
    assert set(done.stdout.split()) & heavy == set()


def test_measuring_with_the_power_model_loads_no_codecarbon(policy):
    probe = (
        "import sys, energygate\n"
        f"recorder = energygate.Recorder({str(policy)!r}, workload='cnn', background=False)\n"
        "recorder.sample(), recorder.sample(), recorder.metrics_text(), recorder.close()\n"
        "assert recorder.snapshot().meter is not None\n"
        "print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"codecarbon", "numpy", "onnxruntime", "pandas"} == set()


# What is counted


def test_a_request_is_counted_with_its_attributes():
    time = Time()
    recorder = manual_recorder(time=time)
    with recorder.request() as request:
        time.passes(0.3)
        request.units(12, "tokens")
        request.units(3, "tokens")
        request.bytes_out(100)
        request.bytes_out(11)
    found = totals(recorder)
    assert (found.requests_ok, found.requests_error, found.response_bytes) == (1, 0, 111)
    assert found.units == {"tokens": 15}
    assert found.durations.sum_seconds == pytest.approx(0.3)


def test_an_exception_passes_through_and_counts_as_an_error():
    recorder = manual_recorder()
    for error in (KeyError("a"), KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)) as raised, recorder.request():
            raise error
        assert raised.value is error
    assert (totals(recorder).requests_ok, totals(recorder).requests_error) == (0, 3)


def test_a_request_can_fail_without_an_exception():
    recorder = manual_recorder()
    with recorder.request() as request:
        request.error()
    assert totals(recorder).requests_error == 1


def test_a_nested_request_of_the_same_workload_is_part_of_the_outer():
    recorder = manual_recorder()
    with recorder.request():
        with recorder.request() as inner:
            inner.units(5)
            inner.bytes_out(7)
        with recorder.request("other") as other, recorder.request() as innermost:
            other.units(1)
            innermost.units(2)
        assert totals(recorder).requests == 0
    assert (totals(recorder).requests, totals(recorder).units) == (1, {"units": 7})
    assert totals(recorder).response_bytes == 7
    assert (totals(recorder, "other").requests, totals(recorder, "other").units) == (1, {"units": 1})


def test_a_nested_request_is_recognised_if_its_name_is_changed():
    recorder = manual_recorder()
    for name in ("x" * 500, "line\nbreak", 7, *(f"made up {number}" for number in range(MAX_WORKLOADS + 5))):
        with recorder.request(name), recorder.request(name) as inner:
            inner.units(1)
    found = recorder.snapshot().workloads
    assert OTHER in found
    assert sum(one.requests for one in found.values()) == 3 + MAX_WORKLOADS + 5
    with recorder.request("yet another"), recorder.request("and another"):  # two, though both are `other` now
        pass
    assert totals(recorder, OTHER).requests == found[OTHER].requests + 2


def test_a_caught_nested_failure_is_no_error_of_the_outer_request():
    recorder = manual_recorder()
    with recorder.request():
        with pytest.raises(ValueError, match="part"), recorder.request():
            raise ValueError("part")
        with recorder.request() as inner:
            inner.units(1)
    assert (totals(recorder).requests_ok, totals(recorder).requests_error) == (1, 0)


def test_consecutive_requests_are_separate():
    recorder = manual_recorder()
    outer = recorder.request().begin()
    inner = recorder.request("other").begin()
    outer.end()
    with recorder.request():
        pass
    inner.end()
    with recorder.request():
        pass
    assert totals(recorder).requests == 3


def test_two_recorders_do_not_mix():
    one, other = manual_recorder(), manual_recorder()
    with one.request(), other.request() as request:
        request.units(1)
    assert (totals(one).requests, totals(other).requests) == (1, 1)
    assert (totals(one).units, totals(other).units) == ({}, {"units": 1})


def test_the_current_request_is_found_from_anywhere_within_it():
    recorder = manual_recorder()
    recorder.current().units(9)  # outside: nothing to count it for
    with recorder.request():
        recorder.current().units(2)
        with recorder.request():
            recorder.current().units(3)
        recorder.current().units(4)
    recorder.current().units(9)
    assert totals(recorder).units == {"units": 9}


def test_only_the_first_end_counts():
    recorder = manual_recorder()
    request = recorder.request().begin()
    request.end()
    request.end(ok=False)
    request.units(1)
    assert (totals(recorder).requests_ok, totals(recorder).requests_error) == (1, 0)


class Hostile:
    def __str__(self):
        raise RuntimeError("no name")

    def __gt__(self, other):
        raise RuntimeError("no number")


@pytest.mark.parametrize("count", [-1, 0, math.nan, math.inf, "many", None, Hostile(), 1j])
def test_invalid_numbers_are_ignored_without_raising(count):
    recorder = manual_recorder()
    with recorder.request() as request:
        request.units(count)
        request.bytes_out(count)
        request.units(1, Hostile())
    assert (totals(recorder).requests_ok, totals(recorder).units) == (1, {})
    assert totals(recorder).response_bytes == 0


def test_an_invalid_workload_name_does_not_raise_in_the_service():
    recorder = manual_recorder()
    with recorder.request(Hostile()) as request:
        request.units(1)
    with recorder.request():
        pass
    assert totals(recorder).requests == 1
    assert recorder.snapshot().internal_errors == 1


# The meter


def test_errors_of_the_meter_are_counted_and_logged_once(caplog):
    time = Time()
    meter = ScriptedMeter(
        joules(1, 1),
        MeasurementError("the counter is gone"),
        OSError("it really is"),
        joules(-1, 2),
        joules(math.nan),
        joules(math.inf),
        joules(2, 2),
    )
    recorder = manual_recorder(meter, time)
    with caplog.at_level(logging.WARNING, logger="energygate.recorder"):
        for _ in range(7):
            with recorder.request():
                time.passes(1)
            recorder.sample()
    snapshot = recorder.snapshot()
    assert snapshot.meter_errors == 5
    assert total_joules(recorder) == pytest.approx(6)
    assert snapshot.workloads["cnn"].requests_ok == 7
    assert [record.getMessage() for record in caplog.records] == [
        "energygate: the meter could not be read: the counter is gone",
        "energygate: the meter's joules are invalid: -1 J and 2 J",
    ]


def test_opening_the_meter_is_retried():
    time, tries = Time(), []

    def opening():
        tries.append(time.steady_ns)
        if len(tries) < 3:
            raise MeasurementError("no counter today")
        return ScriptedMeter()

    recorder = Recorder(workload="cnn", meter=opening, clocks=time.clocks, background=False)
    for _ in range(150):
        recorder.sample()
        time.passes(1)
        with recorder.request():
            pass
    assert recorder.snapshot().meter_errors == 2
    assert tries[2] - tries[1] >= RETRY_NS
    assert recorder.snapshot().meter is not None
    assert totals(recorder).requests == 150


def test_time_before_the_meter_was_open_is_not_distributed():
    time, meter = Time(), ScriptedMeter()
    recorder = Recorder(workload="cnn", meter=lambda: meter, clocks=time.clocks, background=False)
    with recorder.request():
        time.passes(100)
        recorder.sample()
        time.passes(1)
    recorder.sample()
    assert meter.windows[0].wall_ns == SECOND
    assert totals(recorder).energy_joules == pytest.approx(10)


def test_a_hanging_meter_blocks_nobody_and_is_counted_once():
    time, asked, go_on = Time(), threading.Event(), threading.Event()

    class Hanging(ScriptedMeter):
        def read(self, window):
            asked.set()
            go_on.wait(GENEROUS_S)
            return super().read(window)

    recorder = manual_recorder(Hanging(), time)
    sampling = threading.Thread(target=recorder.sample)
    sampling.start()
    assert asked.wait(GENEROUS_S)
    with recorder.request():
        pass
    assert recorder.snapshot().meter_errors == 0
    time.passes(READ_TIMEOUT_NS / SECOND + 1)
    assert [recorder.snapshot().meter_errors for _ in range(3)] == [1, 1, 1]
    assert "energygate_requests_total" in recorder.metrics_text()
    go_on.set()
    sampling.join(GENEROUS_S)
    assert totals(recorder).requests == 1


# Sinks


class Remembering:
    def __init__(self, *troubles):
        self.troubles = list(troubles)
        self.seen = []
        self.closed = 0

    def export(self, snapshot, since):
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        self.seen.append((snapshot, since))

    def close(self):
        self.closed += 1
        raise ConnectionError("closing, too")


def test_sinks_get_what_was_added_since_their_last_success():
    time, sink, other = Time(), Remembering(None, OSError("down")), Remembering()
    recorder = manual_recorder(ScriptedMeter(), time, sinks=[sink, other])
    for requests in (2, 3, 4):
        for _ in range(requests):
            with recorder.request() as request:
                request.units(2, "tokens")
                time.passes(1)
        recorder.flush()
    recorder.close()
    added = [snapshot.less(since).workloads["cnn"] for snapshot, since in sink.seen]
    assert [one.requests for one in added] == [2, 7, 0]
    assert [one.units["tokens"] for one in added] == [4, 14, 0]
    assert [one.durations.count for one in added] == [2, 7, 0]
    assert [one.energy_joules for one in added] == pytest.approx([20, 70, 0])
    assert [one.less(since).workloads["cnn"].requests for one, since in other.seen] == [2, 3, 4, 0]
    assert (sink.closed, other.closed) == (1, 1)
    assert recorder.snapshot().internal_errors == 3


# Its life


def test_closing_reads_and_exports_once_more_and_ends_counting():
    time, meter, sink = Time(), ScriptedMeter(), Remembering()
    recorder = manual_recorder(meter, time, sinks=[sink])
    with recorder.request():
        time.passes(2)
    recorder.close()
    recorder.close()
    with recorder.request() as late:
        late.units(1)
    recorder.sample()
    recorder.flush()
    recorder.start()
    assert meter.closed
    assert len(meter.windows) == 1
    assert totals(recorder).requests == 1
    assert totals(recorder).energy_joules == pytest.approx(20)
    assert len(sink.seen) == 1


def test_in_the_background_it_opens_reads_and_exports_by_itself():
    read, exported = threading.Semaphore(0), threading.Semaphore(0)

    class Telling(ScriptedMeter):
        def read(self, window):
            read.release()
            return super().read(window)

    class TellingSink(Remembering):
        def export(self, snapshot, since):
            super().export(snapshot, since)
            exported.release()

    meter, sink = Telling(), TellingSink()
    recorder = Recorder(
        workload="cnn",
        meter=lambda: meter,
        sinks=[sink],
        sample_interval_s=0.01,
        export_interval_s=0.01,
    )
    with recorder:
        for _ in range(3):
            assert read.acquire(timeout=GENEROUS_S)
            assert exported.acquire(timeout=GENEROUS_S)
    assert meter.closed
    assert sink.closed == 1
    assert total_joules(recorder) == pytest.approx(meter.read_joules)
    assert [one.is_alive() for one in recorder._recording._threads] == [False, False]


def test_a_service_that_exits_is_read_once_more():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import energygate\n"
        "from recorder_harness import ScriptedMeter\n"
        "class Sink:\n"
        "    def export(self, snapshot, since): print(snapshot.workloads['w'].requests, flush=True)\n"
        "    def close(self): print('closed', flush=True)\n"
        # With a meter that is open at once: ending does not wait for ever, and the machine's own takes its time.
        "options = {'meter': ScriptedMeter, 'sinks': [Sink()], 'sample_interval_s': 1000}\n"
        "recorder = energygate.Recorder(workload='w', **options)\n"
        "with recorder.request(): pass\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "closed"]
    assert done.stderr == ""


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_the_sum_over_threads_agrees_with_the_meter(threads):
    """Real threads, real clocks: what was read is what was shared out, and every request is counted once."""
    meter = ScriptedMeter()
    recorder = Recorder(workload="cnn", meter=lambda: meter, background=False)
    recorder.sample()
    barrier = threading.Barrier(threads + 1)

    def serve():
        barrier.wait(GENEROUS_S)
        for number in range(100):
            with recorder.request("a" if number % 3 else "b") as request:
                request.units(2)

    workers = [threading.Thread(target=serve) for _ in range(threads)]
    for worker in workers:
        worker.start()
    barrier.wait(GENEROUS_S)
    while any(worker.is_alive() for worker in workers):
        recorder.sample()
    recorder.sample()
    found = recorder.snapshot().workloads
    assert found["a"].requests_ok + found["b"].requests_ok == 100 * threads
    assert found["a"].durations.count == 66 * threads
    assert found["a"].units["units"] + found["b"].units["units"] == 200 * threads
    assert total_joules(recorder) == pytest.approx(meter.read_joules, rel=1e-9)
    spent_ns = sum(window.in_flight_ns for window in meter.windows)
    assert 0 < spent_ns <= sum(window.wall_ns for window in meter.windows)
    # All requests' time in all windows is the sum of their durations.
    request_ns = sum(sum(window.request_ns.values()) for window in meter.windows)
    durations_s = sum(one.durations.sum_seconds for one in found.values())
    assert request_ns / SECOND == pytest.approx(durations_s, rel=1e-6)


@pytest.mark.parametrize("threads", [1, 8, 64])
def test_the_total_agrees_with_the_machines_meter(threads, tmp_path, monkeypatch):
    """With the power model, against the same formula on clocks of our own; for a whole minute: bench/recorder.py."""
    monkeypatch.setattr(rapl, "POWERCAP", tmp_path / "none")
    file = tmp_path / "energygate.yml"
    file.write_text(WATTS, encoding="utf-8")
    recorder = Recorder(file, background=False)
    recorder.sample()
    meter = recorder._recording._meter
    meter._cpu_time._children = ChildCpuTime(Childless())  # others of this test run may work at any moment
    windows, read = [], meter.read
    meter.read = lambda window: (windows.append(window), read(window))[1]
    ready, stop = threading.Barrier(threads + 1), threading.Event()

    def serve():
        ready.wait(GENEROUS_S)
        while not stop.is_set():
            with recorder.request():
                sum(range(2000))

    def clocks_ns():
        return time.process_time_ns(), time.perf_counter_ns()

    def look():
        gc.collect()
        begun = clocks_ns()
        recorder.sample()
        return begun, clocks_ns(), total_joules(recorder)

    workers = [threading.Thread(target=serve) for _ in range(threads)]
    for worker in workers:
        worker.start()
    before = look()
    windows.clear()
    try:
        ready.wait(GENEROUS_S)
        for _ in range(3):
            stop.wait(0.1)
            recorder.sample()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    after = look()
    # The recorder looks at each of its clocks at some moment between ours, however long a busy machine makes that take.
    for clock, spent_ns in enumerate((sum(one.cpu_ns for one in windows), sum(one.wall_ns for one in windows))):
        assert after[0][clock] - before[1][clock] <= spent_ns <= after[1][clock] - before[0][clock]
    rested_ns = sum(max(0.0, meter._parts[0]._cpus * one.wall_ns - one.cpu_ns) for one in windows)
    joules = (3.0 * sum(one.cpu_ns for one in windows) + 1.0 * rested_ns) / SECOND
    assert after[2] - before[2] == pytest.approx(joules, rel=1e-6)
    recorder.close()


class Childless:
    def ended_ns(self):
        return 0

    def living_ns(self):
        return {}


WATTS = """\
version: 1
measurement: {power_model: {idle: 1 W, full: 3 W, source: made up}}
workloads: {cnn: {onnx: cnn.onnx}}
"""


def test_the_package_exports_the_recorder():
    assert energygate.Recorder is Recorder
