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
        interval: Head's interval in the same unit; empty for exact metrics, and while there is none.
        limit: The limit as the policy writes it; `no budget` for metrics without one.
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
            limit="no budget",
            reason="",
        )


def value_text(metric: MetricResult) -> str:
    """Head's value: `1.92 µWh`."""
    return format_quantity(metric.head, metric.unit)


def interval_text(metric: MetricResult) -> str:
    """Head's interval in the unit of its value: `1.71 … 2.10`; empty when there is none to show."""
    if metric.head_low is None or metric.head_high is None or metric.head_low == metric.head_high:
        return ""
    factor, _ = scale_for([metric.head], metric.unit)
    return f"{format_number(metric.head_low * factor)} … {format_number(metric.head_high * factor)}"


def limit_text(finding: FindingResult) -> str:
    """The limit in words: `max 0.2 Wh`, `at most +5 %`."""
    return LIMIT_WORDS[finding.kind] + finding.limit_text


def headline(result: Result) -> str:
    """The verdict in one line, in words and numbers, readable in a notification."""
    errors = [workload for workload in result.workloads if workload.error is not None]
    if errors and errors[0].error is not None:
        others = f" (and {_count(len(errors) - 1, 'more workload')})" if len(errors) > 1 else ""
        return f"{errors[0].name} could not be judged{others}: {errors[0].error.message}"
    if result.verdict is Verdict.PASS:
        return _all_kept(result)
    workload, name, metric, finding = next(_findings(result, result.verdict))
    more = sum(1 for _ in _findings(result, result.verdict)) - 1
    others = f" (and {_count(more, 'more budget')})" if more else ""
    return (
        f"{workload.name}: {METRICS[name].label} is {value_text(metric)}, {_against(metric, finding)}{others}"
    )


def _all_kept(result: Result) -> str:
    workloads = _count(len(result.workloads), "workload")
    limits = sum(len(metric.findings) for one in result.workloads for metric in one.metrics.values())
    if not limits:
        return f"{workloads} measured, no budget to hold {'it' if len(result.workloads) == 1 else 'them'} to"
    return f"{_count(limits, 'budget')} of {workloads} kept"


def _findings(
    result: Result, verdict: Verdict
) -> Iterator[tuple[WorkloadResult, str, MetricResult, FindingResult]]:
    for workload in result.workloads:
        for name, metric in workload.metrics.items():
            for finding in metric.findings:
                if finding.verdict is verdict:
                    yield workload, name, metric, finding


def _against(metric: MetricResult, finding: FindingResult) -> str:
    """How a value stands to a limit that it does not keep, or is not shown to keep."""
    limit = f"the limit of {finding.limit_text}"
    if finding.verdict is Verdict.INCONCLUSIVE:
        interval = interval_text(metric)
        if not interval:
            return f"not yet held to {limit}: {finding.reason}"
        return f"between {interval.replace(' … ', ' and ')}, too close to {limit} to tell"
    if finding.kind == "min":
        return f"below {limit}"
    if finding.kind != "max" or not finding.limit:
        return f"over {limit_text(finding)}"
    excess = metric.head / finding.limit
    if excess >= BIG_FACTOR:
        return f"{format_number(excess, digits=2)} times {limit}"
    return f"{format_number((excess - 1) * 100, digits=2)} % over {limit}"


def trust(workload: WorkloadResult) -> str:
    """How the numbers of a workload came about and how far to trust them, in two sentences."""
    provenance = workload.provenance
    if provenance is None:
        return ""
    share = f"{provenance.uncertainty * 100:.0f} %"
    wander = f"{provenance.drift_sd * 100:.0f} %"
    method = "Measured" if workload.method == "measured" else "Estimated"
    return (
        f"{method}: {provenance.source} ({provenance.citation}); absolute energy ± {share}. "
        f"Intervals hold whenever measuring stops and allow for this machine's own wander of ± {wander}."
    )


def effort(workload: WorkloadResult) -> str:
    """What the measuring took (launches, requests, time), and what codecarbon alone would have said."""
    provenance = workload.provenance
    if provenance is None:
        return ""
    launches = _count(len(provenance.launches), "launch", "launches")
    text = f"{launches}, {_count(provenance.requests, 'request')}, {provenance.seconds:.1f} s"
    if provenance.codecarbon_kwh_per_request is not None:
        alone = format_quantity(provenance.codecarbon_kwh_per_request, "kWh")
        text += f"; codecarbon {provenance.codecarbon_version} alone would have said {alone} per request"
    return text


def detail_lines(detail: str) -> list[str]:
    """A process's last words without what a traceback in them says of energygate's own code."""
    lines: list[str] = []
    ours = False
    for line in detail.splitlines():
        if line.startswith("  File "):
            ours = "energygate/workloads/worker.py" in line.replace("\\", "/")
        elif not line.startswith("    "):
            ours = False
        if not ours and line != "Traceback (most recent call last):":
            lines.append(line)
    return lines


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
