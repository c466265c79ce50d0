"""Checks on one machine run one at a time: two at once would disturb each other, and counters would count both."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from energygate.errors import MeasurementError
from energygate.measure.machine_lock import machine_lock

GENEROUS_S = 60

HOLDS_THE_LOCK = """
import sys
from energygate.measure.machine_lock import machine_lock
with machine_lock(print):
    print("has its turn", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def own_directory(tmp_path, monkeypatch):
    """The machine's real lock may be held by a real measurement."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def another():
    """Another process that holds the lock until it is asked to release it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_THE_LOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "has its turn\n"
        yield process
        process.kill()


def test_the_lock_is_taken_at_once_when_nobody_measures():
    waits = []
    with machine_lock(waits.append):
        pass
    with machine_lock(waits.append):
        pass
    assert waits == []


def test_a_second_check_waits_until_the_first_ends(another):
    def end_the_other(_):
        another.stdin.write("\n")
        another.stdin.flush()

    with machine_lock(end_the_other):  # it is let go only once this one waits: no wait, no end
        assert another.wait(GENEROUS_S) == 0


def test_a_waiting_check_names_the_process_and_directory_that_it_waits_for(another):
    reasons = []

    def end_the_other(reason):
        reasons.append(reason)
        another.communicate("\n")

    with machine_lock(end_the_other):
        pass
    assert reasons == [f"waiting for another check on this machine to end: process {another.pid} in {Path.cwd()}"]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"somebody in a hurry", b"12\x1b[31m in /"])
def test_a_lock_whose_holder_is_not_named_is_waited_for_all_the_same(another, tmp_path, content):
    (file,) = tmp_path.glob("energygate-*.holder")
    file.unlink() if content is None else file.write_bytes(content)
    reasons = []
    with machine_lock(lambda reason: (reasons.append(reason), another.communicate("\n"))):
        pass
    assert reasons == ["waiting for another check on this machine to end"]


def test_nothing_is_written_through_a_link_and_nothing_stays(tmp_path):
    with machine_lock(lambda _: None):
        (holder,) = tmp_path.glob("energygate-*.holder")
    assert not holder.exists()
    (tmp_path / "precious").write_text("mine", "utf-8")
    holder.symlink_to(tmp_path / "precious")
    with machine_lock(lambda _: None):
        assert holder.read_text("utf-8") == f"{os.getpid()} {Path.cwd()}"  # whatever a killed check left there
    assert (tmp_path / "precious").read_text("utf-8") == "mine"


def test_a_killed_check_releases_the_lock(another):
    with machine_lock(lambda _: another.kill()):
        assert another.wait(GENEROUS_S) != 0


def test_a_check_that_hangs_is_named(another):
    words = rf"another energygate has been measuring on this machine for 0 s: process {another.pid} in /"
    with pytest.raises(MeasurementError, match=words), machine_lock(lambda _: None, timeout_s=0.05):
        pass
    assert another.poll() is None


def test_an_energygate_inside_a_workload_does_not_deadlock(another, monkeypatch):
    monkeypatch.setenv("ENERGYGATE_MEASURING", "1")
    with machine_lock(lambda _: pytest.fail("it waits")):
        assert another.poll() is None


def test_a_user_without_a_name_measures_too(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: pytest.fail("this user has no name"))
    with machine_lock(lambda _: pytest.fail("it waits")):
        pass


def test_a_lock_that_cannot_be_used_is_named(tmp_path):
    with machine_lock(lambda _: None):
        pass
    (file,) = tmp_path.glob("energygate-*.lock")
    file.unlink(missing_ok=True)
    file.mkdir()
    with (
        pytest.raises(MeasurementError, match=r"cannot use the lock file"),
        machine_lock(lambda _: None),
    ):
        pass


def test_threads_of_one_process_take_turns_too():
    inside, most = [], []

    def measure():
        with machine_lock(lambda _: None):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=measure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
