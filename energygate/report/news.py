"""What is new in a result for whoever reviews the change: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate import Verdict

if TYPE_CHECKING:
    from energygate.result.result import MetricResult, Result, WorkloadResult

ONE_SIDED = frozenset({"added", "removed", "renamed"})
"""States of workloads that base and head do not name alike."""


def energy_change(result: Result) -> float | None:
    """Give the greatest change of the energy per request, as a fraction: 0.05 is +5 %.

    Returns:
        The worst of all workloads: the largest rise, or the smallest fall where all fell. `None` where none was
        compared; a change between numbers that must not be compared does not count.
    """
    return max(
        (
            metric.change.estimate
            for workload in result.workloads
            if (metric := workload.metrics.get("energy_per_request")) is not None
            and metric.change is not None
            and metric.incomparable is None
        ),
        default=None,
    )


def is_changed(result: Result) -> bool:
    """Tell whether there is something that a reviewer should see.

    That is a verdict other than `pass`, an error, a change of a metric with a budget that is shown (its interval
    leaves zero out), a workload that was added, removed or renamed, and another policy.
    """
    return (
        result.verdict is not Verdict.PASS or result.policy_changed or any(map(_is_changed, result.workloads))
    )


def _is_changed(workload: WorkloadResult) -> bool:
    return (
        workload.verdict is not Verdict.PASS
        or workload.error is not None
        or workload.state in ONE_SIDED
        or any(metric.findings and is_shown_to_change(metric) for metric in workload.metrics.values())
    )


def is_shown_to_change(metric: MetricResult) -> bool:
    """Tell whether head is shown to differ from base: the interval of the change leaves zero out."""
    change = metric.change
    if change is None:
        # From zero there is no relative change; where both sides are exact they still differ.
        exact = metric.head_low == metric.head_high == metric.head
        return exact and metric.base is not None and metric.base != metric.head
    return (change.low is not None and change.low > 0) or (change.high is not None and change.high < 0)
