"""The comment's table: one row per limit, most pressing first, narrow enough for a phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.report.escaping import code, text
from energygate.report.phrases import (
    ORDER,
    RELATIVE,
    change_interval_text,
    change_text,
    interval_text,
    label_of,
    limit_text,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.report.result import FindingResult, MetricResult, Result, WorkloadResult

SIGNS = {
    Verdict.PASS: "✅",
    Verdict.WAIVED: "🔕",
    Verdict.WARN: "⚠️",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
}
"""One picture per verdict; its word stands in the same row, for those who see or hear only that."""

NUMBER_WIDTH = 40
"""Characters of a number with its unit; only a forged one has more."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One limit on one metric of one workload, as text that is not escaped yet.

    Attributes:
        verdict: What came out; `None` without a budget.
        workload: The workload's name.
        metric: The metric's name for people.
        base: Base's value, in the unit that stands behind head's; empty where base was not measured.
        head: Head's value with its unit.
        head_interval: What an absolute limit was judged by; empty otherwise.
        change: The change against base; empty without a base.
        change_interval: Its interval; empty while there is none.
        limit: The limit as the policy writes it.
        reason: Why, where the numbers alone do not say.
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
    limit: str
    reason: str
    changed: bool

    @property
    def is_pressing(self) -> bool:
        """Whether a reader must look at it."""
        return self.verdict not in {None, Verdict.PASS}


def table_lines(result: Result) -> list[Line]:
    """All rows, most pressing first, and among those of one verdict the changed ones first."""
    found = [line for workload in result.workloads for line in _workload_lines(workload)]
    return sorted(found, key=_rank)


def _rank(line: Line) -> tuple[int, bool]:
    return (len(ORDER) if line.verdict is None else ORDER.index(line.verdict), not line.changed)


def _workload_lines(workload: WorkloadResult) -> Iterator[Line]:
    judged = [
        (name, metric, finding) for name, metric in workload.metrics.items() for finding in metric.findings
    ]
    yield from (_line(workload, *one) for one in judged)
    energy = workload.metrics.get("energy_per_request")
    if not judged and energy is not None:
        yield _line(workload, "energy_per_request", energy, None)


def _line(workload: WorkloadResult, name: str, metric: MetricResult, finding: FindingResult | None) -> Line:
    before, arrow, after = value_text(metric).partition(" → ")
    absolute = finding.kind not in RELATIVE if finding else metric.change is None
    return Line(
        verdict=finding.verdict if finding else None,
        workload=workload.name,
        metric=label_of(name, workload),
        base=before if arrow else "",
        head=after if arrow else before,
        head_interval=interval_text(metric) if absolute else "",
        change=change_text(metric),
        change_interval=change_interval_text(metric),
        limit=limit_text(finding) if finding else "no budget",
        reason=(finding.reason or "") if finding else "",
        changed=_changed(metric),
    )


def _changed(metric: MetricResult) -> bool:
    change = metric.change
    if change is None:
        return False
    return (change.low is not None and change.low > 0) or (change.high is not None and change.high < 0)


def table(lines: Sequence[Line]) -> list[str]:
    """The rows as a table; empty without rows. Base and change have columns where any row has them."""
    if not lines:
        return []
    compared = any(line.base or line.change for line in lines)
    columns = [("workload", "---"), ("head", "--:"), ("budget", "---"), ("verdict", "---")]
    if compared:
        columns[1:2] = [("base", "--:"), ("head", "--:"), ("change", "--:")]
    header = [[name for name, _ in columns], [rule for _, rule in columns]]
    return [
        f"| {' | '.join(cells)} |"
        for cells in (*header, *(_cells(line, compared=compared) for line in lines))
    ]


def _cells(line: Line, *, compared: bool) -> list[str]:
    sign = f"{SIGNS[line.verdict]} " if line.verdict else ""
    numbers = [_number(line.head, line.head_interval)]
    if compared:
        change = _number(line.change, line.change_interval, strong=line.is_pressing or line.changed)
        numbers = [_number(line.base), *numbers, change]
    return [
        f"{sign}{code(line.workload)}<br>{text(line.metric, limit=NUMBER_WIDTH)}",
        *numbers,
        text(line.limit, limit=NUMBER_WIDTH),
        line.verdict.value if line.verdict else "",
    ]


def _number(value: str, interval: str = "", *, strong: bool = False) -> str:
    """A value with its interval below it: side by side they would be too wide for a phone."""
    shown = text(value, limit=NUMBER_WIDTH)
    if strong and shown:
        shown = f"<b>{shown}</b>"
    return f"{shown}<br><sub>{text(interval, limit=NUMBER_WIDTH)}</sub>" if interval else shown
