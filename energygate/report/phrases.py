"""The sentences and numbers that every report shares: one wording for console, comment and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS, RELATIVE, format_number, format_quantity, scale_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import AgreementResult, FindingResult, MetricResult, Result, WorkloadResult

MARKS = {
    Verdict.PASS: "✓",
    Verdict.WAIVED: "w",
    Verdict.WARN: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.FAIL: "✗",
    Verdict.ERROR: "✗",
}
"""One character per verdict: they must differ without colour."""

MINUS = "\N{MINUS SIGN}"

LIMIT_WORDS = {"max": "max ", "min": "min ", "max_increase": "at most +", "max_decrease": f"at most {MINUS}"}

ORDER = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.WAIVED,
    Verdict.PASS,
)
"""What a reader needs to see first."""

MANY_PERCENT = 100
"""From here on a change has no digits behind the point."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One limit on one metric of one workload, with what was found, as text.

    Attributes:
        verdict: What came out.
        workload: The workload's name.
        metric: The metric's name for people.
        value: Head's value with its unit, behind base's where there is one: `1.92 → 2.57 µWh`.
        change: The change against base: `+33.8 %`; empty without a base.
        interval: What the verdict rests on: of the change for relative limits, else of head's value in its unit;
            empty for exact metrics, and while there is none.
        limit: The limit as the policy writes it; `no budget` for metrics without one.
        reason: Why, where the numbers alone do not say; empty otherwise.
    """

    verdict: Verdict | None
    workload: str
    metric: str
    value: str
    change: str
    interval: str
    limit: str
    reason: str


def rows(result: Result) -> list[Row]:
    """One row per finding, most pressing first; a workload without findings shows its energy."""
    found = [row for workload in result.workloads for row in _workload_rows(workload)]
    return sorted(found, key=lambda row: ORDER.index(row.verdict) if row.verdict else len(ORDER))


def _workload_rows(workload: WorkloadResult) -> Iterator[Row]:
    judged = False
    for name, metric in workload.metrics.items():
        for finding in metric.findings:
            judged = True
            yield Row(
                verdict=finding.verdict,
                workload=workload.name,
                metric=label_of(name, workload),
                value=value_text(metric),
                change=change_text(metric),
                interval=change_interval_text(metric) if finding.kind in RELATIVE else interval_text(metric),
                limit=limit_text(finding),
                reason=finding.reason or "",
            )
    if not judged and "energy_per_request" in workload.metrics:
        metric = workload.metrics["energy_per_request"]
        yield Row(
            verdict=None,
            workload=workload.name,
            metric=METRICS["energy_per_request"].label,
            value=value_text(metric),
            change=change_text(metric),
            interval=change_interval_text(metric) if metric.change else interval_text(metric),
            limit="no budget",
            reason="",
        )


def label_of(name: str, workload: WorkloadResult) -> str:
    """A metric for people: `energy per request`, `energy per unit (tokens)`."""
    unit = workload.provenance.unit if workload.provenance and name == "energy_per_unit" else None
    return METRICS[name].label + (f" ({unit})" if unit else "")


def value_text(metric: MetricResult) -> str:
    """Head's value: `1.92 µWh`; behind base's where there is one: `1.92 → 2.57 µWh`."""
    if metric.base is None:
        return format_quantity(metric.head, metric.unit)
    factor, unit = _scale(metric)
    return f"{format_number(metric.base * factor)} → {format_number(metric.head * factor)} {unit}"


def _scale(metric: MetricResult) -> tuple[float, str]:
    """One scale for all that stands side by side: base's value, head's, and its interval."""
    values = [metric.head] if metric.base is None else [metric.base, metric.head]
    return scale_for(values, metric.unit)


def change_text(metric: MetricResult) -> str:
    """The change against base: `+33.8 %`, for shares `+0.6 points`; empty where it is not known."""
    if metric.base is not None and metric.unit == "ratio":
        points = (metric.head - metric.base) * 100
        return f"{_sign(points)}{abs(points):.1f} points" if points else "="
    return "" if metric.change is None else percent(metric.change.estimate)


def change_interval_text(metric: MetricResult) -> str:
    """The interval of the change: `+32.9 … +34.7`; empty when there is none to show."""
    change = metric.change
    if change is None or change.low is None or change.high is None or change.low == change.high:
        return ""
    return f"{percent(change.low)} … {percent(change.high)}".replace(" %", "")


def percent(change: float) -> str:
    """A relative change in percent, with its sign and as many digits as make sense: `+33.8 %`, `+0.24 %`."""
    size = abs(change) * 100
    digits = 0 if size >= MANY_PERCENT else 1 if size >= 1 else 2
    text = f"{size:,.{digits}f}"
    return "0 %" if float(text.replace(",", "")) == 0 else f"{_sign(change)}{text} %"


def _sign(change: float) -> str:
    return "+" if change > 0 else MINUS


def interval_text(metric: MetricResult) -> str:
    """Head's interval in the unit of its value: `1.71 … 2.10`; empty when there is none to show."""
    if metric.head_low is None or metric.head_high is None or metric.head_low == metric.head_high:
        return ""
    factor, _ = _scale(metric)
    return f"{format_number(metric.head_low * factor)} … {format_number(metric.head_high * factor)}"


def limit_text(finding: FindingResult) -> str:
    """The limit in words: `max 0.2 Wh`, `at most +5 %`."""
    return LIMIT_WORDS[finding.kind] + finding.limit_text


def agreement_text(agreement: AgreementResult) -> str:
    """How far head's answers agree with base's: `98.3 % of 360 answers agree with base's`."""
    what = "answer" if agreement.how == "classes" else "value"
    if not agreement.compared:
        return "both sides answer with nothing"
    if agreement.share == 1:
        whole = f"all {agreement.compared:,} {what}s" if agreement.compared > 1 else f"the one {what}"
        return f"{whole} {'agree' if agreement.compared > 1 else 'agrees'} with base's"
    share = format_quantity(agreement.share, "ratio")
    text = f"{share} of {count(agreement.compared, what)} {'agree' if agreement.compared > 1 else 'agrees'} with base's"
    if agreement.how == "values" and agreement.largest_difference:
        text += f", the largest difference is {format_number(agreement.largest_difference)}"
    return text


def detail_lines(detail: str) -> list[str]:
    """A process's last words without what a traceback in them says of energygate's own code."""
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
    """A number of things: `1 launch`, `1,234 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
