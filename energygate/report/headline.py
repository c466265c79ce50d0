"""The verdict in one line: the first thing that is read, and often the only one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import RELATIVE, format_number
from energygate.report.phrases import (
    MINUS,
    agreement_text,
    common_scale,
    count,
    label_of,
    limit_text,
    numbers,
    percent_number,
)

if TYPE_CHECKING:
    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

MAX_NAME = 60
"""Characters of a workload's name."""

NEEDED = ("energy_per_request", "energy_per_unit")
"""The metrics that a workload needs more or less of."""

OF_MORE = {
    Verdict.FAIL: "broken",
    Verdict.WARN: "past its warning",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.WAIVED: "waived",
    Verdict.ERROR: "not measured",
}
"""How further budgets with the headline's verdict are described."""

TOO_VAGUE = "its launches differ too much"
"""Why an interval says nothing, where it is not that there are too few launches for one."""

BIG_FACTOR = 2.0
"""From here on an excess is given as a factor: "6.7 times the limit" reads better than "570 % over"."""


@dataclass(frozen=True, kw_only=True)
class _Cause:
    """A budget that is broken, or not shown to be kept."""

    workload: WorkloadResult
    name: str
    metric: MetricResult
    finding: FindingResult

    @property
    def weight(self) -> tuple[bool, float]:
        """What makes it worth more words than another: that it is about energy, and by which factor it is over."""
        kind, limit = self.finding.kind, self.finding.limit
        value = self.metric.head
        if kind in RELATIVE:
            value = 1 + (self.metric.change.estimate if self.metric.change else 0)
            limit = 1 + limit if kind == "max_increase" else 1 - limit
        over, under = (value, limit) if kind in {"max", "max_increase"} else (limit, value)
        return self.name in NEEDED, over / under if under > 0 else math.inf


def headline(result: Result) -> str:
    """Return the verdict in words and numbers, readable in a notification: of several causes the worst."""
    failed = [workload for workload in result.workloads if workload.error is not None]
    if failed and failed[0].error is not None:
        others = f" (and {count(len(failed) - 1, 'more workload')})" if len(failed) > 1 else ""
        return f"{_short(failed[0])} could not be judged{others}: {failed[0].error.message}"
    if result.verdict is Verdict.PASS:
        return _all_kept(result)
    suffix = ", waived" if result.verdict is Verdict.WAIVED else ""
    if whole := judged_as_a_whole(result):
        others = f" (and {count(len(whole) - 1, 'more workload')})" if len(whole) > 1 else ""
        return f"{_short(whole[0])}: {whole[0].notes[0]}{others}{suffix}"
    causes = sorted(_causes(result), key=lambda one: one.weight, reverse=True)
    rest = len(causes) - 1
    others = f"; {count(rest, 'more budget')} {OF_MORE[result.verdict]}" if rest else ""
    return _broken(causes[0]) + suffix + others


def judged_as_a_whole(result: Result) -> list[WorkloadResult]:
    """List the workloads whose first note is the headline: no limit decided, as where one may not be removed."""
    if result.verdict is Verdict.PASS or _causes(result) or any(one.error for one in result.workloads):
        return []
    return [workload for workload in result.workloads if workload.verdict is result.verdict]


def _causes(result: Result) -> list[_Cause]:
    """List the budgets that the result's verdict comes from."""
    return [
        _Cause(workload=workload, name=name, metric=metric, finding=finding)
        for workload in result.workloads
        for name, metric in workload.metrics.items()
        for finding in metric.findings
        if finding.verdict is result.verdict
    ]


def _short(workload: WorkloadResult) -> str:
    """Return a name that leaves room for the number behind it."""
    name = workload.name
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _broken(cause: _Cause) -> str:
    if cause.finding.kind in RELATIVE:
        return _change_over(cause)
    label = label_of(cause.name, cause.workload)
    shown = numbers(cause.metric, scale=common_scale(cause.name, [cause.metric]))
    value, over = f"{shown.head} {shown.unit}", _value_over(cause.metric, cause.finding)
    if cause.finding.verdict is Verdict.INCONCLUSIVE:
        limit = f"the limit of {cause.finding.limit_text}"
        over = f"not yet compared with {limit}: {cause.finding.reason or TOO_VAGUE}"
        if shown.head_interval is not None:
            value, over = f"{value} ({shown.head_interval})", f"too close to {limit} to tell"
    return f"{_short(cause.workload)}: {label} is {value}, {over}"


def _change_over(cause: _Cause) -> str:
    """Compare a change with the limit that it breaks, or is not shown to keep."""
    metric, finding = cause.metric, cause.finding
    workload, label = _short(cause.workload), label_of(cause.name, cause.workload)
    signed = f"{'+' if finding.kind == 'max_increase' else MINUS}{finding.limit_text}"
    limit = f"(warns from {signed})" if finding.verdict is Verdict.WARN else f"(limit {signed})"
    if metric.change is None:
        return f"{workload}: {label} could not be compared with base {limit}"
    if finding.verdict is Verdict.INCONCLUSIVE:
        interval = numbers(metric).change_interval
        if finding.reason or interval is None:
            return f"{workload}: {label} is undecided, {finding.reason or TOO_VAGUE} {limit}"
        return f"{workload}: {label} changed by {interval}, undecided {limit}"
    estimate = metric.change.estimate
    if finding.kind == "max_increase" and estimate <= finding.limit and finding.reason:
        return f"{workload}: {finding.reason} {limit}"
    size = _size(estimate)
    if cause.name in NEEDED:
        return f"{workload} needs {size} {'more' if estimate > 0 else 'less'} {label} {limit}"
    return f"{workload}: {label} {'rose' if estimate > 0 else 'fell'} by {size} {limit}"


def _value_over(metric: MetricResult, finding: FindingResult) -> str:
    """Compare a value with the limit that it breaks."""
    limit = f"the limit of {finding.limit_text}"
    if finding.kind == "min":
        return f"below {limit}"
    if finding.kind != "max" or not finding.limit:
        return f"over {limit_text(finding)}"
    excess = metric.head / finding.limit
    if excess >= BIG_FACTOR:
        return f"{format_number(excess, digits=2)} times {limit}"
    return f"{format_number((excess - 1) * 100, digits=2)} % over {limit}"


def _size(change: float) -> str:
    return f"{percent_number(change, signed=False)} %"


def improvement(result: Result) -> str:
    """Return the largest saving of energy that is shown, as a clause; empty without one."""
    found = [
        (change.high, workload, change.estimate)
        for workload in result.workloads
        if (metric := workload.metrics.get("energy_per_request")) is not None
        and (change := metric.shown_change) is not None
        and metric.incomparable is None
        and change.high is not None
        and change.high < 0
    ]
    if not found:
        return ""
    _, workload, estimate = min(found, key=lambda one: one[0])
    agreement = workload.comparison.agreement if workload.comparison else None
    answers = ""
    if agreement is not None:
        only = "only " if agreement.compared > 1 else ""
        answers = ", answers unchanged" if agreement.share == 1 else f", but {only}{agreement_text(agreement)}"
    rest = len(found) - 1
    more = f"; {count(rest, 'more workload')} {'need' if rest > 1 else 'needs'} less, too" if rest else ""
    return f"{_short(workload)} needs {_size(estimate)} less energy per request{answers}{more}"


def _all_kept(result: Result) -> str:
    measured = [one for one in result.workloads if one.provenance is not None]
    if not measured:
        return _nothing_measured(result)
    workloads = count(len(measured), "workload")
    limits = sum(len(metric.findings) for one in measured for metric in one.metrics.values())
    saving = improvement(result)
    if not limits:
        return f"{workloads} measured, no budgets"
    if len(measured) == 1 and (alone := saving or _about_energy(measured[0])):
        return alone
    kept = "its budget" if limits == 1 else f"all {limits:,} budgets"
    return f"{saving}; {kept} kept" if saving else f"{count(limits, 'budget')} of {workloads} kept"


def _about_energy(workload: WorkloadResult) -> str:
    """Compare a single workload's energy with base's; empty where that was not compared."""
    metric = workload.metrics.get("energy_per_request")
    interval = numbers(metric).change_interval if metric else None
    if metric is None or metric.shown_change is None or metric.incomparable or not interval:
        return ""
    texts = [one.limit_text for one in metric.findings if one.kind == "max_increase"]
    limit = f"limit +{texts[0]}" if texts else "no limit on its change"
    if metric.shown_change.low is not None and metric.shown_change.low > 0:
        return f"{_short(workload)} needs {_size(metric.shown_change.estimate)} more energy per request ({limit})"
    return f"{_short(workload)} needs as much energy per request as before ({interval}, {limit})"


def _nothing_measured(result: Result) -> str:
    removed = sum(1 for one in result.workloads if one.state == "removed")
    unchanged = len(result.workloads) - removed
    parts = [f"{count(unchanged, 'workload')} identical to base, not measured"] if unchanged else []
    parts += [f"{count(removed, 'workload')} removed"] if removed else []
    return "; ".join(parts)
