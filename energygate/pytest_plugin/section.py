"""The section about energy in the terminal: what was measured as one table, what was not as a list."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from energygate.pytest_plugin.session import EnergySession
    from energygate.result.result import Result

MOST_LINES = 20
"""Tests that are listed one by one; with -v all are."""


def write_section(
    reporter: pytest.TerminalReporter,
    session: EnergySession | None,
    told: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    """Write the section, unless there is nothing to say.

    Args:
        reporter: Where to.
        session: This process's energy tests; `None` where others ran them, or there are none.
        told: Node ids, and what the reports of tests carry.
    """
    result = None if session is None else session.whole.result
    notes = [] if session is None else session.whole.notes
    unmeasured = [
        (node_id, one["limits"]) for node_id, one in told if one["verdict"] is None and one["limits"]
    ]
    if result is None and not notes and not unmeasured:
        return
    reporter.write_sep("=", "energy")
    if result is not None:
        path = None if session is None or session.whole.written is None else str(session.whole.written)
        _write_table(reporter, result, path)
    for note in notes if result is None else notes[len(result.notes) :]:
        reporter.write_line(note, yellow=True)
    if unmeasured:
        is_off = not any(one["on"] for _, one in told)
        _write_unmeasured(reporter, unmeasured, is_off=is_off)


def _write_table(reporter: pytest.TerminalReporter, result: Result, path: str | None) -> None:
    """Write what `energygate check` writes, in pytest's colours."""
    from rich.console import Console

    from energygate.pytest_plugin.failure_text import as_options
    from energygate.report.console import print_report

    has_markup = reporter.hasmarkup
    console = Console(
        file=_Terminal() if reporter.isatty else StringIO(),
        width=reporter._tw.fullwidth,  # noqa: SLF001 - what other plugins read too: there is no public name
        force_terminal=has_markup,
        color_system="standard" if has_markup else None,
        highlight=False,
    )
    print_report(result, console, quiet=False, result_path=path)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # both are StringIO
    reporter.write(as_options(text))


class _Terminal(StringIO):
    """A text that is made for a terminal: it wraps, and its table fits."""

    def isatty(self) -> bool:
        return True


def _write_unmeasured(
    reporter: pytest.TerminalReporter, unmeasured: Sequence[tuple[str, str]], *, is_off: bool
) -> None:
    how = "; measure with --energy" if is_off else ""
    tests = f"{len(unmeasured)} test{'' if len(unmeasured) == 1 else 's'}"
    reporter.write_line(f"not measured: the limits of {tests}{how}", yellow=True)
    shown = unmeasured if reporter.verbosity > 0 else unmeasured[:MOST_LINES]
    for node_id, limits in shown:
        reporter.write_line(f"  {node_id}: {limits}")
    if len(unmeasured) > len(shown):
        reporter.write_line(f"  and {len(unmeasured) - len(shown)} more; -v lists all")
