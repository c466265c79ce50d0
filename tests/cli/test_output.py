"""Where the report goes and how it looks; an unwritable report does not change the verdict."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest
from builders import judged, result
from commands import ANSWERED, COMMAND, GENEROUS_S, energygate, environment, spin, write_policy
from rich.cells import cell_len

from energygate.cli.streams import make_tolerant
from energygate.gate import Verdict

ENOUGH = ("--time-limit", "60 s")
ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][;m]")


@pytest.fixture(scope="session")
def failing(spinning):
    """A policy of one workload far over its limit: settled by the first launches that give an interval."""
    return write_policy(spinning, {"failing": spin(0.2)}, name="failing.yml").name


@pytest.fixture(scope="session")
def failed(tmp_path_factory):
    """What a check of that policy may find."""
    path = tmp_path_factory.mktemp("failed") / "result.json"
    path.write_text(result(judged(Verdict.FAIL, name="failing")).to_json(), encoding="utf-8")
    return path


def on_terminal(*arguments, cwd, columns, command=COMMAND, **changes):
    """Run the command on a terminal of that width; returns the exit code and all that the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        env=environment(TERM="xterm-256color", **changes),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pieces = []
    try:
        while piece := os.read(ours, 65536):
            pieces.append(piece)
    except OSError:  # Linux's end of a terminal that nobody holds any more
        pass
    os.close(ours)
    return process.wait(GENEROUS_S), b"".join(pieces).decode()


def test_quiet_is_the_verdicts_line_alone_wherever_the_command_runs(spinning, failing, failed, tmp_path):
    ran = energygate("check", "--policy", spinning / failing, "--quiet", cwd=tmp_path, answer=failed)
    assert (ran.code, ran.err, ran.out.count("\n")) == (1, "", 1)
    assert ran.out.startswith("✗ FAIL  failing: energy per request is ")


def test_json_to_standard_output_is_pure_and_the_report_moves_aside(spinning, failing):
    ran = energygate("check", "--policy", failing, *ENOUGH, "--json", "-", cwd=spinning)
    assert (ran.code, json.loads(ran.out)["verdict"]) == (1, "fail")
    assert ran.err.startswith("✗ FAIL  failing: ")


def test_a_log_gets_plain_lines_that_neither_wrap_nor_end_in_blanks(checked):
    said = checked("kept").said
    assert ESCAPE not in said
    assert "\r" not in said
    assert [line for line in said.splitlines() if line != line.rstrip()] == []
    assert max(map(len, said.splitlines())) > 160  # how it was measured, in one line


def test_forced_colour_in_a_log_is_colour_and_an_unwritable_result_one_warning(spinning, failing, failed):
    ran = energygate(
        *("check", "--policy", failing, "--json", "spinning.py/result.json"),
        cwd=spinning,
        answer=failed,
        FORCE_COLOR="1",
        COLUMNS="40",
    )
    assert ran.code == 1
    assert ran.err == (
        "energygate: cannot write the result to spinning.py/result.json: Not a directory; the verdict stands\n"
    )
    assert COLOUR.search(ran.out)
    assert "spinning.py/result.json" not in ran.out
    row = next(line for line in ran.out.splitlines() if "max " in line)
    assert "failing" in row
    assert "…" not in row  # nothing was cut


def test_a_terminal_gets_colour_progress_and_lines_that_fit(spinning, failing):
    code, said = on_terminal("check", "--policy", failing, *ENOUGH, cwd=spinning, columns=60)
    assert code == 1
    assert COLOUR.search(said)
    assert "━" in said
    report = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said[said.rindex("✗ FAIL") :])
    assert max(cell_len(line) for line in report.splitlines()) <= 60
    assert "failing  energy per request" in report


def test_no_color_is_heeded_on_a_terminal(spinning, failing, failed):
    command = (*ANSWERED, failed)
    code, said = on_terminal("check", "--policy", failing, cwd=spinning, columns=120, command=command, NO_COLOR="1")
    assert code == 1
    assert "✗ FAIL" in said
    assert not COLOUR.search(said)


def test_an_encoding_without_the_marks_does_not_change_the_verdict(spinning, failing, failed):
    ran = energygate("check", "--policy", failing, cwd=spinning, answer=failed, PYTHONIOENCODING="ascii")
    assert ran.code == 1, ran.err
    assert ran.out.startswith("x FAIL  failing: ")
    assert "uWh" in ran.out


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "x 1.5 uWh (1 .. 2) +/- ?"),
        ("cp1252", "x 1.5 µWh (1 … 2) ± ?"),
        ("utf-8", "✗ 1.5 µWh (1 … 2) ± ?"),
    ],
)
def test_only_characters_that_the_encoding_lacks_are_replaced(encoding, written, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)
    make_tolerant()
    stream.write("✗ 1.5 µWh (1 … 2) ± \udcff")  # the last is half a character, as odd file names hold
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == written


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [(), ("--json", "-")])
def test_a_full_disk_does_not_change_the_verdict(spinning, failing, failed, arguments):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        ran = energygate(*("check", "--policy", failing, *arguments), cwd=spinning, answer=failed, stdout=full)
    assert ran.code == 1
    (warning,) = [line for line in ran.err.splitlines() if line.startswith("energygate: ")]
    assert "cannot write" in warning
    assert warning.endswith("the verdict stands")


def test_a_closed_pipe_does_not_change_the_verdict_and_the_result_may_go_to_a_pipe(spinning, tmp_path):
    answer = tmp_path / "answer.json"
    answer.write_text(result(judged(Verdict.PASS, name="kept")).to_json(), encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    taken = []
    reader = threading.Thread(target=lambda: taken.append((tmp_path / "pipe").read_text("utf-8")), daemon=True)
    reader.start()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = energygate(*("check", "kept", "--json", tmp_path / "pipe"), cwd=spinning, answer=answer, stdout=gone)
    reader.join(GENEROUS_S)
    assert (ran.code, ran.err) == (0, "")  # rich would have left with 1
    assert json.loads(taken[0])["verdict"] == "pass"
    assert (tmp_path / "pipe").is_fifo()
