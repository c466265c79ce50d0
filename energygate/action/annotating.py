"""Annotations: what a reviewer sees at the policy's lines. Pure functions of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.forge.github.workflow_commands import Annotation, Level
from energygate.gate import Verdict
from energygate.report.phrases import label_of, limit_text, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Policy
    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

LEVELS = {
    Verdict.ERROR: Level.ERROR,
    Verdict.FAIL: Level.ERROR,
    Verdict.WARN: Level.WARNING,
    Verdict.INCONCLUSIVE: Level.WARNING,
    Verdict.WAIVED: Level.NOTICE,
}
"""What is worth an annotation: everything but a pass."""

SAID = {
    Verdict.ERROR: "could not be judged",
    Verdict.FAIL: "breaks its budget",
    Verdict.WARN: "is past its warning",
    Verdict.INCONCLUSIVE: "is undecided",
    Verdict.WAIVED: "breaks a budget that is waived",
}


def annotations_of(result: Result, *, policy: Policy | None, path: str) -> list[Annotation]:
    """What to annotate, the gravest first: GitHub shows ten of each level.

    Args:
        result: What the gate found.
        policy: The policy as head has it, whose lines reviewers see; `None` when it cannot be read.
        path: Its path in the repository.
    """
    found = [one for workload in result.workloads for one in _of(workload, policy, path)]
    return sorted(found, key=lambda one: list(Level).index(one.level))


def _of(workload: WorkloadResult, policy: Policy | None, path: str) -> Iterator[Annotation]:
    findings = [
        (name, metric, finding)
        for name, metric in workload.metrics.items()
        for finding in metric.findings
        if finding.verdict in LEVELS
    ]
    if workload.error is not None:
        yield _at(
            path, policy, ("workloads", workload.name), workload, workload.verdict, workload.error.message
        )
    elif not findings and workload.verdict in LEVELS:
        yield _at(
            path, policy, ("workloads", workload.name), workload, workload.verdict, "; ".join(workload.notes)
        )
    for name, metric, finding in findings:
        place = ("workloads", workload.name, "budgets", name, finding.kind)
        yield _at(path, policy, place, workload, finding.verdict, _sentence(workload, name, metric, finding))


def _at(  # noqa: PLR0913, PLR0917 - an annotation's parts
    path: str,
    policy: Policy | None,
    place: tuple[str, ...],
    workload: WorkloadResult,
    verdict: Verdict,
    message: str,
) -> Annotation:
    return Annotation(
        level=LEVELS[verdict],
        title=f"energygate: {workload.name} {SAID[verdict]}",
        message=message or SAID[verdict],
        file=path,
        line=None if policy is None else policy.line(place),
    )


def _sentence(workload: WorkloadResult, name: str, metric: MetricResult, finding: FindingResult) -> str:
    shown = numbers(metric)
    change = f" {shown.change}" if shown.change else ""
    reason = f" ({finding.reason})" if finding.reason else ""
    return f"{label_of(name, workload)} {shown.value}{change}, {limit_text(finding)}{reason}"
