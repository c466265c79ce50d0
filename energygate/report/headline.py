"""The verdict in one line: the first thing that is read, and often the only one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import RELATIVE, format_number, format_quantity
from energygate.report.phrases import (
    MINUS,
    agreement_text,
    change_interval_text,
    count,
    interval_text,
    label_of,
    limit_text,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

MAX_NAME = 60
"""Characters of a workload's name."""

NEEDED = ("energy_per_request", "energy_per_unit")
"""The metrics that a workload is said to need more or less of."""

OF_MORE = {
    Verdict.FAIL: "broken",
    Verdict.WARN: "past its warning",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.WAIVED: "waived",
    Verdict.ERROR: "not measured",
}
"""What is said of further budgets with the headline's verdict."""

BIG_FACTOR = 2.0
"""From here on an excess is told as a factor: "6.7 times the limit" reads better than "570 % over"."""


@dataclass(frozen=True, kw_only=True)
class _Cause:
    """One budget that is not kept, or not shown to be."""

    workload: WorkloadResult
    name: str
    metric: MetricResult
    finding: FindingResult

    @property
    def weight(self) -> tuple[bool, float]:
        """What makes it worth more words than another: that it is about energy, and by which factor it is over."""
        if self.finding.kind not in RELATIVE:
            one, other = self.metric.head, self.finding.limit
        else:
            sign = 1 if self.finding.kind == "max_increase" else -1
            one, other = (
                1 + (self.metric.change.estimate if self.metric.change else 0),
                1 + sign * self.finding.limit,
            )
        over, limit = (one, other) if self.finding.kind in {"max", "max_increase"} else (other, one)
        return self.name in NEEDED, over / limit if limit > 0 else math.inf


def headline(result: Result) -> str:
    """The verdict in one line, in words and numbers, readable in a notification: of several causes the worst."""
    errors = [workload for workload in result.workloads if workload.error is not None]
    if errors and errors[0].error is not None:
        others = f" (and {count(len(errors) - 1, 'more workload')})" if len(errors) > 1 else ""
        return f"{_short(errors[0])} could not be judged{others}: {errors[0].error.message}"
    if result.verdict is Verdict.PASS:
        return _all_kept(result)
    causes = sorted(_causes(result), key=lambda one: one.weight, reverse=True)
    suffix = ", waived" if result.verdict is Verdict.WAIVED else ""
    if not causes:
        return _without_findings(result) + suffix
    rest = len(causes) - 1
    others = f"; {count(rest, 'more budget')} {OF_MORE[result.verdict]}" if rest else ""
    return _said(causes[0]) + suffix + others


def _causes(result: Result) -> Iterator[_Cause]:
    """The budgets that the result's verdict comes from."""
    for workload in result.workloads:
        for name, metric in workload.metrics.items():
            for finding in metric.findings:
                if finding.verdict is result.verdict:
                    yield _Cause(workload=workload, name=name, metric=metric, finding=finding)


def _short(workload: WorkloadResult) -> str:
    """A name that leaves room for the number behind it."""
    name = workload.name
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _said(cause: _Cause) -> str:
    if cause.finding.kind in RELATIVE:
        return _moved(cause)
    label = label_of(cause.name, cause.workload)
    value = format_quantity(cause.metric.head, cause.metric.unit)
    return f"{_short(cause.workload)}: {label} is {value}, {_against(cause.metric, cause.finding)}"


def _without_findings(result: Result) -> str:
    """A verdict on workloads as such: one was added or removed where that is not allowed."""
    first, *more = [workload for workload in result.workloads if workload.verdict is result.verdict]
    others = f" (and {count(len(more), 'more workload')})" if more else ""
    return f"{_short(first)}: {first.notes[0]}{others}"


def _moved(cause: _Cause) -> str:
    """How a change stands to a limit that it does not keep, or is not shown to keep."""
    metric, finding = cause.metric, cause.finding
    workload, label = _short(cause.workload), label_of(cause.name, cause.workload)
    signed = f"{'+' if finding.kind == 'max_increase' else MINUS}{finding.limit_text}"
    limit = f"(warns from {signed})" if finding.verdict is Verdict.WARN else f"(limit {signed})"
    if metric.change is None:
        return f"{workload}: {label} could not be compared with base {limit}"
    if finding.verdict is Verdict.INCONCLUSIVE:
        interval = change_interval_text(metric)
        if finding.reason or not interval:
            return f"{workload}: {label} is undecided, {finding.reason} {limit}"
        return f"{workload}: {label} changed by {interval.replace(' … ', ' to ')} %, undecided {limit}"
    estimate = metric.change.estimate
    if finding.kind == "max_increase" and estimate <= finding.limit and finding.reason:
        return f"{workload}: {finding.reason} {limit}"
    size = percent(abs(estimate)).lstrip("+")
    if cause.name in NEEDED:
        return f"{workload} needs {size} {'more' if estimate > 0 else 'less'} {label} {limit}"
    return f"{workload}: {label} {'rose' if estimate > 0 else 'fell'} by {size} {limit}"


def improvement(result: Result) -> str:
    """The largest saving of energy that is shown, as a clause; empty without one."""
    found = [
        (metric.change.high, workload, metric)
        for workload in result.workloads
        if (metric := workload.metrics.get("energy_per_request")) is not None
        and metric.change is not None
        and metric.incomparable is None
        and metric.change.high is not None
        and metric.change.high < 0
    ]
    if not found:
        return ""
    _, workload, metric = min(found, key=lambda one: one[0])
    assert metric.change is not None  # noqa: S101 - chosen for having one
    saved = percent(abs(metric.change.estimate)).lstrip("+")
    agreement = workload.comparison.agreement if workload.comparison else None
    answers = ""
    if agreement is not None:
        answers = ", answers unchanged" if agreement.share == 1 else f", but only {agreement_text(agreement)}"
    rest = len(found) - 1
    more = f"; {count(rest, 'more workload')} {'need' if rest > 1 else 'needs'} less, too" if rest else ""
    return f"{_short(workload)} needs {saved} less energy per request{answers}{more}"


def _all_kept(result: Result) -> str:
    measured = [one for one in result.workloads if one.provenance is not None]
    if not measured:
        return _nothing_measured(result)
    workloads = count(len(measured), "workload")
    limits = sum(len(metric.findings) for one in measured for metric in one.metrics.values())
    if not limits:
        return f"{workloads} measured, no budget to hold {'it' if len(measured) == 1 else 'them'} to"
    if len(measured) == 1 and (alone := improvement(result) or _about_energy(measured[0])):
        return alone
    saving = improvement(result)
    return f"{saving}; {_all(limits)} kept" if saving else f"{count(limits, 'budget')} of {workloads} kept"


def _all(limits: int) -> str:
    return "its budget" if limits == 1 else f"all {limits:,} budgets"


def _about_energy(workload: WorkloadResult) -> str:
    """How a single workload's energy stands to base; empty where that was not compared."""
    metric = workload.metrics.get("energy_per_request")
    interval = change_interval_text(metric) if metric else ""
    if metric is None or metric.change is None or metric.incomparable or not interval:
        return ""
    texts = [one.limit_text for one in metric.findings if one.kind == "max_increase"]
    limit = f"limit +{texts[0]}" if texts else "no limit on its change"
    if metric.change.low is not None and metric.change.low > 0:
        size = percent(metric.change.estimate).lstrip("+")
        return f"{_short(workload)} needs {size} more energy per request ({limit})"
    between = interval.replace(" … ", " to ")
    return f"{_short(workload)} needs as much energy per request as before ({between} %, {limit})"


def _nothing_measured(result: Result) -> str:
    removed = sum(1 for one in result.workloads if one.state == "removed")
    unchanged = len(result.workloads) - removed
    parts = [f"{count(unchanged, 'workload')} identical to base, not measured"] if unchanged else []
    parts += [f"{count(removed, 'workload')} removed"] if removed else []
    return "; ".join(parts)


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
