"""`energygate export json`: a result as flat records, one for each workload and metric, for whatever reads JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.gate import worst
from energygate.production.export.documents import MARK, json_text
from energygate.production.export.trend_values import absolute_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import MetricResult, Result

KIND = "json"
FILE = "energygate.json"
SCHEMA = "energygate/trend/1"


def files(result: Result) -> dict[str, str]:
    """Return the result as self-contained records with the same keys; what is unknown is null."""
    document = {
        "made_by": f"{MARK} {KIND} from a result of energygate check",
        "schema": SCHEMA,
        "records": list(_records(result)),
    }
    return {FILE: json_text(document)}


def _records(result: Result) -> Iterator[dict[str, Any]]:
    run = {
        "created": result.created,
        "commit": result.head_commit,
        "machine": result.machine.cpu_model,
        "energygate": result.energygate_version,
        "policy_digest": result.policy_digest,
    }
    for workload in result.workloads:
        whose = {**run, "workload": workload.name}
        if not workload.metrics:
            yield {**whose, **_NOTHING, "verdict": workload.verdict.value, "method": workload.method}
        for name, one in workload.metrics.items():
            verdict = worst(finding.verdict for finding in one.findings).value if one.findings else None
            yield {**whose, **_numbers(name, one), "verdict": verdict, "method": workload.method}


def _numbers(name: str, one: MetricResult) -> dict[str, Any]:
    return {
        "metric": name,
        "unit": one.unit,
        "value": one.head,
        "low": one.head_low,
        "high": one.head_high,
        "base": one.shown_base,
        "change": None if one.shown_change is None else one.shown_change.estimate,
        "limit": absolute_limit(one),
    }


_NOTHING = dict.fromkeys(("metric", "unit", "value", "low", "high", "base", "change", "limit"))
"""Of a workload without numbers, so that a gap in a trend explains itself."""
