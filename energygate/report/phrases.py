"""The numbers, rows and short phrases that all reports share: one wording for console, comment and test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from energygate.gate import Verdict
from energygate.policy import METRICS, RELATIVE, format_number, format_quantity, scale_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from energygate.result.result import AgreementResult, FindingResult, MetricResult, WorkloadResult

MARKS = {
    Verdict.ERROR: "✗",
    Verdict.FAIL: "✗",
    Verdict.WARN: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.WAIVED: "w",
    Verdict.PASS: "✓",
}
"""One character per verdict, which must differ without colour; first what a reader needs to see first."""

ORDER = tuple(MARKS)

MINUS = "\N{MINUS SIGN}"

LIMIT_WORDS = {"max": "max ", "min": "min ", "max_increase": "at most +", "max_decrease": f"at most {MINUS}"}

MANY_PERCENT = 100
"""From here on a change has no decimals."""

Interval: TypeAlias = tuple[str, str]
"""The ends of an interval as text, without their unit."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A metric's numbers as text; base, head and head's interval share one unit.

    Attributes:
        base: `1.92`; `None` where base was not measured.
        head: `2.57`.
        unit: `µWh`.
        head_interval: `2.36` and `2.78`; `None` where head is exact or has no interval yet.
        change: `+33.8 %`, for shares `+0.6 points`; empty where it is not known.
        change_interval: `+32.9` and `+34.7`, in percent; `None` where the change is exact or has no interval yet.
    """

    base: str | None
    head: str
    unit: str
    head_interval: Interval | None
    change: str
    change_interval: Interval | None

    @property
    def value(self) -> str:
        """Head's value, behind base's where there is one: `1.92 → 2.57 µWh`."""
        before = "" if self.base is None else f"{self.base} → "
        return f"{before}{self.head} {self.unit}"

    def interval(self, kind: str) -> Interval | None:
        """Return the interval that a limit of this kind is judged by."""
        return self.change_interval if kind in RELATIVE else self.head_interval


def numbers(metric: MetricResult, *, scale: tuple[float, str] | None = None) -> Numbers:
    """Write a metric's numbers.

    Args:
        metric: The metric.
        scale: A factor and the unit that it leads to; chosen to suit the values by default.
    """
    values = [metric.head] if metric.base is None else [metric.base, metric.head]
    factor, unit = scale or scale_for(values, metric.unit)

    def write(value: float) -> str:
        return f"{value:,.0f}" if unit == "B" else format_number(value * factor)

    low, high, change = metric.head_low, metric.head_high, metric.change
    change_interval = None
    if change is not None and change.low is not None and change.high is not None and change.low != change.high:
        change_interval = (percent_number(change.low), percent_number(change.high))
    return Numbers(
        base=None if metric.base is None else write(metric.base),
        head=write(metric.head),
        unit=unit,
        head_interval=None if low is None or high is None or low == high else (write(low), write(high)),
        change=_change(metric),
        change_interval=change_interval,
    )


def _change(metric: MetricResult) -> str:
    if metric.base is not None and metric.unit == "ratio":
        points = (metric.head - metric.base) * 100
        return f"{_sign(points)}{abs(points):.1f} points" if points else "="
    return "" if metric.change is None else percent(metric.change.estimate)


def percent(change: float) -> str:
    """Write a relative change in percent with its sign, and as many digits as make sense: `+33.8 %`, `+0.24 %`."""
    return f"{percent_number(change)} %"


def percent_number(change: float, *, signed: bool = True) -> str:
    """Write the same without the unit: `+33.8`, or `33.8` without the sign."""
    size = abs(change) * 100
    digits = 0 if size >= MANY_PERCENT else 1 if size >= 1 else 2
    if round(size, digits) == 0:
        return "0"
    return f"{_sign(change) if signed else ''}{size:,.{digits}f}"


def _sign(change: float) -> str:
    return "+" if change > 0 else MINUS


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric of one workload, as every table shows it.

    Attributes:
        workload: The workload's name.
        label: The metric's name for people.
        metric: The metric.
        numbers: Its numbers as text.
        findings: The verdict on each of its limits, most urgent first.
    """

    workload: str
    label: str
    metric: MetricResult
    numbers: Numbers
    findings: tuple[FindingResult, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The most urgent verdict on its limits; `None` without a limit."""
        return self.findings[0].verdict if self.findings else None

    @property
    def is_pressing(self) -> bool:
        """Whether a reader must look at it."""
        return self.verdict not in {None, Verdict.PASS}

    @property
    def is_news(self) -> bool:
        """Whether it is pressing, or shown to change."""
        return self.is_pressing or self.metric.shows_change


def metric_rows(workload: WorkloadResult) -> list[MetricRow]:
    """List a workload's metrics that have limits; one without any shows its energy."""
    shown = {name: metric for name, metric in workload.metrics.items() if metric.findings}
    if not shown and (energy := workload.metrics.get("energy_per_request")) is not None:
        shown = {"energy_per_request": energy}
    return [
        MetricRow(
            workload=workload.name,
            label=label_of(name, workload),
            metric=metric,
            numbers=numbers(metric),
            findings=tuple(sorted(metric.findings, key=lambda one: urgency(one.verdict))),
        )
        for name, metric in shown.items()
    ]


def urgency(verdict: Verdict | None) -> int:
    """Return the verdict's place among what a reader must see first; no verdict comes last."""
    return len(ORDER) if verdict is None else ORDER.index(verdict)


def by_urgency(workloads: Iterable[WorkloadResult]) -> list[WorkloadResult]:
    """Sort workloads by verdict, then by how much their energy changed in either direction."""

    def key(workload: WorkloadResult) -> tuple[int, float]:
        metric = workload.metrics.get("energy_per_request")
        change = metric.change if metric else None
        size = abs(math.log1p(change.estimate)) if change and change.estimate > -1 else 0.0
        return urgency(workload.verdict), -size

    return sorted(workloads, key=key)


def label_of(name: str, workload: WorkloadResult) -> str:
    """Return a metric's name for people: `energy per request`, `energy per unit (tokens)`."""
    unit = workload.provenance.unit if workload.provenance and name == "energy_per_unit" else None
    return METRICS[name].label + (f" ({unit})" if unit else "")


def limit_text(finding: FindingResult) -> str:
    """Write a limit in words: `max 0.2 Wh`, `at most +5 %`."""
    return LIMIT_WORDS[finding.kind] + finding.limit_text


def agreement_text(agreement: AgreementResult) -> str:
    """Say how far head's answers agree with base's: `98.3 % of 360 answers agree with base's`."""
    what = "answer" if agreement.how == "classes" else "value"
    if not agreement.compared:
        return "both sides answer with nothing"
    if agreement.share == 1:
        whole = {1: f"the {what} agrees", 2: f"both {what}s agree"}
        return f"{whole.get(agreement.compared, f'all {agreement.compared:,} {what}s agree')} with base's"
    text = f"the {what} differs from base's"
    if agreement.compared > 1:
        share = format_quantity(agreement.share, "ratio")
        text = f"{share} of {agreement.compared:,} {what}s agree with base's"
    if agreement.how == "values" and agreement.largest_difference:
        text += f", the largest difference is {format_number(agreement.largest_difference)}"
    return text


def detail_lines(detail: str) -> list[str]:
    """Return the lines of a process's stderr without a traceback's frames in energygate's own code."""
    lines: list[str] = []
    ours = False
    for line in detail.splitlines():
        if line.startswith("  File "):
            ours = "energygate/workloads/energygate_worker/" in line.replace("\\", "/")
        elif not line.startswith("    "):
            ours = False
        if not ours and line != "Traceback (most recent call last):":
            lines.append(line)
    return lines


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things: `1 launch`, `1,234 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
