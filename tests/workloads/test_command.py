"""A command: each run is one request, and everything that it starts is counted."""

from __future__ import annotations

import os
import sys

import pytest
from parallel import repeated

pytestmark = pytest.mark.skipif(os.name != "posix", reason="writes lines for the POSIX shell")
LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

BURN = """
import os, subprocess, sys, time

def until(cpu_ms):  # of this process since it began, its start-up included
    while time.process_time_ns() < cpu_ms * 10**6:
        pass
"""


@pytest.fixture
def running(loaded):
    """Starts a worker whose requests run a command line."""
    return lambda line, **options: loaded({"kind": "command", "spec": {"line": line}}, **options)


@LINUX_ONLY
@pytest.mark.parametrize(
    ("source", "processes"),
    [
        ("until(100)", 1),
        ("subprocess.run([sys.executable, '-S', __file__]) if sys.flags.no_site == 0 else 0; until(100)", 2),
        ("os.fork(); until(100)\ntry: os.wait()\nexcept OSError: pass", 2),
    ],
    ids=["itself", "a child", "a fork"],
)
def test_cpu_time_of_a_command_and_its_children(running, checkout, source, processes):
    (checkout / "burn.py").write_text(BURN + source, encoding="utf-8")
    cpu_ms = running("python -E burn.py").run(2).cpu_ns / 2e6
    # Each process burns 100 ms by its own clock; its end, and the shell around it, come on top: 3 ms on a quiet
    # machine, 15 on a busy one. A process that is not counted, or is counted twice, is 100.
    assert 100 * processes <= cpu_ms < 100 * processes + 80


@LINUX_ONLY
@pytest.mark.usefixtures("busy_worker")
def test_the_workers_own_cpu_time_is_not_counted(running):
    # Starting a shell that sleeps takes 2 ms of the 200, and the worker burns all that it gets.
    served = running("sleep 0.2").run(1)
    assert served.cpu_ns < served.wall_ns / 4


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        *repeated(("echo 42", "42\n")),
        ("printf '%s' 'a  b'; echo ' c' >&2", "a  b"),
        ("cat", ""),  # it can ask nothing
        ("pwd -P", "{checkout}\n"),
        ("python -c 'import sys; print(sys.executable)'", f"{sys.executable}\n"),  # the side's
        ("echo $OMP_NUM_THREADS", "1\n"),
        *repeated(("printf '\\377'", "\N{REPLACEMENT CHARACTER}"), ("exit 0", ""), ("echo a\necho b", "a\nb\n")),
    ],
)
def test_the_output_of_a_command_is_its_answer(running, texts, checkout, line, answer):
    assert texts(running(line)) == [answer.format(checkout=checkout.resolve())]


def test_megabytes_are_an_answer_too(running, texts):
    line = 'python -c \'import sys; sys.stderr.write("e" * 5_000_000); print("o" * 5_000_000)\''
    (found,) = texts(running(line))
    assert found.startswith("ooo")


def test_calls_are_counted_and_timed(running, checkout):
    worker = running("echo x >> log")
    served = worker.run(7)
    assert len(served.latencies_ns) == 7
    assert min(served.latencies_ns) > 0
    assert (checkout / "log").read_text(encoding="ascii") == "x\n" * 7


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        *repeated(("exit 3", "request 1 ended with exit code 3")),
        ("echo first >&2; echo '  no weights ' >&2; exit 3", "request 1 ended with exit code 3: no weights"),
        *repeated(("false; echo on", "request 1 ended with exit code 1")),  # it stops at its first failure
        ("no-such-program-of-anybody", "request 1 ended with exit code 127: "),
        ("kill -9 $$", "request 1 was killed by SIGKILL"),
        *repeated(("python -c '1/0'", "request 1 ended with exit code 1: ZeroDivisionError: division by zero")),
    ],
)
def test_a_run_that_fails(running, trouble, line, sentence):
    with trouble(sentence):
        running(line).run(1)


def test_the_output_of_a_failed_command_is_the_detail(running, trouble):
    with trouble("exit code 1: ZeroDivisionError") as caught:
        running("python -c 'def divide(): 1/0\ndivide()'").run(1)
    assert 'File "<string>", line 2' in caught.value.detail


def test_a_tolerant_run_counts_the_runs_that_fail(running):
    line = "echo x >> log; test $(wc -l < log) -ne 3"
    served = running(line).run(5, tolerant=True)
    assert served.failed == (2,)
    assert served.first_failure == "request 3 ended with exit code 1"


@LINUX_ONLY
def test_a_run_that_hangs_is_killed_with_what_it_started(running, checkout, trouble, has_ended, time_is_up_once):
    worker = running("sleep 99 & echo $! > child; echo $$ > self; mv self both; wait", timeout_s=1)
    time_is_up_once((checkout / "both").exists)
    with trouble("still serving requests after 1 s and was killed"):
        worker.run(1)
    pids = [int((checkout / name).read_text(encoding="ascii")) for name in ("child", "both")]
    assert all(map(has_ended, pids))


def test_loading_a_command_does_not_run_it(running, checkout):
    running("echo x >> log")
    assert not (checkout / "log").exists()
