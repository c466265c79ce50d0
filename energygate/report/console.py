"""The report on a terminal: verdict first, one table, then how far to trust it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from energygate.errors import COMMAND_LINE
from energygate.gate import Verdict
from energygate.report.at_traffic import assumptions, per_year, split
from energygate.report.explanations import against, effort, interval_words, more_time, source, what_moved
from energygate.report.headline import headline
from energygate.report.phrases import (
    MARKS,
    NOT_KNOWN,
    detail_lines,
    limit_text,
    metric_rows,
    total_words,
    urgency,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from energygate.errors import OptionNames
    from energygate.report.phrases import MetricRow
    from energygate.result.result import FindingResult, Result

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
"""The column of values: aligned right, so that their units are below each other."""


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
    _print_table(console_rows(result), console)
    _print_explanations(result, console, options)
    _print_traffic(result, console)
    _print_trust(result, console)
    where = f"Details: {result_path}   " if result_path else ""
    _print(Text(f"{where}({result.seconds:.0f} s)", style="dim"), console)


def _print(line: Text, console: Console) -> None:
    console.print(line, soft_wrap=not console.file.isatty())


def _print_errors(result: Result, console: Console) -> None:
    """Print what the headline leaves out: other workloads' errors, and what failed processes wrote."""
    failed = [(workload.name, workload.error) for workload in result.workloads if workload.error is not None]
    for position, (name, error) in enumerate(failed):
        if position:
            _print(Text(f"{name}: {error.message}", style="red"), console)
        for line in detail_lines(error.detail or ""):
            _print(Text(f"  | {line}", style="dim"), console)


def _print_explanations(result: Result, console: Console, options: OptionNames) -> None:
    """Print what moved, what would settle the rest, and what a reader should know before trusting it."""
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
    """Print what it means in a year of the site's traffic, and the assumptions behind that, once."""
    yearly = {one.name: cost for one in result.workloads if (cost := per_year(one, result.site))}
    for name, cost in yearly.items():
        _print(Text(f"{name}: {cost} a year at your traffic"), console)
    for workload in result.workloads:
        if made_of := split(workload):
            _print(Text(f"{workload.name}: {made_of}", style="dim"), console)
    if yearly:
        shown = [one for one in result.workloads if one.name in yearly]
        _print(Text(f"Your traffic: {assumptions(result.site, shown)}", style="dim"), console)


def console_rows(result: Result) -> list[tuple[MetricRow, FindingResult | None]]:
    """List one row per limit, most urgent first; a metric without limits has one row of its own, at the end."""
    listed = [(row, finding) for row in metric_rows(result.workloads) for finding in row.metric.findings or (None,)]
    return sorted(listed, key=lambda one: urgency(one[1].verdict if one[1] else None))


def _print_table(rows: Sequence[tuple[MetricRow, FindingResult | None]], console: Console) -> None:
    if not rows:
        return
    marks = [_mark(finding) for _, finding in rows]
    table = [_cells(row, finding) for row, finding in rows]
    header, *lines = _aligned(marks, table)
    fits = max(line.cell_len for line in lines) <= console.width
    console.print()
    if console.file.isatty() and not fits:
        lines = _stacked(marks, table)
    else:
        _print(header, console)
    reasons = [[(finding and finding.reason) or "", total_words(row.metric)] for row, finding in rows]
    times = Counter(reason for some in reasons for reason in some if reason)
    for line, some in zip(lines, reasons, strict=True):
        _print(line, console)
        for reason in some:
            if times[reason] == 1:
                _print(Text(f"     {reason}", style="dim"), console)
    for reason, number in times.items():
        if number > 1:
            _print(Text(f"     {number} rows: {reason}", style="dim"), console)
    console.print()


def _aligned(marks: Sequence[Text], table: Sequence[tuple[Text, ...]]) -> list[Text]:
    """Return the lines of the table, below one with the names of its columns."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    value = "base → head" if any("→" in cells[VALUE].plain for cells in table) else "value"
    names = tuple(Text(name, style="dim") for name in ("workload", "metric", value, "change", "interval", "limit"))
    widths = [width and max(width, name.cell_len) for width, name in zip(widths, names, strict=True)]
    lines = zip([Text(GAP + " "), *marks], [names, *table], strict=True)
    return [_line(mark, cells, widths) for mark, cells in lines]


def _line(mark: Text, cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = mark.copy()
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if not width:  # no row has a change, or an interval: no column, no gap
            continue
        space = " " * (width - cell.cell_len)
        line.append(GAP).append(space if column == VALUE else "").append_text(cell)
        line.append("" if column == VALUE else space)
    line.rstrip()
    return line


def _stacked(marks: Sequence[Text], table: Sequence[tuple[Text, ...]]) -> list[Text]:
    return [
        Text.assemble(mark, GAP, workload, GAP, metric, "\n     ", Text(GAP).join(text for text in rest if text.plain))
        for mark, (workload, metric, *rest) in zip(marks, table, strict=True)
    ]


def _cells(row: MetricRow, finding: FindingResult | None) -> tuple[Text, ...]:
    kind = finding.kind if finding else "max_increase" if row.metric.change else "max"
    interval = row.numbers.interval(kind)
    return (
        Text(row.workload),
        Text(row.label),
        Text(row.numbers.value),
        Text(row.numbers.change, style="bold" if row.numbers.change else ""),
        Text(NOT_KNOWN if interval is None else interval, style="dim"),
        Text(limit_text(finding) if finding else "no budget"),
    )


def _mark(finding: FindingResult | None) -> Text:
    return Text.assemble(GAP, Text(MARKS[finding.verdict], style=COLOURS[finding.verdict]) if finding else Text(" "))


def _print_trust(result: Result, console: Console) -> None:
    """Print how it was measured: what workloads share, once."""
    measured = [workload for workload in result.workloads if workload.provenance is not None]
    for text in [*dict.fromkeys(map(source, measured)), *interval_words(measured)]:
        _print(Text(text, style="dim"), console)
    for workload in measured:
        _print(Text(f"{workload.name}: {effort(workload, pue=result.site.pue)}", style="dim"), console)
    if measured and result.site.pue != 1.0:
        _print(Text(f"Energy includes PUE {result.site.pue:g}, multiplied once.", style="dim"), console)
