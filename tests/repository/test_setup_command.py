"""A side's `setup:` command: silent when it succeeds, shown when it fails, ended when it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from energygate.errors import MeasurementError
from energygate.repository import processes, setup_command
from energygate.repository.git import output_tail
from energygate.repository.setup_command import run_setup


def test_it_runs_in_its_sides_directory_and_says_nothing(tmp_path, capfd):
    run_setup("echo hello; echo trouble >&2; pwd > where", tmp_path, label="base")
    assert (tmp_path / "where").read_text().strip() == str(tmp_path)
    assert capfd.readouterr() == ("", "")


def failure(command, directory, **options):
    with pytest.raises(MeasurementError) as caught:
        run_setup(command, directory, label="base", **options)
    assert caught.value.exit_code == 3
    return caught.value


def test_a_failure_shows_its_last_forty_lines(tmp_path):
    error = failure("seq 1 100; echo the reason >&2; exit 7", tmp_path)
    assert str(error).startswith("base: the setup command failed with exit status 7. ")
    assert "seq 1 100" in error.hint
    assert error.detail.splitlines() == [*map(str, range(62, 101)), "the reason"]


@pytest.mark.parametrize("command", ["false\ntrue", "true\nfalse\necho done", "exit 1", "no-such-program-x"])
def test_the_first_line_that_fails_is_the_end(tmp_path, command):
    failure(command, tmp_path)


@pytest.mark.parametrize("command", ["true", "-x 2>/dev/null || true", "true\n\n", "# nothing", "false || true"])
def test_exit_code_0_of_the_shell_is_success(tmp_path, command):
    run_setup(command, tmp_path, label="head")


def test_a_killed_command_names_the_signal(tmp_path):
    assert "ended by signal 9" in str(failure("kill -9 $$", tmp_path))


def test_megabytes_of_output_keep_their_end(tmp_path):
    error = failure(f"{sys.executable} -c \"print('x' * 50_000_000)\"; echo end; exit 1", tmp_path)
    assert error.detail.splitlines()[-1] == "end"
    assert len(error.detail) < 2000


def test_of_much_output_only_the_end_is_kept(tmp_path):
    (tmp_path / "output").write_bytes(b"x" * 1_000_000 + b"end")
    tail = setup_command._Tail()
    tail.read((tmp_path / "output").open("rb"))
    assert tail._kept.endswith(b"xend")
    assert len(tail._kept) == setup_command._MAX_KEPT_BYTES


def test_the_command_has_no_stdin_to_wait_for(tmp_path):
    failure("read answer", tmp_path)


def test_a_directory_that_is_gone(tmp_path):
    assert "cannot start: No such file" in str(failure("true", tmp_path / "gone"))


def test_it_sees_no_environment_and_no_repository_but_its_own(tmp_path, monkeypatch):
    for name in ("VIRTUAL_ENV", "GIT_DIR", "GIT_INDEX_FILE", "KEPT"):
        monkeypatch.setenv(name, "x")
    run_setup("env > seen", tmp_path, label="base")
    seen = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert seen & {"VIRTUAL_ENV", "GIT_DIR", "GIT_INDEX_FILE", "KEPT"} == {"KEPT"}


def test_a_background_process_does_not_block_it(tmp_path):
    run_setup("sleep 60 & echo $! > pid", tmp_path, label="base", timeout_s=30)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def is_gone(pid):
    """Tell whether a process has ended, waiting until it has; a zombie counts."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        import select

        return bool(select.select([descriptor], [], [], 60)[0])
    finally:
        os.close(descriptor)


needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")


@needs_pidfd
@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_a_timeout_ends_the_command_and_its_children(tmp_path, monkeypatch, stubborn):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)

    class Popen(subprocess.Popen):
        def wait(self, timeout=None):
            """Let its time begin when it has done all that this test looks for."""
            deadline = time.monotonic() + 60
            while not (tmp_path / "leader").exists():
                assert time.monotonic() < deadline
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    started = time.monotonic()
    command = f"{stubborn}echo before; sleep 300 & echo $! > pid; echo $$ > one; mv one leader; wait"
    error = failure(command, tmp_path, timeout_s=0.2)
    assert "did not finish within 0.2 s" in str(error)
    assert error.detail == "before"
    assert time.monotonic() - started < 200, "it was waited for, not stopped"
    for name in ("pid", "leader"):
        assert is_gone(int((tmp_path / name).read_text()))


RUNNER = """
import signal, subprocess, sys
from pathlib import Path
from energygate.repository.setup_command import run_setup
class Popen(subprocess.Popen):
    def wait(self, timeout=None):
        if self.returncode is None and timeout == 900:
            Path(sys.argv[1], "waiting").write_text("")
        return super().wait(timeout)
subprocess.Popen = Popen
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
run_setup("sleep 60 & echo $! > pid; echo > ready; wait", Path(sys.argv[1]), label="base")
"""


@needs_pidfd
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_an_interrupt_ends_the_command(tmp_path, number, status):
    for name in ("ready", "waiting"):  # whoever writes waits for its reader
        os.mkfifo(tmp_path / name)
    command = [sys.executable, "-c", RUNNER, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        (tmp_path / "ready").read_text()
        (tmp_path / "waiting").read_text()
        process.send_signal(number)
        assert process.wait(60) == status
    assert is_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"", None),
        (b"\n \n", None),
        (b"one\ntwo\n", "one\ntwo"),
        (b"10 %\r50 %\r100 %\ndone\n", "100 %\ndone"),
        (b"windows\r\nlines\r\n", "windows\nlines"),
        (b"\x1b[31mred\x1b[0m\x07\n", "[31mred[0m"),
        (b"\xff\xfe\n", "��"),
        (b"x" * 600, "x" * 500),
    ],
)
def test_shown_output_is_safe_for_any_terminal(output, expected):
    assert output_tail(output) == expected
