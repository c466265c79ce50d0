"""The report on a terminal: verdict first, one table, then how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from energygate.errors import COMMAND_LINE
from energygate.gate import Verdict
from energygate.report.at_traffic import assumptions, per_year, split
from energygate.report.explanations import against, effort, more_time, trust, what_moved
from energygate.report.headline import headline
from energygate.report.phrases import MARKS, detail_lines, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from energygate.errors import OptionNames
    from energygate.report.phrases import Row
    from energygate.result.result import Result

COLOURS = {
    Verdict.PASS: "green",
    Verdict.WAIVED: "cyan",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
}

GAP = "  "
VALUE = 2
"""The column of values: aligned right, so that their units stand below each other."""


def print_report(
    result: Result,
    console: Console,
    *,
    quiet: bool,
    result_path: str | None,
    options: OptionNames = COMMAND_LINE,
) -> None:
    """Print a result for a person.

    On a terminal lines wrap at words, and a table wider than it stacks. Elsewhere (a log, a pipe) nothing
    wraps or is cut, whatever the width: logs scroll sideways, and a wrapped table is unreadable.

    Args:
        result: What the gate found.
        console: Where to; it decides about colour.
        quiet: Only the verdict's line.
        result_path: Where `result.json` was written; `None` when it was not.
        options: What to call the options that would settle what is inconclusive.
    """
    verdict = result.verdict
    word = f"{MARKS[verdict]} {verdict.value.upper()}"
    first = Text.assemble((word, f"bold {COLOURS[verdict]}"), "  ", headline(result))
    _print(first, console)
    if quiet:
        return
    _print_errors(result, console)
    _print_rows(rows(result), console)
    _print_explanations(result, console, options)
    _print_traffic(result, console)
    _print_trust(result, console)
    where = f"Details: {result_path}   " if result_path else ""
    _print(Text(f"{where}({result.seconds:.0f} s)", style="dim"), console)


def _print(line: Text, console: Console) -> None:
    console.print(line, soft_wrap=not console.file.isatty())


def _print_errors(result: Result, console: Console) -> None:
    """What the headline did not say: other workloads' errors, and processes' last words."""
    failed = [workload for workload in result.workloads if workload.error is not None]
    for position, workload in enumerate(failed):
        assert workload.error is not None  # noqa: S101 - for mypy
        if position:
            _print(Text(f"{workload.name}: {workload.error.message}", style="red"), console)
        for line in detail_lines(workload.error.detail or ""):
            _print(Text(f"  | {line}", style="dim"), console)


def _print_explanations(result: Result, console: Console, options: OptionNames) -> None:
    """What moved, what would settle the rest, and what a reader should know before trusting it."""
    unchanged = [workload.name for workload in result.workloads if workload.state == "unchanged"]
    for workload in result.workloads:
        for text, style in ((what_moved(workload), ""), (more_time(workload, options), "yellow")):
            if text:
                _print(Text(f"{workload.name}: {text}", style=style), console)
        for note in workload.notes if workload.state != "unchanged" else ():
            _print(Text(f"{workload.name}: {note}", style="yellow"), console)
    if unchanged:
        _print(Text(f"= identical to base, not measured: {', '.join(unchanged)}"), console)
    for note in result.notes:
        _print(Text(note, style="yellow"), console)
    if comparison := against(result):
        _print(Text(comparison), console)
    for change in result.policy_changes:
        _print(Text(f"  - {change}"), console)


def _print_traffic(result: Result, console: Console) -> None:
    """What it means in a year of the site's traffic, and what stands behind that: assumptions are said once."""
    told = [workload for workload in result.workloads if per_year(workload, result.site)]
    for workload in told:
        _print(Text(f"{workload.name}: {per_year(workload, result.site)} a year at your traffic"), console)
    for workload in result.workloads:
        if made_of := split(workload):
            _print(Text(f"{workload.name}: {made_of}", style="dim"), console)
    if told:
        _print(Text(f"Your traffic: {assumptions(result.site, told)}", style="dim"), console)


def _print_rows(found: Sequence[Row], console: Console) -> None:
    if not found:
        return
    console.print()
    lines = _aligned(found)
    fits = max(line.cell_len for line in lines) <= console.width
    for row, line in zip(found, lines if fits or not console.file.isatty() else _stacked(found), strict=True):
        _print(line, console)
        if row.reason:
            _print(Text(f"     {row.reason}", style="dim"), console)
    console.print()


def _aligned(found: Sequence[Row]) -> list[Text]:
    table = [_cells(row) for row in found]
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    return [_line(row, cells, widths) for row, cells in zip(found, table, strict=True)]


def _line(row: Row, cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = _mark(row)
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if not width:  # nobody has a change, or an interval: no column, no gap
            continue
        space = " " * (width - cell.cell_len)
        line.append(GAP).append(space if column == VALUE else "").append_text(cell)
        line.append("" if column == VALUE else space)
    line.rstrip()
    return line


def _stacked(found: Sequence[Row]) -> Iterator[Text]:
    for row in found:
        workload, metric, *rest = _cells(row)
        numbers = [text for text in rest if text.plain]
        yield Text.assemble(_mark(row), GAP, workload, GAP, metric, "\n     ", Text(GAP).join(numbers))


def _cells(row: Row) -> tuple[Text, ...]:
    interval = Text(f"({row.interval})" if row.interval else "", style="dim")
    change = Text(row.change, style="bold" if row.change else "")
    return Text(row.workload), Text(row.metric), Text(row.value), change, interval, Text(row.limit)


def _mark(row: Row) -> Text:
    mark = Text(MARKS[row.verdict], style=COLOURS[row.verdict]) if row.verdict else Text(" ")
    return Text.assemble(GAP, mark)


def _print_trust(result: Result, console: Console) -> None:
    """How it was measured: what workloads share is said once."""
    measured = [workload for workload in result.workloads if workload.provenance is not None]
    for text in dict.fromkeys(map(trust, measured)):
        _print(Text(text, style="dim"), console)
    for workload in measured:
        _print(Text(f"{workload.name}: {effort(workload, pue=result.site.pue)}", style="dim"), console)
    if measured and result.site.pue != 1.0:
        _print(Text(f"Energy includes PUE {result.site.pue:g}, multiplied once.", style="dim"), console)
