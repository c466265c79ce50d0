"""The comment's table: one row per metric with its limits, narrow enough for a phone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import RELATIVE
from energygate.report.escaping import code, text
from energygate.report.markdown_parts import NO_BREAK_SPACE
from energygate.report.news import is_shown_to_change
from energygate.report.phrases import (
    MINUS,
    ORDER,
    change_interval_text,
    change_text,
    interval_text,
    label_of,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.result.result import MetricResult, Result, WorkloadResult

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


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric of one workload with all limits on it, as text that is not escaped yet.

    Attributes:
        verdict: The most pressing of its limits' verdicts; `None` without a budget.
        workload: The workload's name.
        metric: The metric's name for people.
        base: Base's value, in the unit that stands behind head's; empty where base was not measured.
        head: Head's value with its unit.
        head_interval: What an absolute limit was judged by; empty where that is of no interest.
        change: The change against base; empty without a base.
        change_interval: Its interval; empty while there is none.
        limits: Each limit as it is shown, with its own verdict.
        reasons: Why, where the numbers alone do not say.
        changed: Whether head is shown to differ from base: the interval leaves zero out.
    """

    verdict: Verdict | None
    workload: str
    metric: str
    base: str
    head: str
    head_interval: str
    change: str
    change_interval: str
    limits: tuple[tuple[Verdict, str], ...]
    reasons: tuple[str, ...]
    changed: bool

    @property
    def is_pressing(self) -> bool:
        """Whether a reader must look at it."""
        return self.verdict not in {None, Verdict.PASS}

    @property
    def is_telling(self) -> bool:
        """Whether there is news in it: it is pressing, or it changed."""
        return self.is_pressing or self.changed


def table_lines(result: Result) -> list[Line]:
    """All rows, workload by workload: the most urgent first, and of each what is pressing, then what changed."""
    return [line for workload in sorted(result.workloads, key=_urgency) for line in _workload_lines(workload)]


def news_first(lines: Sequence[Line]) -> list[Line]:
    """The same for more rows than a reader will read: first all that are pressing, then all that changed."""
    return sorted(lines, key=lambda line: 0 if line.is_pressing else 1 if line.changed else 2)


def _urgency(workload: WorkloadResult) -> tuple[int, float]:
    """Whose rows come first: by verdict, then by how much its energy changed, in either direction."""
    metric = workload.metrics.get("energy_per_request")
    moved = metric is not None and metric.change is not None and metric.change.estimate > -1
    size = abs(math.log1p(metric.change.estimate)) if moved and metric and metric.change else 0.0
    return ORDER.index(workload.verdict), -size


def _workload_lines(workload: WorkloadResult) -> Iterator[Line]:
    judged = [(name, metric) for name, metric in workload.metrics.items() if metric.findings]
    energy = workload.metrics.get("energy_per_request")
    if not judged and energy is not None:
        judged = [("energy_per_request", energy)]
    lines = [_line(workload, name, metric) for name, metric in judged]
    yield from sorted(lines, key=lambda line: (_rank(line.verdict), not line.changed))


def _rank(verdict: Verdict | None) -> int:
    return len(ORDER) if verdict is None else ORDER.index(verdict)


def _line(workload: WorkloadResult, name: str, metric: MetricResult) -> Line:
    before, arrow, after = value_text(metric).partition(" → ")
    findings = sorted(metric.findings, key=lambda one: ORDER.index(one.verdict))
    return Line(
        verdict=findings[0].verdict if findings else None,
        workload=workload.name,
        metric=label_of(name, workload),
        base=before if arrow else "",
        head=after if arrow else before,
        head_interval=interval_text(metric) if _shows_head_interval(metric) else "",
        change=change_text(metric),
        change_interval=change_interval_text(metric),
        limits=tuple((one.verdict, LIMITS[one.kind] + one.limit_text) for one in findings),
        reasons=tuple(one.reason for one in findings if one.reason),
        changed=is_shown_to_change(metric),
    )


def _shows_head_interval(metric: MetricResult) -> bool:
    """Beside a change, head's own interval matters only where an absolute limit is not simply kept."""
    open_limits = [
        one for one in metric.findings if one.kind not in RELATIVE and one.verdict is not Verdict.PASS
    ]
    return metric.change is None or bool(open_limits)


def table(lines: Sequence[Line]) -> list[str]:
    """The rows as a table of at most three columns, which is what a phone has room for; empty without rows."""
    if not lines:
        return []
    compared = any(line.base or line.change for line in lines)
    columns = [("head", ":--"), ("limit", ":--")]
    if compared:
        columns = [("base → head", ":--"), ("change", "--:"), ("limit", ":--")]
    header = [[name for name, _ in columns], [rule for _, rule in columns]]
    above = ["", *(line.workload for line in lines)]
    cells = [
        _cells(line, compared=compared, named=line.workload != name)
        for line, name in zip(lines, above, strict=False)
    ]
    return [f"| {' | '.join(row)} |" for row in (*header, *cells)]


def _cells(line: Line, *, compared: bool, named: bool) -> list[str]:
    """A row's cells; the workload's name stands only in the first of its rows."""
    name = f"{code(line.workload)} " if named else ""
    value = _number(line.head)
    if line.base:
        value = f"{_number(line.base)}{NO_BREAK_SPACE}→{NO_BREAK_SPACE}{value}"
    change = _number(line.change).replace(f"{NO_BREAK_SPACE}points", " points")
    if change and line.is_telling:
        change = f"<b>{change}</b>"
    limits = [f"{SIGNS[verdict]}{NO_BREAK_SPACE}{_number(limit)}" for verdict, limit in line.limits]
    return [
        f"{name}{text(line.metric, limit=NUMBER_WIDTH)}<br>{value}{_interval(line.head_interval)}",
        *([(change if line.base else "new") + _interval(line.change_interval)] if compared else []),
        "<br>".join(limits) or "no budget",
    ]


def _number(value: str) -> str:
    """A number that stays in one piece with its unit: on a phone lines break between numbers, never inside."""
    return text(value, limit=NUMBER_WIDTH).replace(" ", NO_BREAK_SPACE)


def _interval(interval: str) -> str:
    """An interval in small print below its value: side by side they would be too wide for a phone."""
    return f"<br><sub>{text(interval.replace(' … ', ' to '), limit=NUMBER_WIDTH)}</sub>" if interval else ""
