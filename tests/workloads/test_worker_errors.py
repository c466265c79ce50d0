"""Errors of a Python workload: each is one sentence, never a traceback, never a number."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from parallel import repeated

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX")
FAILS_AT_57 = """
    import itertools
    def make():
        count = itertools.count(1)
        def request():
            if (number := next(count)) == 57:
                {fault}
            return number
        return request
"""


def request_of(body, *, head=""):
    """A module whose request does this."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"import os, sys, time\n{head}\ndef make():\n    def request():\n{lines}\n    return request\n"


# --- Requests ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("raise ValueError('no such token')", "request 57 raised ValueError: no such token"),
        *repeated(
            ("raise ValueError", "request 57 raised ValueError"),
            ("raise ValueError('two\\nlines')", "request 57 raised ValueError: two lines"),
        ),
        ("raise KeyboardInterrupt", "request 57 raised KeyboardInterrupt"),
        *repeated(
            ("import asyncio; raise asyncio.CancelledError", "request 57 raised CancelledError"),
            ("next(iter(()))", "request 57 raised StopIteration"),
            ("raise SystemExit", "request 57 called sys.exit()"),
        ),
        ("import sys; sys.exit(3)", "request 57 called sys.exit(3)"),
        *repeated(("import sys; sys.exit('sorry')", "request 57 called sys.exit('sorry')")),
        ("return None", "request 57 returned nothing"),
        ("return (one for one in 'ab')", "request 57 returned a generator"),
        ("async def late(): pass\n                return late()", "request 57 returned a coroutine"),
        *repeated(("return map(int, '12')", "request 57 returned a map object")),
    ],
)
def test_the_57th_request_fails(loaded, app, trouble, fault, sentence):
    serving = loaded(app(FAILS_AT_57.format(fault=fault)))
    serving.run(20)
    serving.run(20)
    with trouble(sentence):
        serving.run(20)


def test_the_traceback_is_a_detail(loaded, app, trouble):
    serving = loaded(app(request_of("tokens = {}\nreturn tokens['the missing one']")))
    with trouble("request 1 raised KeyError: 'the missing one'") as caught:
        serving.run(1)
    assert "app.py" in caught.value.detail
    assert "tokens['the missing one']" in caught.value.detail
    assert "Traceback" in caught.value.detail


@pytest.mark.parametrize("fault", ["raise ValueError('no such token')", *repeated("return None")])
def test_a_tolerant_run_counts_the_57th_and_serves_the_rest(loaded, app, fault):
    serving = loaded(app(FAILS_AT_57.format(fault=fault)))
    served = serving.run(100, tolerant=True)
    assert served.failed == (56,)
    assert len(served.latencies_ns) == 100
    assert "request 57" in served.first_failure


@pytest.mark.parametrize("fault", ["raise SystemExit(1)", *repeated("raise KeyboardInterrupt")])
def test_even_a_tolerant_run_does_not_take_the_end_of_the_process_for_a_failed_request(loaded, app, trouble, fault):
    serving = loaded(app(FAILS_AT_57.format(fault=fault)))
    with trouble("request 57"):
        serving.run(100, tolerant=True)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("class Odd(Exception):\n    def __str__(self): return 1/0", "request 1 raised Odd"),
        *repeated(("def Odd(): return ValueError('x' * 10**7)", "request 1 raised ValueError: xxx")),
        ("def Odd(): return ValueError('\\udcff')", "request 1 raised ValueError: ?"),
    ],
    ids=["broken __str__", "ten megabytes", "lone surrogate"],
)
def test_an_error_that_can_hardly_be_quoted_is_still_one_sentence(loaded, app, trouble, error, sentence):
    serving = loaded(app(request_of("raise Odd()", head=error)))
    with trouble(sentence) as caught:
        serving.run(1)
    str(caught.value).encode()


def test_a_request_that_does_not_take_the_inputs(loaded, app, checkout, trouble):
    serving = loaded(app(request_of("return 1")))
    np.savez(checkout / "in.npz", image=np.zeros((2, 3)))
    serving.bind(Path("in.npz"), leave_out=[], batch_size=1)
    with trouble("request 1 raised TypeError", "'image'"):
        serving.run(1)


# --- Answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no')", ["request 1 raised ValueError: no"]),
        *repeated(
            ("sys.exit(3)", ["request 1 called sys.exit(3)"]),
            ("return None", ["request 1 returned nothing"]),
            ("return (1 for _ in 'a')", ["request 1 returned a generator"]),
        ),
        ("return [[1, 2], [3]]", ["answer 'answer' to request 1 cannot be made an array"]),
        ("return [0] * int(number[0])", ["answers differ in shape from request to request", "answer"]),
    ],
)
def test_answers_that_cannot_be_collected(loaded, app, checkout, tmp_path, trouble, *, body, words):
    serving = loaded(app(request_of(body).replace("request()", "request(number)")))
    np.savez(checkout / "in.npz", number=np.arange(1, 4))
    serving.bind(Path("in.npz"), leave_out=[], batch_size=1)
    with trouble(*words):
        serving.outputs(tmp_path / "out.npz", count=3)


# --- Loading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("", "nowhere:make", ["there is no module nowhere in", sys.executable]),
        *repeated(("", "app.inner:make", ["no module app.inner"])),
        ("import not_installed", "app:make", ["app cannot be imported", "No module named 'not_installed'"]),
        *repeated(("1/0", "app:make", ["app cannot be imported", "ZeroDivisionError: division by zero"])),
        ("def make(:", "app:make", ["app cannot be imported", "SyntaxError", "app.py, line 1"]),
        *repeated(("import sys; sys.exit(2)", "app:make", ["app cannot be imported", "it called sys.exit(2)"])),
        ("", "app:make", ["app:make does not exist", "'make'"]),
        *repeated(("make = 3", "app:make", ["the factory app:make raised TypeError: 'int' object is not callable"])),
        ("def make(path): pass", "app:make", ["the factory app:make raised TypeError", "'path'"]),
        *repeated(("def make(): raise OSError('no weights')", "app:make", ["app:make raised OSError: no weights"])),
        ("def make(): raise SystemExit(1)", "app:make", ["the factory app:make called sys.exit(1)"]),
        *repeated(("def make(): pass", "app:make", ["app:make returned nothing; it must return the function"])),
        ("def make(): return 3", "app:make", ["app:make returned int; it must return the function"]),
        *repeated(
            (
                "async def make(): return print",
                "app:make",
                ["returned coroutine; it must return the function"],
            )
        ),
    ],
)
def test_a_workload_that_cannot_be_loaded(worker, app, trouble, *, source, target, words):
    with trouble(*words):
        worker().load(**app(source, target=target), timeout_s=60)


@pytest.mark.parametrize("python", ["/nowhere/python", os.devnull])
def test_an_interpreter_that_cannot_be_started(worker, trouble, python):
    with trouble(f"{python} cannot be started", "measurement.python"):
        worker(python=python)


def test_a_program_that_is_not_a_worker(worker, app, checkout, trouble):
    script = checkout / "python"
    script.write_text("#!/bin/sh\necho hello\nread line\n", encoding="utf-8")
    script.chmod(0o755)
    with trouble("the worker sent an invalid reply", "hello"):
        worker(python=str(script)).load(**app(""), timeout_s=60)


def test_a_missing_checkout(worker, tmp_path, trouble):
    with trouble("the directory", "gone does not exist"):
        worker(directory=tmp_path / "gone")


# --- Output ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "print('line\\n' * 10**6)",
        *repeated("print('x' * 5 * 10**6, end='')"),
        'os.write(1, b\'{"id": 2, "ok": {}}\\n\')',
        *repeated(
            "os.write(2, b'\\xff\\xfe' * 10**6)",
            "sys.stdout.close()",
            "sys.stdout = None",
            "print('x'); os.close(1)",
            "os.close(2)",
            "sys.stdin.close()",
        ),
        "os.close(0)",
    ],
)
def test_whatever_a_request_does_to_its_standard_streams_does_not_reach_the_protocol(loaded, app, body):
    again = "\nexcept (OSError, ValueError): pass\nreturn 1"
    serving = loaded(app(request_of("try:\n    " + body + again)))
    assert serving.run(1).failed == ()
    assert serving.run(1).failed == ()
    assert serving.shut_down() > 0


def test_stderr_is_the_detail(loaded, app, trouble):
    body = "for number in range(100): print('line', number)\nos._exit(9)"
    serving = loaded(app(request_of(body.replace("os._exit", "sys.stdout.flush(); os._exit"))))
    with trouble("exit code 9") as caught:
        serving.run(1)
    assert caught.value.detail.splitlines()[-1] == "line 99"
    assert len(caught.value.detail.splitlines()) <= 20


@POSIX_ONLY
def test_garbage_on_the_reply_pipe(loaded, app, trouble):
    body = "for fd in range(3, 30):\n    try: os.write(fd, b'garbage\\n')\n    except OSError: pass\nreturn 1"
    with trouble("the worker sent an invalid reply", "garbage"):
        loaded(app(request_of(body))).run(1)


@POSIX_ONLY
@pytest.mark.parametrize(
    ("end", "words"),
    [("return 1", "the worker ended with exit code 1"), ("time.sleep(99)", "the worker closed its pipes")],
)
def test_a_request_that_closes_the_reply_pipe(loaded, app, trouble, monkeypatch, *, end, words):
    if end != "return 1":  # this one does not end by itself
        monkeypatch.setattr("energygate.workloads.worker.SHUTDOWN_SECONDS", 0.5)
    with trouble(words, "while serving requests"):
        loaded(app(request_of(f"os.closerange(3, 30)\n{end}"))).run(1)


# --- Death -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, *repeated(9)])
def test_a_request_that_ends_the_process(loaded, app, trouble, code):
    with trouble(f"the worker ended with exit code {code} while serving requests"):
        loaded(app(request_of(f"os._exit({code})"))).run(1)


@POSIX_ONLY
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("os.kill(os.getpid(), 9)", ["killed by SIGKILL", "out-of-memory killer"]),
        *repeated(
            ("os.kill(os.getpid(), 15)", ["killed by SIGTERM"]),
            ("os.abort()", ["killed by SIGABRT"]),
            ("import ctypes; ctypes.string_at(0)", ["killed by SIGSEGV"]),
        ),
        ("os.kill(os.getpid(), 40)", ["killed by signal 40"]),
    ],
)
def test_a_request_that_is_killed(loaded, app, trouble, fault, words):
    with trouble(*words, "while serving requests"):
        loaded(app(request_of(fault))).run(1)


@POSIX_ONLY
def test_a_process_that_dies_while_loading(worker, app, trouble):
    with trouble("killed by SIGKILL while loading"):
        worker().load(**app("import os\nos.kill(os.getpid(), 9)"), timeout_s=60)


# --- Forks -------------------------------------------------------------------------------------------------


@POSIX_ONLY
@pytest.mark.parametrize("command", ["run", "tolerant", "outputs"])
@pytest.mark.parametrize("end", ["return 1", *repeated("raise ValueError('both')")])
def test_a_request_that_forks_and_lets_the_child_return(loaded, app, checkout, tmp_path, trouble, *, command, end):
    # Every request doubles the processes: copies that served on would soon bring the machine down.
    log = tmp_path / "served-by-a-copy"
    body = f"""
if os.getpid() != ORIGINAL: open({str(log)!r}, "w").close()
copy = os.fork()
if copy: os.waitpid(copy, 0)
{end}"""
    source = request_of(body, head="ORIGINAL = os.getpid()").replace("request()", "request(number)")
    serving = loaded(app(source))
    np.savez(checkout / "in.npz", number=np.arange(6))
    serving.bind(Path("in.npz"), leave_out=[], batch_size=1)
    with trouble("forked", "came back instead of exiting"):
        if command == "outputs":
            serving.outputs(tmp_path / "out.npz", count=6)
        else:
            serving.run(6, tolerant=command == "tolerant")
    serving.close()
    assert not log.exists()


@POSIX_ONLY
def test_a_factory_that_forks_and_lets_the_child_return(worker, app, trouble):
    with trouble("forked", "came back instead of exiting"):
        worker().load(**app("import os\ndef make():\n    if os.fork(): os.wait()\n    return print"), timeout_s=60)


# --- Hanging -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="waits with a pidfd")
@pytest.mark.parametrize("fault", ["while True: pass", *repeated("time.sleep(99)", "import signal; signal.pause()")])
def test_a_request_that_hangs_is_killed_with_its_children(
    loaded, app, tmp_path, trouble, *, has_ended, time_is_up_once, fault
):
    note = tmp_path / "pids"
    body = (
        "import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'while True: pass'])\n"
        f"with open({str(note)!r}, 'w') as note: note.write(f'{{os.getpid()}} {{child.pid}}')\n{fault}"
    )
    serving = loaded(app(request_of(body)), timeout_s=1)
    time_is_up_once(lambda: note.exists() and note.stat().st_size)
    began = time.monotonic()
    with trouble("still serving requests after 1 s and was killed", "measurement.time_limit"):
        serving.run(1)
    assert time.monotonic() - began < 90  # it was not waited for
    pids = [int(pid) for pid in note.read_text(encoding="ascii").split()]
    assert len(pids) == 2
    assert all(map(has_ended, pids))


def test_a_factory_that_hangs(worker, app, trouble):
    with trouble("still loading after 0.5 s and was killed"):
        worker().load(**app("def make():\n    while True: pass"), timeout_s=0.5)


@POSIX_ONLY
def test_a_thread_that_outlives_the_workload_does_not_keep_the_worker(loaded, app, monkeypatch):
    monkeypatch.setattr("energygate.workloads.worker.SHUTDOWN_SECONDS", 0.2)
    head = "import threading\nthreading.Thread(target=time.sleep, args=(99,)).start()"
    serving = loaded(app(request_of("return 1", head=head)))
    assert serving.run(1).failed == ()
    assert serving.shut_down() > 0
    assert serving._process.returncode is not None
