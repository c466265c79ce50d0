"""From the gate's findings and evidence to their entries in a result."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.gate.judge import NOTHING_JUDGED
from energygate.policy import METRICS, RELATIVE, format_number
from energygate.result.result import Change, ErrorResult, FindingResult, MetricResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from energygate.gate import Estimate, Evidence, Finding
    from energygate.policy import Workload


UNBREAKABLE = 1_000
"""A limit so many times what is measured is in the wrong unit, since it would do in the next smaller one."""


def metric_results(
    evidence: Mapping[str, Evidence], findings: Sequence[Finding], *, currency: str | None
) -> dict[str, MetricResult]:
    """Return every metric that was measured, in display order, with the findings on it."""
    return {
        name: MetricResult(
            unit=currency or "" if metric.unit == "money" else metric.unit,
            head=evidence[name].head.value,
            head_low=_finite(evidence[name].head.low),
            head_high=_finite(evidence[name].head.high),
            base=None if (base := evidence[name].base) is None else base.value,
            change=_change(evidence[name].change),
            total=_change(evidence[name].total),
            incomparable=evidence[name].incomparable,
            findings=finding_results(findings, name),
        )
        for name, metric in METRICS.items()
        if name in evidence
    }


def finding_results(findings: Sequence[Finding], metric: str) -> tuple[FindingResult, ...]:
    """Return the findings on one metric as a result has them."""
    return tuple(
        FindingResult(
            kind=finding.kind,
            limit=finding.limit,
            limit_text=finding.limit_text,
            applied=_finite(finding.applied) if finding.applied != finding.limit else None,
            verdict=finding.verdict,
            reason=finding.reason,
        )
        for finding in findings
        if finding.metric == metric
    )


def unbreakable(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a note for each limit that nothing can break: it is far from what was measured, or from base."""
    for one in findings:
        if one.judged is None:
            continue
        is_relative, is_max = one.kind in RELATIVE, one.kind in {"max", "max_increase"}
        value = 1.0 if is_relative else one.judged.value
        limit = one.limit if not is_relative else 1 + one.applied if is_max else 1 - one.applied
        large, small = (limit, value) if is_max else (value, limit)
        if small < 0 or large < UNBREAKABLE * small or (is_max and not small):
            continue
        budget = f"{one.kind}: {one.limit_text}" if one.applied == one.limit else "min_delta"
        compared = "base" if is_relative else "what was measured"
        why = f"it is a factor of {format_number(large / small)} from {compared}" if small else "every value keeps it"
        yield f"nothing breaks `{one.metric}: {{{budget}}}`: {why}"


def unmeasured(
    findings: Sequence[Finding],
    workload: Workload,
    evidence: Mapping[str, Evidence],
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> ErrorResult | None:
    """Return why a limit could not be judged; `None` when each was.

    Args:
        findings: The gate's.
        workload: The workload.
        evidence: What was measured.
        reasons: Why metrics are missing, by name, where that is known: a sentence without a full stop.
    """
    missing = sorted({finding.metric for finding in findings if finding.judged is None})
    if not missing:
        silent = any(finding.reason == NOTHING_JUDGED for finding in findings)
        return ErrorResult(message=NOTHING_JUDGED, detail=None) if silent else None
    metric = missing[0]
    message = f"no {METRICS[metric].label} was measured for this workload"
    if metric in evidence:
        message = f"its {METRICS[metric].label} was not compared with base's"
    elif metric in reasons:
        message = f"there is no {METRICS[metric].label}: {reasons[metric]}"
    elif metric == "energy_per_unit":
        message = f"its requests yielded no {workload.units}, so there is no energy to give for each"
    return ErrorResult(message=message, detail=None)


def _change(change: Estimate | None) -> Change | None:
    if change is None:
        return None
    return Change(estimate=change.value, low=_finite(change.low), high=_finite(change.high))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
