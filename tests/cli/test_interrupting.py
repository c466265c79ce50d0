"""Signals: the command ends soon, its workers end with it, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess

import pytest
from commands import COMMAND, GENEROUS_S, environment, write_policy

WORKLOAD = """
import os
import socket
import subprocess
import sys
import time


def endless():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with socket.socket(socket.AF_UNIX) as test:
        test.connect("started")
        test.sendall(b"%d %d" % (os.getpid(), child.pid))
    return lambda: time.sleep(600) or 1
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "\nenergygate: interrupted\n"),  # the line of ^C ends first
        (signal.SIGTERM, 143, ""),
        pytest.param(signal.SIGHUP, 129, "", marks=pytest.mark.repeats),
    ],
)
def test_a_signal_ends_the_command_and_its_workers(tmp_path, monkeypatch, has_ended, *, number, code, said):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    (tmp_path / "endless.py").write_text(WORKLOAD, encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    write_policy(tmp_path, {"endless": {"python": "endless:endless"}})
    with socket.socket(socket.AF_UNIX) as started:
        started.bind("started")
        started.listen()
        started.settimeout(GENEROUS_S)
        process = subprocess.Popen(
            [*COMMAND, "check", "--json", "result.json"],
            env=environment(TMPDIR=str(tmp_path / "tmp")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a background shell ignores it
        )
        connection, _ = started.accept()
        with connection, connection.makefile() as pids:
            worker, child = map(int, pids.read().split())
    os.killpg(process.pid, number)  # as a terminal does: the whole group
    out, err = process.communicate(timeout=GENEROUS_S)
    assert (process.returncode, out, err) == (code, "", said)
    assert has_ended(worker)
    assert has_ended(child)
    assert [path for path in (tmp_path / "tmp").iterdir() if path.suffix != ".lock"] == []
    assert not (tmp_path / "result.json").exists()
