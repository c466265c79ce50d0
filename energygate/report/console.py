"""The report on a terminal: verdict first, one table, then how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from energygate.gate import Verdict
from energygate.report.phrases import MARKS, effort, headline, rows, trust

if TYPE_CHECKING:
    from rich.console import Console

    from energygate.report.result import Result

COLOURS = {
    Verdict.PASS: "green",
    Verdict.WAIVED: "cyan",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
}


def print_report(result: Result, console: Console, *, quiet: bool, result_path: str | None) -> None:
    """Print a result for a person.

    Args:
        result: What the gate found.
        console: Where to; it decides about colour and width.
        quiet: Only the verdict's line.
        result_path: Where `result.json` was written; `None` when it was not.
    """
    verdict = result.verdict
    word = f"{MARKS[verdict]} {verdict.value.upper()}"
    first = Text.assemble((word, f"bold {COLOURS[verdict]}"), "  ", headline(result))
    console.print(first, soft_wrap=True)
    if quiet:
        return
    _print_table(result, console)
    for workload in result.workloads:
        if workload.error is not None:
            console.print(Text(f"{workload.error.message}"), style="red", soft_wrap=True)
            if workload.error.detail:
                _print_detail(workload.error.detail, console)
        for note in workload.notes:
            console.print(Text(f"{workload.name}: {note}", style="yellow"), soft_wrap=True)
    _print_trust(result, console)
    where = f"Details: {result_path}   " if result_path else ""
    console.print(Text(f"{where}({result.seconds:.0f} s)", style="dim"))


def _print_table(result: Result, console: Console) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for justify in ("left", "left", "left", "right", "left", "left", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for row in rows(result):
        mark = Text(MARKS[row.verdict], style=COLOURS[row.verdict]) if row.verdict else Text(" ")
        interval = Text(f"({row.interval})" if row.interval else "", style="dim")
        values = (Text(row.workload), row.metric, row.value, interval, Text(row.limit), Text(row.reason))
        table.add_row(Text.assemble("  ", mark), *values)
    if table.row_count:
        console.print()
        console.print(table, soft_wrap=not console.is_terminal)
        console.print()


def _print_detail(detail: str, console: Console) -> None:
    for line in detail.splitlines():
        console.print(Text(f"  | {line}", style="dim"), soft_wrap=True)


def _print_trust(result: Result, console: Console) -> None:
    """How it was measured: once for workloads that share it, since most do."""
    told = set()
    for workload in result.workloads:
        if workload.provenance is None:
            continue
        text = trust(workload)
        shared = text.partition(" codecarbon")[0]
        console.print(Text(f"{workload.name}: {effort(workload)}", style="dim"), soft_wrap=True)
        if shared not in told:
            told.add(shared)
            console.print(Text(text, style="dim"), soft_wrap=True)
    if result.site.pue != 1.0:
        console.print(Text(f"Energy includes PUE {result.site.pue:g}, multiplied once.", style="dim"))
