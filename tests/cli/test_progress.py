"""The live view: what it shows while a check runs, on a terminal."""

from __future__ import annotations

import contextlib
import io
import math
import re

import pytest
from builders import failed_workload_result, finding_result, metric_result, workload_result
from rich.console import Console

from energygate.cli import progress
from energygate.cli.progress import LiveProgress, check_with_progress
from energygate.gate import Evidence, Verdict
from energygate.gate.evidence import Estimate
from energygate.measure.campaign import Progress
from energygate.report.phrases import MINUS
from energygate.run.options import Options

ERASED = re.compile(r"(?:\r?\x1b\[2K(?:\x1b\[1A)?)+")
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

IDENTICAL = workload_result("one", metrics={}, state="unchanged", notes=("identical to base, not measured",))


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def frames(self):
        """Return what has been on the screen: one list of lines after another."""
        plain = [STYLES.sub("", frame).replace("\r", "") for frame in ERASED.split(self.getvalue())]
        return [[line.rstrip() for line in frame.splitlines() if line.strip()] for frame in plain if frame.strip()]


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=terminal, width=80, height=24, highlight=False))
    return terminal


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the view believes to have passed."""
    seconds = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def live(terminal, clock):  # noqa: ARG001 - the clock stands still
    with LiveProgress(shown=True) as live:
        live.screen = lambda: (live._progress.refresh(), terminal.frames()[-1])[1]
        yield live


def launched(live, name, *, elapsed_s, time_limit_s):
    evidence = Evidence.exact("energy_per_request", head=6e-10, base=None)
    live.launched(name, Progress(launches=1, elapsed_s=elapsed_s, time_limit_s=time_limit_s), evidence)


def test_a_step_of_the_preparation_has_a_line_while_it_runs(live, clock):
    with live.step("setting up base"):
        clock[0] += 7
        (line,) = live.screen()
        assert line.startswith("  setting up base ")
        assert line.endswith(" 7 s")
    live.started("one", number=1, count=1)
    assert [line.split()[0] for line in live.screen()] == ["one"]


def test_a_checkout_of_base_has_a_line_while_it_runs(terminal, monkeypatch, tmp_path):
    @contextlib.contextmanager
    def check_out(*_, **named):
        assert terminal.frames()[-1][0].startswith("  checking out base main ")
        yield named["ref"]

    monkeypatch.setattr(progress, "check_out_base", check_out)
    monkeypatch.setattr(progress, "check", lambda *_, base: base)
    assert check_with_progress(None, tmp_path / "energygate.yml", Options(), "main") == "main"


def test_an_identical_workload_is_shown_as_such_while_the_run_goes_on(live):
    live.started("one", number=1, count=2)
    live.finished(IDENTICAL)
    live.started("two", number=2, count=2)
    first, second = live.screen()
    assert first.startswith("= one (1 of 2) ")
    assert first.endswith(" identical to base, not measured")
    assert second.startswith("  two (2 of 2) ")


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize(("verdict", "mark"), [(Verdict.PASS, "✓"), (Verdict.FAIL, "✗"), (Verdict.INCONCLUSIVE, "?")])
def test_a_judged_workload_has_its_mark_at_any_width(live, verdict, mark, columns):
    live._progress.console.width = columns
    name = "a [long] name that takes a lot of the line"
    live.started(name, number=1, count=2)
    launched(live, name, elapsed_s=2, time_limit_s=60)
    live.finished(workload_result(name, metrics={"energy_per_request": metric_result(finding_result(verdict))}))
    live.started("two", number=2, count=2)
    first, _ = live.screen()
    assert first.startswith(f"{mark} a [long] name")


@pytest.mark.parametrize(
    ("change", "head", "note"),
    [
        (None, (6e-10, -math.inf, math.inf), "600 nWh per request"),
        (None, (6e-10, 5e-10, 7e-10), "500 … 700 nWh per request"),
        (None, (6e-10, -math.inf, 7e-10), "at most 700 nWh per request"),
        ((0.1, -math.inf, math.inf), (6e-10, 5e-10, 7e-10), "500 … 700 nWh per request"),
        ((0.1, -0.02, 0.25), (6e-10, 5e-10, 7e-10), f"energy {MINUS}2.0 … +25.0 %"),
        ((0.1, -math.inf, 0.25), (6e-10, 5e-10, 7e-10), "energy at most +25.0 %"),
        ((0.1, -0.02, math.inf), (6e-10, 5e-10, 7e-10), f"energy at least {MINUS}2.0 %"),
    ],
)
def test_what_is_known_so_far_is_beside_the_bar(live, change, head, note):
    head, change = (one and Estimate(value=one[0], low=one[1], high=one[2]) for one in (head, change))
    live.started("one", number=1, count=1)
    evidence = Evidence(metric="energy_per_request", head=head, change=change)
    live.launched("one", Progress(launches=4, elapsed_s=2, time_limit_s=60), evidence)
    assert f"━ {note} " in live.screen()[0]


def test_a_workload_that_could_not_be_measured_says_so(live):
    live.started("one", number=1, count=1)
    live.finished(failed_workload_result("one", message="the worker died"))
    (line,) = live.screen()
    assert line.startswith("✗ one ")
    assert line.endswith(" could not be judged")


def test_the_time_left_is_a_bound_that_only_falls_until_more_time_is_given(live, clock):
    live.started("one", number=1, count=2)
    clock[0] += 5
    assert live.screen()[0].endswith("starting 5 s")  # the first launch takes as long as it takes
    left = []
    for elapsed_s in (2, 4, 6):
        launched(live, "one", elapsed_s=elapsed_s, time_limit_s=20)
        left.append(live.screen()[0].rpartition("≤ ")[2])
        clock[0] += 2.6  # judging takes time as well, and is not in `elapsed_s`
        left.append(live.screen()[0].rpartition("≤ ")[2])
    assert left == ["18 s left", "15 s left", "15 s left", "13 s left", "13 s left", "10 s left"]
    live.started("two", number=2, count=2)
    assert live.screen()[0].endswith(" undecided")
    clock[0] += 30
    assert live.screen()[0].endswith(" undecided")  # it does not count down while another is measured
    live.started("one", number=1, count=2)
    assert live.screen()[0].endswith(" more time")
    launched(live, "one", elapsed_s=8, time_limit_s=50)
    assert live.screen()[0].endswith(" more time ≤ 42 s left")
    clock[0] += 43
    assert live.screen()[0].endswith(" over the time limit")


def test_a_full_screen_keeps_the_workloads_that_are_not_judged(live):
    live._progress.console.height = 5
    for number, name in enumerate(["one", "two", "three", "four"], 1):
        live.started(name, number=number, count=4)
        if name != "one":
            live.finished(workload_result(name))
    assert [line.lstrip("✓ ").split()[0] for line in live.screen()] == ["one", "three", "four"]


def test_waiting_is_said_in_a_log_too_in_one_line(terminal, monkeypatch):
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    reason = f"waiting for another check on this machine to end: process 4711 in /srv/[red]{'long/' * 30}"
    with LiveProgress(shown=True) as live, live.step("setting up base"):
        live.waiting(reason)
    assert terminal.getvalue() == f"energygate: {reason}\n"
