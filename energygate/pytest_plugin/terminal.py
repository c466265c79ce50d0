"""What the terminal shows: letters and words of tests, and the section about energy."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from energygate.pytest_plugin.session import EnergySession
    from energygate.result.result import Result

MAX_LISTED = 20
"""Tests that are listed one by one; with -v all are."""

WORDS = {
    "inconclusive": ("?", "INCONCLUSIVE"),
    "warn": ("w", "OVER BUDGET, WARNED"),
    "waived": ("w", "OVER BUDGET, WAIVED"),
}


def status(report: pytest.TestReport, energy: Mapping[str, object]) -> tuple[str, str, object] | None:
    """Return a test's category, letter, and word with its colour; `None` for pytest's usual ones."""
    if report.failed and energy["failed"]:
        word = "OVER BUDGET" if energy["verdict"] == "fail" else "INCONCLUSIVE"
        return "failed", "J", (word, {"red": True})
    if report.outcome == "passed" and energy["verdict"] in WORDS and not hasattr(report, "wasxfail"):
        letter, word = WORDS[str(energy["verdict"])]
        return "passed", letter, (word, {"yellow": True})
    return None


def write_section(
    reporter: pytest.TerminalReporter,
    session: EnergySession | None,
    reports: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    """Write the section about energy: measured tests as one table, the others as a list; nothing if there are none.

    Args:
        reporter: Writes to the terminal.
        session: This process's energy tests; `None` where others ran them, or there are none.
        reports: Node ids, and what the tests' reports say about energy.
    """
    result = None if session is None else session.session_result.result
    notes = [] if session is None else session.session_result.notes
    unmeasured = [(node_id, one["limits"]) for node_id, one in reports if one["verdict"] is None and one["limits"]]
    if result is None and not notes and not unmeasured:
        return
    reporter.write_sep("=", "energy")
    if session is not None and result is not None:
        written = session.session_result.written
        _write_table(reporter, result, None if written is None else str(written))
    for note in notes if result is None else notes[len(result.notes) :]:
        reporter.write_line(note, yellow=True)
    if unmeasured:
        _write_unmeasured(reporter, unmeasured, is_off=not any(one["on"] for _, one in reports))


def _write_table(reporter: pytest.TerminalReporter, result: Result, path: str | None) -> None:
    """Write the report of `energygate check` in pytest's colours."""
    from rich.console import Console

    from energygate.pytest_plugin.failure_text import OPTIONS
    from energygate.report.console import print_report

    has_markup = reporter.hasmarkup
    file = _Terminal() if reporter.isatty else StringIO()
    console = Console(
        file=file,
        width=reporter._tw.fullwidth,  # noqa: SLF001 - what other plugins read too: there is no public name
        force_terminal=has_markup,
        color_system="standard" if has_markup else None,
        highlight=False,
    )
    print_report(result, console, quiet=False, result_path=path, options=OPTIONS)
    reporter.write(file.getvalue())


class _Terminal(StringIO):
    """A buffer that passes for a terminal, so that lines wrap and the table fits."""

    def isatty(self) -> bool:
        return True


def _write_unmeasured(
    reporter: pytest.TerminalReporter, unmeasured: Sequence[tuple[str, str]], *, is_off: bool
) -> None:
    how = "; measure with --energy" if is_off else ""
    tests = f"{len(unmeasured)} test{'' if len(unmeasured) == 1 else 's'}"
    reporter.write_line(f"not measured: the limits of {tests}{how}", yellow=True)
    shown = unmeasured if reporter.verbosity > 0 else unmeasured[:MAX_LISTED]
    for node_id, limits in shown:
        reporter.write_line(f"  {node_id}: {limits}")
    if len(unmeasured) > len(shown):
        reporter.write_line(f"  and {len(unmeasured) - len(shown)} more; -v lists all")
