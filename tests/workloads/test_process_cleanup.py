"""All processes of a workload, however started, stop while its worker is frozen and end when it is closed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import spawning_processes as processes
from parallel import repeated
from spawning_processes import cpu_ns, is_gone

from energygate.errors import MeasurementError
from energygate.workloads import worker as worker_module
from energygate.workloads.cgroup import Cgroup
from energygate.workloads.worker_processes import Watchdog

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

SERVE = """
def make():
    start()
    return lambda: 1
"""

STARTS = {
    "a child": ("child(spin, wait=False)", 1),
    "a child with a session of its own": ("child(spin, wait=False, setsid=())", 1),
    "a daemon": ("daemon(spin)", 1),
    "a child that ignores SIGTERM and SIGHUP": (
        "[signal.signal(n, signal.SIG_IGN) for n in (signal.SIGTERM, signal.SIGHUP)]; child(sleep, wait=False)",
        1,
    ),
    "a child that has stopped itself": (
        "child(lambda: (note(), os.kill(os.getpid(), signal.SIGSTOP)), wait=False)",
        1,
    ),
    "a child without an environment": ("child(clear, wait=False)", 1),
    "a tree of three generations, each with a session of its own": ("breed(3)", 14),
}
"""What the workload does, and how many processes that makes."""

BREED = """
def breed(depth):
    if depth:
        for _ in range(2):
            child(lambda: (breed(depth - 1), spin()), wait=False, setsid=())
"""


FLEE = """
def flee():
    note()
    time.sleep(0.005)
    child(flee, wait=False, setsid=())
"""

CLEARED = """
LAST = "import os, sys, time; open(sys.argv[1], 'a').write(str(os.getpid()) + chr(10)); time.sleep(1000)"

def clear():
    os.execve(sys.executable, [sys.executable, "-S", "-c", LAST, DIARY], {})
"""

TELLING = ("a daemon", "a tree of three generations, each with a session of its own")
"""What no list of the worker's own children has in it."""

both_ways_of_holding = pytest.mark.usefixtures("held")
each_start = pytest.mark.parametrize(
    "start", [*TELLING, *repeated(*(start for start in STARTS if start not in TELLING))]
)


def starting(diary, what):
    return processes.source(diary, BREED + FLEE + CLEARED + f"def start():\n    {what}\n" + SERVE)


@pytest.fixture
def diary(checkout, tmp_path):
    """Where processes write down their numbers; what a failed test has left of them is ended."""
    path = tmp_path / "diary"
    path.touch()
    yield path
    for pid in processes.pids(path):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").samefile(checkout):  # it is one of ours still
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def parents(loaded, app, diary):
    """Loads a workload that starts processes; returns its worker and their numbers once they all live."""

    def load(what, count):
        serving = loaded(app(starting(diary, what)))
        deadline = time.monotonic() + PATIENCE_S
        while len(processes.pids(diary)) < count:
            assert time.monotonic() < deadline
            serving.run(1)
        return serving, processes.pids(diary)

    return load


def left_groups():
    group = Cgroup.make()
    if group is None:
        return []
    group.remove()
    return list(group.path.parent.glob(f"energygate-{os.getpid()}-*"))


def is_closed(serving):
    serving.close()


def is_closed_while_frozen(serving):
    serving.freeze()
    serving.close()


def shuts_down(serving):
    serving.shut_down()


def has_died(serving):
    os.kill(serving.pid, signal.SIGKILL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_module, "DRAIN_SECONDS", 0.2)  # what it has started holds its pipe
        with pytest.raises(MeasurementError, match="killed by SIGKILL"):
            serving.run(1)


@both_ways_of_holding
@pytest.mark.parametrize(
    ("start", "it"),
    [
        *((start, is_closed_while_frozen) for start in STARTS),
        *((TELLING[0], it) for it in (is_closed, shuts_down, has_died)),
        *repeated(
            *((start, it) for start in STARTS if start != TELLING[0] for it in (is_closed, shuts_down, has_died))
        ),
    ],
)
def test_no_process_survives_when_a_worker(parents, start, it):
    serving, pids = parents(*STARTS[start])
    it(serving)
    assert all(is_gone(pid) for pid in pids)
    assert left_groups() == []


@both_ways_of_holding
@pytest.mark.parametrize("it", [is_closed, shuts_down])
def test_no_process_with_a_cleared_environment_survives_when_a_worker(parents, it):
    serving, pids = parents("daemon(clear)", 1)
    it(serving)
    assert all(is_gone(pid) for pid in pids)


@both_ways_of_holding
def test_rapidly_forking_processes_are_ended_too(parents, diary):
    # Each lives for a moment and leaves a successor in a session of its own: any list of them is out of date.
    serving, _ = parents("child(flee, wait=False)", 10)
    serving.close()
    pids = processes.pids(diary)
    assert all(is_gone(pid) for pid in pids)
    assert processes.pids(diary) == pids


@both_ways_of_holding
@each_start
def test_while_a_worker_is_frozen_nothing_of_it_uses_cpu_time(parents, worker, start):
    frozen, pids = parents(*STARTS[start])
    pids.append(frozen.pid)
    other = worker(directory=ROOT)
    other.load("python", {"target": "fixtures.callables:spin_4ms"}, timeout_s=PATIENCE_S)
    for _ in range(2):
        frozen.freeze()
        before = [cpu_ns(pid) for pid in pids]
        other.run(10)
        used = [cpu_ns(pid) - was for pid, was in zip(pids, before, strict=True)]
        assert max(used) < 10_000_000  # the last steps into the freezer, 10 µs; one that runs on uses 40 ms
        frozen.thaw()
        assert frozen.run(1).failed == ()


def test_an_error_while_starting_leaves_no_group(worker, tmp_path, trouble):
    with trouble("does not exist"):
        worker(directory=tmp_path / "gone")
    assert left_groups() == []


# --- Killed with SIGKILL -----------------------------------------------------------------------------------


PARENT = """
    import sys
    from pathlib import Path
    from energygate.workloads.cgroup import Cgroup
    from energygate.workloads.protocol import WorkerStart
    from energygate.workloads.worker import Worker
    if {tree}:
        Cgroup.make = classmethod(lambda cls: None)
    start = WorkerStart(label="w", python=sys.executable, directory=Path({directory!r}), cpus=(), threads=1)
    worker = Worker(start, timeout_s=60)
    worker.load("python", {{"target": "app:make"}}, timeout_s=60)
    while Path({diary!r}).read_text().count("\\n") < {count}:
        worker.run(1)
    if {freeze}:
        worker.freeze()
    print(worker.pid, worker._processes.group_path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def parent(app, checkout, diary, held):
    """Starts a process that has such a worker; returns it, its worker's number and the worker's group."""

    def start(what, count, *, freeze):
        app(starting(diary, what))
        facts = {"tree": held == "tree", "directory": str(checkout), "diary": str(diary), "count": count}
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PARENT.format(freeze=freeze, **facts))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        pid, _, group = process.stdout.readline().strip().partition(" ")
        return process, int(pid), Path(group)

    return start


@pytest.mark.parametrize(
    ("start", "freeze"),
    [
        *((start, True) for start in TELLING),
        ("a daemon", False),
        *repeated(*((start, True) for start in STARTS if start not in TELLING)),
    ],
)
def test_no_process_survives_when_energygate_is_killed(parent, diary, has_ended, start, freeze):
    killed, pid, group = parent(*STARTS[start], freeze=freeze)
    with killed:
        killed.kill()
    assert all(has_ended(one) for one in [pid, *processes.pids(diary)])
    deadline = time.monotonic() + PATIENCE_S
    while group.is_absolute() and group.exists():
        assert time.monotonic() < deadline


def test_a_dismissed_watchdog_does_nothing():
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as guarded:
        Watchdog(guarded.pid, mark="no-mark", group="").dismiss()
        guarded.communicate(b"\n")
    assert guarded.returncode == 0
