"""The sentences and numbers that every report shares: one wording for console, comment and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS, format_number, format_quantity, scale_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.report.result import FindingResult, MetricResult, Result, WorkloadResult

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

BIG_FACTOR = 2.0
"""From here on an excess is told as a factor: "6.7 times the limit" reads better than "570 % over"."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One limit on one metric of one workload, with what was found, as text.

    Attributes:
        verdict: What came out.
        workload: The workload's name.
        metric: The metric's name for people.
        value: Head's value with its unit.
        interval: Head's interval in the same unit; empty for exact metrics.
        limit: The limit as the policy writes it; empty for metrics without one.
        reason: Why, where the numbers alone do not say; empty otherwise.
    """

    verdict: Verdict | None
    workload: str
    metric: str
    value: str
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
                metric=METRICS[name].label,
                value=value_text(metric),
                interval=interval_text(metric),
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
            interval=interval_text(metric),
            limit="",
            reason="no budget",
        )


def value_text(metric: MetricResult) -> str:
    """Head's value: `1.92 µWh`."""
    return format_quantity(metric.head, metric.unit)


def interval_text(metric: MetricResult) -> str:
    """Head's interval in the unit of its value: `1.71 … 2.10`; empty when there is none to show."""
    if metric.head_low is None or metric.head_high is None:
        return "not known yet"
    if metric.head_low == metric.head_high:
        return ""
    factor, _ = scale_for([metric.head], metric.unit)
    return f"{format_number(metric.head_low * factor)} … {format_number(metric.head_high * factor)}"


def limit_text(finding: FindingResult) -> str:
    """The limit in words: `max 0.2 Wh`, `at most +5 %`."""
    return LIMIT_WORDS[finding.kind] + finding.limit_text


def headline(result: Result) -> str:
    """The verdict in one line, in words and numbers, readable in a notification."""
    errors = [workload for workload in result.workloads if workload.verdict is Verdict.ERROR]
    if errors:
        others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{errors[0].name} could not be judged{others}"
    if result.verdict is Verdict.PASS:
        limits = sum(len(metric.findings) for one in result.workloads for metric in one.metrics.values())
        if not limits:
            return f"{_count(len(result.workloads), 'workload')} measured, no budget to hold them to"
        budgets, them = _count(limits, "budget"), _count(len(result.workloads), "workload")
        return f"{budgets} of {them} kept"
    workload, name, metric, finding = next(_findings(result, result.verdict))
    broken = sum(1 for _ in _findings(result, result.verdict)) - 1
    others = f" (and {_count(broken, 'more budget')})" if broken else ""
    return f"{workload.name}: {METRICS[name].label} {_against(metric, finding)}{others}"


def _findings(
    result: Result, verdict: Verdict
) -> Iterator[tuple[WorkloadResult, str, MetricResult, FindingResult]]:
    for workload in result.workloads:
        for name, metric in workload.metrics.items():
            for finding in metric.findings:
                if finding.verdict is verdict:
                    yield workload, name, metric, finding


def _against(metric: MetricResult, finding: FindingResult) -> str:
    if finding.verdict is Verdict.INCONCLUSIVE:
        return (
            f"is {value_text(metric)} ({interval_text(metric)}), too close to {limit_text(finding)} to tell"
        )
    excess = metric.head / finding.limit if finding.kind == "max" and finding.limit else None
    if excess is None:
        much = ""
    elif excess >= BIG_FACTOR:
        much = f", {format_number(excess, digits=2)} times the limit"
    else:
        much = f", {format_number((excess - 1) * 100, digits=2)} % over"
    return f"is {value_text(metric)}, {limit_text(finding)}{much}"


def trust(workload: WorkloadResult) -> str:
    """How the numbers of a workload came about and how far to trust them, in two sentences."""
    provenance = workload.provenance
    if provenance is None:
        return ""
    share = f"{provenance.uncertainty * 100:.0f} %"
    wander = f"{provenance.drift_sd * 100:.0f} %"
    method = "Measured" if workload.method == "measured" else "Estimated"
    text = (
        f"{method}: {provenance.source} ({provenance.citation}); absolute energy ± {share}. "
        f"Intervals hold whenever measuring stops and allow for this machine's own wander of ± {wander}."
    )
    if provenance.codecarbon_kwh_per_request is not None:
        alone = format_quantity(provenance.codecarbon_kwh_per_request, "kWh")
        text += f" codecarbon {provenance.codecarbon_version} alone would have said {alone} per request."
    return text


def effort(workload: WorkloadResult) -> str:
    """What the measuring took: launches, requests, time."""
    provenance = workload.provenance
    if provenance is None:
        return ""
    launches = _count(len(provenance.launches), "launch", "launches")
    return f"{launches}, {provenance.requests:,} requests, {provenance.seconds:.1f} s"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
