"""Waiving what fails by a label on the pull request: the numbers stay, and who accepted them is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate import Verdict, worst
from energygate.text import printable

if TYPE_CHECKING:
    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

MAX_NAME = 100
"""Characters of a label's or a user's name that are shown; GitHub allows 50 and 39."""

MAX_DAY = 30


def waive_by_label(result: Result, *, label: str, who: str, when: str) -> Result:
    """Turn failures into waived ones, as a label on the pull request asks.

    Only a failure is waived: an error has no number that could be accepted, and an inconclusive verdict is not shown
    to be over its limit.

    Args:
        result: What the gate found.
        label: The label's name.
        who: Who set it.
        when: The day, or the time in ISO 8601, of which the day is shown.

    Returns:
        The result with every failed finding and verdict waived for that reason, and a note that says so; the result
        itself when nothing fails. Names are on one line and no longer than `MAX_NAME`; reports escape them.
    """
    day = printable(when.partition("T")[0], max_length=MAX_DAY)
    label, who = (printable(name, max_length=MAX_NAME) for name in (label, who))
    reason = f"waived by label {label}, set by {who} on {day}"
    workloads = tuple(_waived(one, reason) for one in result.workloads)
    if workloads == result.workloads:
        return result
    return result.model_copy(
        update={
            "workloads": workloads,
            "verdict": worst(one.verdict for one in workloads),
            "notes": (reason, *result.notes),
        }
    )


def _waived(workload: WorkloadResult, reason: str) -> WorkloadResult:
    metrics = {name: _waived_metric(metric, reason) for name, metric in workload.metrics.items()}
    if workload.verdict is not Verdict.FAIL:  # an error stays one, though one of its limits may be broken as well
        return workload.model_copy(update={"metrics": metrics})
    verdicts = [finding.verdict for metric in metrics.values() for finding in metric.findings]
    return workload.model_copy(update={"metrics": metrics, "verdict": worst([Verdict.WAIVED, *verdicts])})


def _waived_metric(metric: MetricResult, reason: str) -> MetricResult:
    return metric.model_copy(update={"findings": tuple(_waived_finding(one, reason) for one in metric.findings)})


def _waived_finding(finding: FindingResult, reason: str) -> FindingResult:
    if finding.verdict is not Verdict.FAIL:
        return finding
    both = f"{reason}; {finding.reason}" if finding.reason else reason
    return finding.model_copy(update={"verdict": Verdict.WAIVED, "reason": both})
