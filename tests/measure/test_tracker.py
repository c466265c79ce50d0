"""codecarbon's real tracker with every option set explicitly: its tasks, its warnings, its separate figures."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import pytest
from codecarbon.core import hardware_cache

from energygate.errors import MeasurementError
from energygate.measure.meters.tracker import MAX_WARNINGS, Tracker


@pytest.fixture(scope="module")
def tracker():
    return Tracker()


def test_a_cancelled_window_does_not_affect_the_next(tracker):
    tracker.begin()
    tracker.cancel()
    tracker.begin()
    account = tracker.end()
    assert account.cpu_joules >= 0
    assert tracker._tracker._tasks == {}


def test_an_open_window_would_affect_the_next(tracker):
    """The control: without `cancel`, codecarbon refuses the next window."""
    tracker.begin()
    tracker.begin()
    tracker.cancel()
    with pytest.raises(MeasurementError, match="codecarbon lost a measurement"):
        tracker.end()


def test_cancelling_without_a_window_does_nothing(tracker):
    tracker.cancel()
    tracker.begin()
    tracker._tracker._tasks.clear()
    tracker._tracker._active_task = None
    tracker.cancel()
    tracker.begin()
    tracker.end()


def test_finished_windows_do_not_accumulate(tracker):
    for _ in range(3):
        tracker.begin()
        tracker.end()
    assert tracker._tracker._tasks == {}


def test_codecarbons_warnings_are_recorded_and_not_printed(tracker, capfd):
    tracker.begin()
    tracker.end()
    assert capfd.readouterr() == ("", "")
    assert len(tracker.warnings) <= MAX_WARNINGS


def test_every_tracker_records_codecarbons_warnings(monkeypatch):
    """It looks at the hardware once a process; that it has no counter concerns the second tracker as well."""
    monkeypatch.setattr("energygate.measure.meters.tracker._HARDWARE_WARNINGS", [])
    monkeypatch.setattr("codecarbon.core.cpu.is_rapl_available", lambda: False)
    hardware_cache.clear_cache()
    first, second = Tracker(), Tracker()
    for one in (first, second):
        assert "No CPU tracking mode found. Falling back on CPU load mode." in one.warnings
    logger = logging.getLogger("codecarbon")
    for one in (first, second, first):
        one.begin()
        logger.warning("something happened in window %d", id(one))
        one.end()
        assert one.warnings[-1] == f"something happened in window {id(one)}"
    assert f"something happened in window {id(first)}" not in second.warnings


def test_output_of_another_tracker_is_not_hidden():
    messages = []

    class Ears(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    Tracker()
    logger, ears = logging.getLogger("codecarbon"), Ears()
    logger.addHandler(ears)
    try:
        logger.error("theirs")
    finally:
        logger.removeHandler(ears)
    assert messages == ["theirs"]


def test_a_codecarbon_that_cannot_start_is_an_error(tmp_path, monkeypatch):
    """It swallows the errors of its construction, and stumbles over itself later."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(MeasurementError, match="codecarbon could not be started"):
        Tracker()


def test_memory_is_read_separately(tracker):
    tracker.begin()
    started = time.perf_counter()
    while time.perf_counter() < started + 0.05:
        pass
    account = tracker.end()
    assert account.ram_joules > 0
    assert account.ram_joules / tracker.ram_watts >= 0.05
    assert account.gpus == ()
    assert account.gpu_joules == 0


NAMES = """
import cpuinfo, sys
whole = cpuinfo.get_cpu_info()["brand_raw"]
from energygate.measure.meters.tracker import Tracker
tracker = Tracker()
print(whole == tracker._tracker._conf["cpu_model"], cpuinfo.get_cpu_info.__module__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the file that answers quickly")
def test_the_fast_lookup_of_the_processors_name_agrees_with_codecarbons():
    done = subprocess.run([sys.executable, "-c", NAMES], capture_output=True, text=True, check=True)
    assert done.stdout == "True cpuinfo.cpuinfo\n"
