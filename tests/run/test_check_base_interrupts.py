"""Ctrl-C and SIGTERM in the middle of a comparison, and time spent where it helps."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest
from base_projects import limit
from builders import judged
from parallel import repeated

from energygate.gate import Verdict
from energygate.policy import load_policy
from energygate.run import check as check_module
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Options

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

    def request():
        with open(DIARY) as diary:
            started = len(diary.readlines())
        if started == 4:  # two have answered, and two are to be measured: the other one is frozen
            with socket.socket(socket.AF_UNIX) as test:
                test.connect({address!r})
            time.sleep(600)
        return 42

    return request
"""


@pytest.mark.parametrize(("number", "code"), [*repeated((signal.SIGINT, 130)), (signal.SIGTERM, 143)])
def test_a_signal_ends_both_sides_even_if_one_is_frozen(
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


class Open:
    """A workload that no launch decides, and that takes `SPENT_S` for its launches."""

    is_open = True

    def __init__(self, clock):
        self._clock = clock
        self.given_s = []

    def measure(self, seconds):
        self.given_s.append(seconds)
        self._clock.now_s += SPENT_S

    def result(self, *, seconds):
        return judged(Verdict.INCONCLUSIVE, name="open").model_copy(update={"notes": (f"{seconds:g} s",)})


SPENT_S = 3.5


def test_time_left_by_decided_workloads_goes_to_undecided_ones(project, monkeypatch):
    project.spin("app.py", 4.0)
    project.spin("spinning.py", 4.0)
    project.policy({"steady": {"python": "app:make", "paths": ["app.py"]}, "open": {"python": "spinning:make"}})
    project.commit(branch="change")
    project.write("README.md", "# Changed\n")
    clock = SimpleNamespace(now_s=0.0, perf_counter=lambda: clock.now_s)
    subject = Open(clock)
    monkeypatch.setattr(check_module, "time", clock)
    monkeypatch.setattr(check_module, "prepare", lambda *_, **__: subject)
    policy = load_policy(project.root / "energygate.yml")
    options = Options(time_limit_s=4.0, total_time_limit_s=9.0)
    with check_out_base(project.root, "energygate.yml", ref="main") as base:
        result = check(policy, project.root, options, base=base)
    assert {one.name: one.verdict.value for one in result.workloads} == {
        "steady": "pass",
        "open": "inconclusive",
    }
    assert subject.given_s == [4.0, 9.0 - SPENT_S]
    assert result.workloads[1].notes == ("7 s",)
