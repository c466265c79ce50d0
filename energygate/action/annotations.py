"""Annotations: what a reviewer sees at the policy's lines. Pure functions of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.forge.github.workflow_commands import Annotation, Level
from energygate.gate import Verdict
from energygate.report.phrases import common_scale, label_of, limit_text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Policy
    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

LEVELS = {
    Verdict.ERROR: (Level.ERROR, "could not be judged"),
    Verdict.FAIL: (Level.ERROR, "breaks its budget"),
    Verdict.WARN: (Level.WARNING, "is over a limit that only warns"),
    Verdict.INCONCLUSIVE: (Level.WARNING, "is undecided"),
    Verdict.WAIVED: (Level.NOTICE, "breaks a budget that is waived"),
}
"""Each verdict's severity and its words; a pass needs no annotation."""


def annotations_of(result: Result, *, policy: Policy | None, path: str) -> list[Annotation]:
    """Return the annotations, most severe first: GitHub shows ten of each level.

    Args:
        result: The result to annotate.
        policy: The policy as head has it, whose lines reviewers see; `None` when it cannot be read.
        path: Its path in the repository.
    """
    annotations = []
    for workload in result.workloads:
        for key, verdict, message in _remarks(workload):
            level, words = LEVELS[verdict]
            line = None if policy is None else policy.line(key)
            title = f"energygate: {workload.name} {words}"
            annotations.append(Annotation(level=level, title=title, message=message or words, file=path, line=line))
    return sorted(annotations, key=lambda one: list(Level).index(one.level))


def _remarks(workload: WorkloadResult) -> Iterator[tuple[tuple[str, ...], Verdict, str]]:
    """Yield keys of the policy with the verdict and the sentence to show there."""
    key = ("workloads", workload.name)
    findings = [
        (name, metric, finding)
        for name, metric in workload.metrics.items()
        for finding in metric.findings
        if finding.verdict in LEVELS
    ]
    if workload.error is not None:
        yield key, workload.verdict, workload.error.message
    elif not findings and workload.verdict in LEVELS:
        yield key, workload.verdict, "; ".join(workload.notes)
    for name, metric, finding in findings:
        yield (
            (*key, "budgets", name, finding.kind),
            finding.verdict,
            _sentence(workload, name, metric, finding),
        )


def _sentence(workload: WorkloadResult, name: str, metric: MetricResult, finding: FindingResult) -> str:
    shown = numbers(metric, scale=common_scale(name, [metric]))
    change = f" {shown.change}" if shown.change else ""
    reason = f" ({finding.reason})" if finding.reason else ""
    return f"{label_of(name, workload)} {shown.value}{change}, {limit_text(finding)}{reason}"
