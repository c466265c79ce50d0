"""Several processes of one service: any of them exports the sums, including those of ended ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from recorder_harness import ScriptedMeter, Time, manual_recorder

from energygate.production.recorder.shared_totals import ENDED, SharedTotals

SERVE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from recorder_harness import ScriptedMeter, Time, manual_recorder
time = Time()
recorder = manual_recorder(ScriptedMeter(), time, multiprocess_dir=sys.argv[2])
for _ in range(int(sys.argv[3])):
    with recorder.request() as request:
        request.units(2, "tokens")
        time.passes(0.5)
recorder.sample()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)  # as if killed: nothing is closed
"""


@pytest.fixture
def serving(tmp_path):
    children = []

    def start(requests):
        command = [sys.executable, "-c", SERVE, os.path.dirname(__file__), tmp_path / "pool", str(requests)]  # noqa: PTH120
        child = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
        children.append(child)
        assert child.stdout.readline() == "ready\n"
        return child

    yield start
    for child in children:
        child.communicate("")


def sums(recorder):
    found = recorder.service_snapshot().workloads["cnn"]
    return found.requests_ok, found.energy_joules, found.durations.count, dict(found.units)


def test_any_process_exports_the_sums_and_they_never_shrink(tmp_path, serving):
    time = Time()
    recorder = manual_recorder(ScriptedMeter(), time, multiprocess_dir=tmp_path / "pool")
    with recorder.request():
        time.passes(1)
    recorder.sample()
    first, second = serving(3), serving(4)
    together = (8, pytest.approx(10 + 15 + 20), 8, {"tokens": 14})
    assert sums(recorder) == together
    assert recorder.snapshot().workloads["cnn"].requests_ok == 1
    first.communicate("")
    assert sums(recorder) == together
    assert len(list((tmp_path / "pool").glob("*-*.json"))) == 2
    second.communicate("")
    assert sums(recorder) == together
    serving(1)
    assert sums(recorder)[0] == 9
    assert 'energygate_requests_total{outcome="ok",workload="cnn"} 9.0' in recorder.metrics_text()
    recorder.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"workloads": {"cnn": {}}}',
        '{"workloads": {"cnn": null}, "meter_errors": 0, "internal_errors": 0, "start_seconds": 0}',
        '{"workloads": [], "meter_errors": 0, "internal_errors": 0, "start_seconds": 0}',
        '{"meter_errors": "many", "internal_errors": 0, "start_seconds": 0, "workloads": {}}',
        " " * 1000,
    ],
)
def test_other_files_are_ignored(tmp_path, text):
    recorder = manual_recorder(multiprocess_dir=tmp_path)
    with recorder.request():
        pass
    recorder.sample()
    for name in (
        f"{os.getpid()}-stranger.json",
        f"{2**22 + 1}-stranger.json",
        ENDED,
        "other.txt",
        "a-b.json",
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert sums(recorder)[0] == 1
    assert sums(recorder)[0] == 1
    recorder.close()


def test_totals_with_other_buckets_are_converted(tmp_path):
    """If they were left out, requests would vanish from the histogram, and depend on the process that is scraped."""
    recorder = manual_recorder(multiprocess_dir=tmp_path)
    with recorder.request():
        pass
    recorder.sample()
    (own,) = tmp_path.glob("*-*.json")
    found = json.loads(own.read_text("utf-8"))
    others = {"bounds_seconds": [0.07, 1.0], "counts": [1, 2, 3], "sum_seconds": 40.0, "ok": 6}
    found["workloads"]["cnn"] |= others
    (tmp_path / ENDED).write_text(json.dumps(found), encoding="utf-8")
    for _ in range(2):
        durations = recorder.service_snapshot().workloads["cnn"].durations
        counted = dict(zip((*durations.bounds_seconds, "more"), durations.counts, strict=True))
        assert {bound: count for bound, count in counted.items() if count} == {
            0.001: 1,
            0.1: 1,
            1.0: 2,
            "more": 3,
        }
        assert durations.sum_seconds == 40
    assert durations.bounds_seconds == recorder.snapshot().workloads["cnn"].durations.bounds_seconds


def test_an_unusable_directory_is_an_error_of_the_recorder_alone(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    recorder = manual_recorder(multiprocess_dir=tmp_path / "file")
    with recorder.request():
        pass
    recorder.sample()
    assert recorder.snapshot().internal_errors == 2
    said = []
    app = recorder.wsgi(None, metrics_path="/metrics")
    app({"PATH_INFO": "/metrics"}, lambda status, _: said.append(status))
    assert said == ["503 Service Unavailable"]  # a part of the sums would look like a restart
    with pytest.raises(OSError, match="exists"):
        recorder.metrics_text()


def test_exported_totals_survive_their_process(tmp_path):
    recorder = manual_recorder(multiprocess_dir=tmp_path)
    with recorder.request():
        pass
    assert sums(recorder)[0] == 1
    (own,) = tmp_path.glob("*-*.json")
    own.rename(tmp_path / f"{2**22 + 1}-gone.json")  # as if it had died before its next sample
    other = manual_recorder(multiprocess_dir=tmp_path)
    assert sums(other)[0] == 1


def test_sampling_and_exporting_threads_do_not_interfere(tmp_path):
    recorder = manual_recorder(multiprocess_dir=tmp_path)
    stop = threading.Event()

    def sample():
        while not stop.is_set():
            recorder.sample()

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        for number in range(1, 200):
            with recorder.request():
                pass
            assert sums(recorder)[0] == number
    finally:
        stop.set()
        sampling.join()
    assert recorder.snapshot().internal_errors == 0
    (own,) = tmp_path.glob("*-*.json")
    assert json.loads(own.read_text("utf-8"))["workloads"]["cnn"]["ok"] == 199


def test_no_directory_is_made_before_it_is_needed(tmp_path):
    SharedTotals(tmp_path / "pool")
    assert not (tmp_path / "pool").exists()
