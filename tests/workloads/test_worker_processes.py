"""A worker's CPU time counts all that it starts; freezing, closing and its parent's death reach all of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from spawning_processes import cpu_ns

ROOT = Path(__file__).parents[2]
LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
PATIENCE_S = 60

BURN = """
import subprocess, sys, time

def until(cpu_ms):  # of this process since it began, its start-up included
    return f"import time\\nwhile time.process_time_ns() < {cpu_ms} * 10**6: pass"

def python(code, **options):
    return subprocess.Popen([sys.executable, "-S", "-E", "-c", code], **options)
"""


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def answer_of(started, path):
    started.outputs(path, count=1)
    with np.load(path) as archive:
        return archive["answer"].tolist()[0]


# --- CPU time ----------------------------------------------------------------------------------------------


def test_cpu_time_of_a_known_spin(worker):
    started = worker(directory=ROOT)
    started.load("python", {"target": "fixtures.callables:spin_4ms"}, timeout_s=PATIENCE_S)
    assert 200e6 <= started.run(50).cpu_ns < 240e6


# A child that is lost, or counted twice, is a half of the 400 ms that two burn by their own clocks; starting and ending
# one costs some 5 ms on a busy machine, and there is room for 80.


@LINUX_ONLY
def test_cpu_time_of_a_child_that_a_request_waits_for(loaded, app):
    serving = loaded(
        app(BURN + "def make():\n    return lambda: python(until(200)).wait() == 0\n"),
    )
    assert 400e6 <= serving.run(2).cpu_ns < 560e6


@LINUX_ONLY
def test_cpu_time_of_a_child_that_nobody_waits_for(loaded, app):
    source = """
def make():
    children = []
    def request():
        children.append(python(until(200)))
        os.waitid(os.P_PID, children[-1].pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        return True
    return request
"""
    assert 400e6 <= loaded(app("import os\n" + BURN + source)).run(2).cpu_ns < 560e6


@LINUX_ONLY
def test_cpu_time_of_a_child_that_lives_on_and_of_its_own_child(loaded, app):
    source = """
SERVER = '''
import subprocess, sys, time
BURN = "import sys, time\\\\nfor line in sys.stdin:\\\\n    end = time.process_time_ns() + 10 * 10**6\\\\n" \\
       "    while time.process_time_ns() < end: pass\\\\n    print(1, flush=True)"
inner = subprocess.Popen([sys.executable, "-S", "-E", "-c", BURN], stdin=-1, stdout=-1, text=True)
for line in sys.stdin:
    end = time.process_time_ns() + 10 * 10**6
    while time.process_time_ns() < end: pass
    print(line, file=inner.stdin, end="", flush=True)
    inner.stdout.readline()
    print(2, flush=True)
'''
def make():
    server = python(SERVER, stdin=-1, stdout=-1, text=True)
    def request():
        print("go", file=server.stdin, flush=True)
        return server.stdout.readline()
    return request
"""
    serving = loaded(app(BURN + source))
    serving.run(1)  # their start-up is not the window's
    # One that is lost, or counted twice, is a half; what they say to each other costs some, too.
    assert 0.97 * 200e6 < serving.run(10).cpu_ns < 280e6


@LINUX_ONLY
def test_cpu_time_of_living_descendants_while_threads_come_and_go(loaded, app):
    # The kernel lists children by thread: one that ends between two looks must not lose the others' children.
    source = """
CHURN = '''
import subprocess, sys, threading
burner = subprocess.Popen([sys.executable, "-S", "-E", "-c", "while True: pass"])
print(burner.pid, flush=True)
while True:
    threading.Thread(target=int).start()
'''
def make():
    child = python(CHURN, stdout=-1, text=True)
    child.stdout.readline()
    return lambda: child.pid
"""
    serving = loaded(app(BURN + source))
    for _ in range(200):
        began_ns = time.perf_counter_ns()
        cpu_ns = serving.run(1).cpu_ns
        wall_ns = time.perf_counter_ns() - began_ns
        # The kernel's two clocks, of the process and of its group, may differ by some microseconds. Nor may it be found
        # again later, with all the time it ever used, which grows to half a second: no CPU gives more than its time.
        assert -20_000_000 < cpu_ns < 50_000_000 + wall_ns * os.cpu_count()


# --- Processes ---------------------------------------------------------------------------------------------


@LINUX_ONLY
def test_a_frozen_worker_uses_no_cpu_while_the_other_side_is_measured(loaded, worker, app, tmp_path):
    source = """
import threading
def make():
    child = python("while True: pass")
    def spin():
        while True: pass
    threading.Thread(target=spin, daemon=True).start()
    return lambda: child.pid
"""
    frozen = loaded(app(BURN + source))
    child = answer_of(frozen, tmp_path / "out.npz")
    processes = [frozen._process.pid, child]
    frozen.freeze()
    before = [cpu_ns(pid) for pid in processes]
    other = worker(directory=ROOT)
    other.load("python", {"target": "fixtures.callables:spin_4ms"}, timeout_s=PATIENCE_S)
    other.run(20)
    after = [cpu_ns(pid) for pid in processes]
    # The last steps into the freezer are some microseconds; one that runs on uses 80 ms.
    assert all(now - was < 10_000_000 for now, was in zip(after, before, strict=True))
    frozen.thaw()
    assert frozen.run(1).failed == ()
    deadline = time.monotonic() + PATIENCE_S
    while not all(cpu_ns(pid) > was for pid, was in zip(processes, after, strict=True)):
        assert time.monotonic() < deadline


@LINUX_ONLY
@pytest.mark.parametrize("freeze", [False, True], ids=["running", "frozen"])
def test_a_worker_dies_with_its_parent(has_ended, freeze):
    script = f"""
import sys
from pathlib import Path
from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker
worker = Worker(
    WorkerStart(label="w", python=sys.executable, directory=Path({str(ROOT)!r}), cpus=(), threads=1), timeout_s=60
)
worker.load("python", {{"target": "fixtures.callables:spin_1ms"}}, timeout_s=60)
if {freeze}:
    worker.freeze()
print(worker._process.pid, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    with parent:
        pid = int(parent.stdout.readline())
        assert state(pid) not in "ZX"
        parent.send_signal(signal.SIGKILL)
        assert has_ended(pid)


@LINUX_ONLY
def test_closing_a_worker_takes_its_children_along(loaded, app, tmp_path, has_ended):
    serving = loaded(app(BURN + "def make():\n    child = python('while True: pass')\n    return lambda: child.pid\n"))
    child = answer_of(serving, tmp_path / "out.npz")
    serving.shut_down()
    assert has_ended(child)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_works_in_a_request(loaded, app, tmp_path, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    serving = loaded(
        app(f"""
            import multiprocessing
            def make():
                pool = multiprocessing.get_context({method!r}).Pool(1)
                return lambda: pool.map(abs, [-1, -2])
        """)
    )
    assert serving.run(2).failed == ()
    assert answer_of(serving, tmp_path / "out.npz") == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_forked_child_that_exits_is_not_an_error(loaded, app, tmp_path, end):
    serving = loaded(
        app(f"""
            import os, sys
            def make():
                def request():
                    if not (pid := os.fork()):
                        {end}
                    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                return request
        """)
    )
    assert serving.run(3).failed == ()
    assert answer_of(serving, tmp_path / "out.npz") == 0
