"""The comment's table: one row per metric with its limits, narrow enough for a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import RELATIVE
from energygate.report.phrases import MINUS, NOT_KNOWN, by_urgency, metric_rows, urgency
from energygate.report.safe_markdown import NO_BREAK_SPACE, code, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.report.phrases import MetricRow
    from energygate.result.result import MetricResult, Result

SIGNS = {
    Verdict.PASS: "✅",
    Verdict.WAIVED: "🔕",
    Verdict.WARN: "⚠️",
    Verdict.INCONCLUSIVE: "❓",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
}
"""One picture per verdict, beside the limit that it is about."""

LIMITS = {"max": "≤ ", "min": "≥ ", "max_increase": "+", "max_decrease": MINUS}
"""How a limit is written in its column: `+5 %` of change, `≤ 2 µWh`."""

NUMBER_WIDTH = 40
"""Characters of a number with its unit; only a forged one has more."""


def table_rows(result: Result) -> list[MetricRow]:
    """List all rows, the most urgent workload first, and of each what is pressing, then what changed."""
    workloads = by_urgency(result.workloads)
    place = {workload.name: place for place, workload in enumerate(workloads)}
    return sorted(
        metric_rows(workloads),
        key=lambda row: (place[row.workload], urgency(row.verdict), not row.metric.shows_change),
    )


def table(rows: Sequence[MetricRow]) -> list[str]:
    """Return the rows as a table of at most three columns, which is what a phone has room for; empty without rows."""
    if not rows:
        return []
    compared = any(row.numbers.base is not None or row.numbers.change for row in rows)
    columns = [(f"head{_below('interval')}", ":--"), ("limit", ":--")]
    if compared:
        columns = [("base → head", ":--"), (f"change{_below('interval')}", "--:"), ("limit", ":--")]
    header = [[name for name, _ in columns], [rule for _, rule in columns]]
    above = ["", *(row.workload for row in rows)]
    cells = [_cells(row, compared=compared, named=row.workload != name) for row, name in zip(rows, above, strict=False)]
    return [f"| {' | '.join(row)} |" for row in (*header, *cells)]


def _cells(row: MetricRow, *, compared: bool, named: bool) -> list[str]:
    """Return a row's cells; the workload's name is only in the first of its rows."""
    numbers = row.numbers
    name = f"{code(row.workload)} " if named else ""
    value = _number(f"{numbers.head} {numbers.unit}")
    if numbers.base is not None:
        value = f"{_number(numbers.base)}{NO_BREAK_SPACE}→{NO_BREAK_SPACE}{value}"
    if not compared or (numbers.head_interval and _shows_head_interval(row.metric)):
        value += _interval(numbers.head_interval)
    change = (text if row.metric.unit == "ratio" else _number)(numbers.change)
    if change and row.is_news and numbers.change_interval is not None:
        change = f"<b>{change}</b>"
    limits = [
        f"{SIGNS[one.verdict]}{NO_BREAK_SPACE}{_number(LIMITS[one.kind] + one.limit_text)}" for one in row.findings
    ]
    return [
        f"{name}{text(row.label, limit=NUMBER_WIDTH)}<br>{value}",
        *([("new" if numbers.base is None else change) + _interval(numbers.change_interval)] if compared else []),
        "<br>".join(limits) or "no budget",
    ]


def _shows_head_interval(metric: MetricResult) -> bool:
    """Beside a change, head's own interval matters only where an absolute limit is not simply kept."""
    return metric.change is None or any(
        one.kind not in RELATIVE and one.verdict is not Verdict.PASS for one in metric.findings
    )


def _number(value: str) -> str:
    """Keep a number and its unit in one piece: on a phone lines break between numbers, never inside."""
    return text(value, limit=NUMBER_WIDTH).replace(" ", NO_BREAK_SPACE)


def _interval(interval: str | None) -> str:
    return _below(NOT_KNOWN if interval is None else interval)


def _below(small: str) -> str:
    """Write in small print below a value: side by side they would be too wide for a phone."""
    return f"<br><sub>{text(small, limit=NUMBER_WIDTH)}</sub>" if small else ""
