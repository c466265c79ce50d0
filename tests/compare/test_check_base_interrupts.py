"""Ctrl-C and SIGTERM in the middle of a comparison, and time spent where it helps."""

from __future__ import annotations

import signal

import pytest
from base_projects import limit
from commands import spin

from energygate.comparing import Options, compare
from energygate.engine.base import base_from_git
from energygate.engine.shared import Observer
from energygate.policy import load_policy

WORKLOAD = """
import os
import socket
import subprocess
import sys
import time

SIDE = {side!r}
DIARY = {diary!r}


def make():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(DIARY, "a") as diary:
        diary.write("%d %d\\n" % (os.getpid(), child.pid))
    served = []

    def request():
        served.append(1)
        time.sleep(0.002)
        if len(served) == 15:  # both sides have started, and the other one is frozen
            with socket.socket(socket.AF_UNIX) as test:
                test.connect({address!r})
            time.sleep(600)
        return 42

    return request
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_both_sides_the_frozen_one_too(
    project, tmp_path, tmp_path_factory, has_ended, *, number, code
):
    address, diary = tmp_path_factory.mktemp("s") / "s", tmp_path / "diary"  # a socket's path must be short
    for side in ("base", "head"):
        source = WORKLOAD.format(side=side, diary=str(diary), address=str(address))
        project.write("app.py", source)
        if side == "base":
            project.policy({"app": {"python": "app:make", "budgets": limit()}})
            project.commit(branch="change")
    project.write("notes.txt", "not committed")
    project.git("stash", "push", "--quiet", "--include-untracked")
    project.git("stash", "apply", "--quiet")
    before = project.state()
    ended = project.interrupt("--json", "../result.json", address=address, number=number)
    assert (ended.code, ended.out) == (code, "")
    assert "Traceback" not in ended.err
    pids = [int(pid) for line in diary.read_text("utf-8").splitlines() for pid in line.split()]
    assert len(pids) == 8  # two sides for the answers, two to measure, each with a child
    assert all(has_ended(pid) for pid in pids)
    assert project.state() == before
    assert not (tmp_path / "result.json").exists()


class Listening(Observer):
    """Writes down what it is told."""

    def __init__(self):
        self.limits_s = {}

    def launched(self, name, progress, evidence):  # noqa: ARG002 - the observer's signature
        self.limits_s.setdefault(name, []).append(progress.time_limit_s)


def test_the_time_that_decided_workloads_leave_goes_to_the_open_ones(project):
    project.spin("app.py", 4.0)
    project.spin("spinning.py", 4.0)
    project.write("spinning.py", (project.root / "spinning.py").read_text("utf-8") + "\nspin_4ms = make\n")
    # A limit that is what it costs is open for ever: the machine itself wanders by more than nothing.
    project.policy({"steady": {"python": "app:make", "paths": ["app.py"]}, "open": spin(1.0)})
    project.commit(branch="change")
    project.write("README.md", "# Changed\n")
    observer = Listening()
    policy = load_policy(project.root / "energygate.yml")
    options = Options(time_limit_s=4.0, total_time_limit_s=9.0, observer=observer)
    with base_from_git("main", project.root, "energygate.yml") as base:
        result = compare(policy, project.root, base, options)
    assert {one.name: one.verdict.value for one in result.workloads} == {
        "steady": "pass",
        "open": "inconclusive",
    }
    assert observer.limits_s.keys() == {"open"}
    assert observer.limits_s["open"][0] == 4.0
    assert observer.limits_s["open"][-1] > 5.0
