"""What may still be wrong with a result that fits the schema: contradictions and impossible values."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from energygate.gate import Verdict, worst
from energygate.policy import METRICS
from energygate.policy.fields import workload_name
from energygate.policy.policy_diff import MAX_CHANGE_LENGTH, MAX_CHANGES
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import MetricResult, Result, WorkloadResult
    from energygate.result.site_result import SiteResult

_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 and SHA-256, as git writes them
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CURRENCY = re.compile(r"\S{0,10}")
_ROUNDING = 1e-9


def contradiction(result: Result) -> str | None:
    """Return the first thing wrong with a result, as a clause; `None` when it can be judged and reported.

    A verdict lighter than its findings would let a failure pass; a verdict without a reason, or an unknown metric,
    cannot be reported.
    """
    return next(_contradictions(result), None)


def _contradictions(result: Result) -> Iterator[str]:
    if not _is_time(result.created):
        yield "the time of its creation is not in ISO 8601 and UTC"
    if result.base and result.base.commit is not None and not _COMMIT.fullmatch(result.base.commit):
        yield "its base commit is not a full commit hash"
    if result.head_commit is not None and not _COMMIT.fullmatch(result.head_commit):
        yield "its head commit is not a full commit hash"
    yield from _wrong_with_policy(result)
    if result.seconds < 0:
        yield "its duration is negative"
    for workload in result.workloads:
        for wrong in _wrong_with(workload):
            yield f"workload {quote(workload.name)} {wrong}"
    yield from _wrong_with_site(result.site)
    yield from _wrong_with_renames(result)
    if result.verdict is not worst(one.verdict for one in result.workloads):
        yield f"its verdict, {result.verdict.value}, is not the worst of its workloads' verdicts"


def _wrong_with_site(site: SiteResult) -> Iterator[str]:
    if site.requests_per_day is not None and site.requests_per_day <= 0:
        yield "its site's requests per day are not greater than zero"
    traffic = site.traffic
    if traffic is not None and (min(traffic.requests_per_hour) < 0 or traffic.warm_replicas < 0):
        yield "its site's traffic has a negative number"


def _wrong_with_policy(result: Result) -> Iterator[str]:
    if result.policy_digest is not None and not _DIGEST.fullmatch(result.policy_digest):
        yield "its policy's digest is not a SHA-256"
    if result.policy_changes and not result.policy_changed:
        yield "it lists changes of the policy, and says that there are none"
    if len(result.policy_changes) > MAX_CHANGES:
        yield f"it lists {len(result.policy_changes):,} changes of the policy; the maximum is {MAX_CHANGES}"
    if not all(text.isprintable() and len(text) <= MAX_CHANGE_LENGTH for text in result.policy_changes):
        yield f"a change of the policy in it is not one line of at most {MAX_CHANGE_LENGTH} characters"


def _wrong_with_renames(result: Result) -> Iterator[str]:
    names = {one.name for one in result.workloads}
    taken = set()
    for workload in result.workloads:
        before, label = workload.base_name, quote(workload.name)
        if workload.state != "renamed":
            if before not in {None, workload.name}:
                yield f"workload {label} has another name at base, but was not renamed"
            continue
        if before is None or not _is_name(before):
            yield f"workload {label} was renamed from an invalid name"
        if before in names or before in taken:
            yield f"workload {label} was renamed from a name that is still in use"
        taken.add(before)


def _is_name(text: str) -> bool:
    try:
        return bool(workload_name(text))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    if not _CREATED.fullmatch(text):
        return False
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _wrong_with(workload: WorkloadResult) -> Iterator[str]:
    verdict = workload.verdict
    found = worst(finding.verdict for metric in workload.metrics.values() for finding in metric.findings)
    if worst((found, verdict)) is not verdict:
        yield f"has the verdict {verdict.value}, but a finding with {found.value}"
    if verdict is not found and workload.error is None and not workload.notes:
        yield f"has the verdict {verdict.value}, but no reason for it"
    if workload.error is not None and verdict not in {Verdict.ERROR, Verdict.INCONCLUSIVE}:
        yield f"has an error, but the verdict {verdict.value}"
    if (workload.method is None) is not (workload.provenance is None):
        yield "has a method without a provenance, or a provenance without a method"
    if workload.metrics and workload.provenance is None:
        yield "has metrics without a provenance"
    if workload.provenance is not None and workload.provenance.seconds < 0:
        yield "has a negative measuring time"
    if workload.comparison is not None and not workload.comparison.log_ratios:
        yield "was compared without a launch"
    if workload.footprint is not None and any(value < 0 for _, value in workload.footprint if isinstance(value, float)):
        yield "has a negative number in its footprint"
    for name, metric in workload.metrics.items():
        yield from _wrong_with_metric(name, metric)


def _wrong_with_metric(name: str, metric: MetricResult) -> Iterator[str]:
    label = quote(name)
    if name not in METRICS:
        yield f"has a metric {label} that this version of energygate does not know"
        return
    unit = METRICS[name].unit
    if metric.unit != unit and not (unit == "money" and _CURRENCY.fullmatch(metric.unit)):
        yield f"has {label} in a wrong unit"
    if metric.head < 0 or (metric.base or 0) < 0:
        yield f"has a negative {label}"
    if metric.base is None and (metric.change is not None or metric.total is not None):
        yield f"has a change of {label}, but no base"
    if not (
        _in_order(metric.head_low, metric.head, metric.head_high)
        and all(one is None or _in_order(one.low, one.estimate, one.high) for one in (metric.change, metric.total))
    ):
        yield f"has {label} outside its own interval"


def _in_order(low: float | None, value: float, high: float | None) -> bool:
    """Return whether a number lies in its interval, up to rounding."""
    slack = abs(value) * _ROUNDING
    return (low is None or low <= value + slack) and (high is None or value - slack <= high)
