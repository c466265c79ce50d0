"""The report in a terminal, to the character; only terminals get colour."""

from __future__ import annotations

import io
import re

import pytest
from builders import failed_workload_result, finding_result, judged, metric_result, result, workload_result
from rich.console import Console

from energygate.gate import Verdict
from energygate.report.console import COLOURS, print_report
from energygate.result.result import BaseResult

TRUST = (
    "Estimated: power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load "
    "(Cloud Carbon Footprint coefficients 2023-05, Azure); absolute energy ± 30 %.\n"
    "Intervals contain the true number, whenever measuring stopped: at most 5 % of runs fail, and 5 % of limits pass, "
    "by mistake. Those of values allow for this machine's drift of ± 10 %."
)
EFFORT = "6 launches, 12,000 requests, 9.8 s; codecarbon 3.3.2 alone would have said 71.0 µWh per request"
LOW = {"limit": 1.6e-9, "limit_text": "1.6 µWh"}
OVER = "digits-cnn: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh"
COLUMNS = "     workload    metric                 value  interval          limit"
ROW = "digits-cnn  energy per request  1.92 µWh  1.80 to 2.05 µWh"

ESCAPE = "\x1b["
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;)")


class Screen(io.StringIO):
    """A terminal's end of standard output."""

    def isatty(self):
        return True


def shown(outcome, *, file=None, width=160, quiet=False, result_path="result.json"):
    file = io.StringIO() if file is None else file
    console = Console(file=file, width=width, highlight=False)
    print_report(outcome, console, quiet=quiet, result_path=result_path)
    return file.getvalue()


def lines(*texts):
    return "\n".join(texts) + "\n"


GOLDEN = {
    "pass": (
        result(judged(Verdict.PASS)),
        lines(
            "✓ PASS  1 budget of 1 workload kept",
            "",
            COLUMNS,
            f"  ✓  {ROW}  max 2 µWh",
            "",
            TRUST,
            f"digits-cnn: {EFFORT}",
            "Details: result.json   (12 s)",
        ),
    ),
    "fail": (
        result(judged(Verdict.PASS, name="digits-mlp"), judged(Verdict.FAIL, **LOW), pue=1.25),
        lines(
            f"✗ FAIL  {OVER}",
            "",
            COLUMNS,
            f"  ✗  {ROW}  max 1.6 µWh",
            "  ✓  digits-mlp  energy per request  1.92 µWh  1.80 to 2.05 µWh  max 2 µWh",
            "",
            TRUST,
            f"digits-mlp: {EFFORT}, without PUE",
            f"digits-cnn: {EFFORT}, without PUE",
            "Energy includes PUE 1.25, multiplied once.",
            "Details: result.json   (12 s)",
        ),
    ),
    "warn": (
        result(judged(Verdict.WARN, reason="the waiver by @ml expired on 2026-02-28", **LOW)),
        lines(
            f"! WARN  {OVER}",
            "",
            COLUMNS,
            f"  !  {ROW}  max 1.6 µWh",
            "     the waiver by @ml expired on 2026-02-28",
            "",
            TRUST,
            f"digits-cnn: {EFFORT}",
            "Details: result.json   (12 s)",
        ),
    ),
    "inconclusive": (
        result(judged(Verdict.INCONCLUSIVE)),
        lines(
            (
                "? INCONCLUSIVE  digits-cnn: energy per request is 1.92 µWh (1.80 to 2.05 µWh), "
                "too close to the limit of 2 µWh to tell"
            ),
            "",
            COLUMNS,
            f"  ?  {ROW}  max 2 µWh",
            "",
            "digits-cnn: more time would hardly decide it: the limit is closer than this machine's own drift",
            TRUST,
            f"digits-cnn: {EFFORT}",
            "Details: result.json   (12 s)",
        ),
    ),
    "waived": (
        result(judged(Verdict.WAIVED, reason="waived until 2026-03-02 by @ml: a new backbone", **LOW)),
        lines(
            f"w WAIVED  {OVER}, waived",
            "",
            COLUMNS,
            f"  w  {ROW}  max 1.6 µWh",
            "     waived until 2026-03-02 by @ml: a new backbone",
            "",
            TRUST,
            f"digits-cnn: {EFFORT}",
            "Details: result.json   (12 s)",
        ),
    ),
    "error": (
        result(
            failed_workload_result(message="the worker was killed by SIGKILL", detail="loading\nKilled"),
            failed_workload_result("digits-mlp", message="it is no ONNX model"),
            pue=1.25,
        ),
        lines(
            "✗ ERROR  digits-cnn could not be judged (and 1 more workload): the worker was killed by SIGKILL",
            "  | loading",
            "  | Killed",
            "digits-mlp: it is no ONNX model",
            "Details: result.json   (12 s)",
        ),
    ),
    "nothing to judge": (
        result(workload_result(notes=("warm-up did not settle in 4 of 6 launches",))),
        lines(
            "✓ PASS  1 workload measured, no budgets",
            "",
            COLUMNS,
            f"     {ROW}  no budget",
            "",
            "digits-cnn: warm-up did not settle in 4 of 6 launches",
            TRUST,
            f"digits-cnn: {EFFORT}",
            "Details: result.json   (12 s)",
        ),
    ),
}


@pytest.mark.parametrize(("outcome", "text"), GOLDEN.values(), ids=GOLDEN)
@pytest.mark.parametrize("width", [160, 40])
def test_a_log_has_unwrapped_lines_at_any_width(outcome, text, width):
    assert shown(outcome, width=width) == text


def test_every_verdict_has_an_image():
    assert {verdict.value for verdict in Verdict} <= set(GOLDEN)
    assert set(COLOURS) == set(Verdict)


@pytest.mark.parametrize(("outcome", "text"), GOLDEN.values(), ids=GOLDEN)
def test_quiet_prints_only_the_first_line(outcome, text):
    assert shown(outcome, quiet=True) == text.splitlines()[0] + "\n"


def test_what_head_s_policy_changes_is_listed_where_base_s_decides():
    outcome = result(
        judged(Verdict.PASS),
        base=BaseResult(ref="origin/main", commit="3f2a9c1" + "0" * 33),
        policy_changed=True,
        policy_changes=("digits-cnn, energy_per_request, max_increase: 5 % → 50 %", "site.pue: 1.2 → 1.1"),
    )
    text = shown(outcome)
    assert (
        "; this change also changes the policy: base's policy decides\n"
        "  - digits-cnn, energy_per_request, max_increase: 5 % → 50 %\n"
        "  - site.pue: 1.2 → 1.1\n"
    ) in text
    assert "max_increase" not in shown(outcome, quiet=True)


def test_a_result_that_was_not_written_has_no_path():
    assert shown(result(judged(Verdict.PASS)), result_path=None).endswith("\n(12 s)\n")


def test_values_of_different_widths_are_aligned():
    small = metric_result(finding_result(Verdict.PASS), head=2.1e-10, low=2e-10, high=2.2e-10)
    outcome = result(judged(Verdict.PASS), workload_result("a-longer-name", metrics={"energy_per_request": small}))
    table = [line for line in shown(outcome).splitlines() if line.startswith("  ✓")]
    assert table == [
        "  ✓  digits-cnn     energy per request   1.92 µWh  1.80 to 2.05 µWh    max 2 µWh",
        "  ✓  a-longer-name  energy per request  0.210 µWh  0.200 to 0.220 µWh  max 2 µWh",
    ]


def test_markup_in_texts_is_printed_literally():
    message = "'[red]' is no shape; [/] closes nothing"
    outcome = result(failed_workload_result("[bold]x", message=message, detail="[link=x]"))
    text = shown(outcome)
    assert f"[bold]x could not be judged: {message}" in text
    assert "  | [link=x]" in text


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("outcome", "text"), GOLDEN.values(), ids=GOLDEN)
def test_a_wide_terminal_shows_the_same_in_colour(outcome, text):
    coloured = shown(outcome, file=Screen(), width=400)
    assert COLOUR.search(coloured)
    assert plain(coloured) == text


def test_no_color_takes_the_colour_away(terminal):
    terminal.setenv("NO_COLOR", "1")
    outcome, text = GOLDEN["fail"]
    mono = shown(outcome, file=Screen(), width=400)
    assert not COLOUR.search(mono)
    assert plain(mono) == text


def test_a_log_gets_no_escape_codes():
    assert all(ESCAPE not in shown(outcome) for outcome, _ in GOLDEN.values())


@pytest.mark.usefixtures("terminal")
def test_a_narrow_terminal_loses_nothing():
    outcome, text = GOLDEN["fail"]
    narrow = plain(shown(outcome, file=Screen(), width=50))
    assert max(map(len, narrow.splitlines())) <= 50
    without_columns = text.replace(f"{COLUMNS}\n", "")
    assert sorted(narrow.split()) == sorted(without_columns.split())
