"""`energygate export otlp`: a result as OTLP/JSON, for OpenTelemetry's collector.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: names in lowerCamelCase, 64-bit integers as texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.production.export.documents import MARK, json_text
from energygate.production.export.trend_values import created_seconds, trend_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import Result

KIND = "otlp"
FILE = "energygate.otlp.json"


def files(result: Result) -> dict[str, str]:
    """Return the result as gauges: one resource, the commit; points by workload and method.

    Names of attributes are those of OpenTelemetry's semantic conventions where they have one.
    """
    resource = {
        "service.name": "energygate",
        "vcs.ref.head.revision": result.head_commit,
        "host.cpu.model.name": result.machine.cpu_model,
        "energygate.policy_digest": result.policy_digest,
        "energygate.verdict": result.verdict.value,
        "energygate.made_by": f"{MARK} {KIND} from a result of energygate check",
    }
    document = {
        "resourceMetrics": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeMetrics": [
                    {
                        "scope": {"name": "energygate", "version": result.energygate_version},
                        "metrics": list(_metrics(result)),
                    }
                ],
            }
        ]
    }
    return {FILE: json_text(document)}


def _metrics(result: Result) -> Iterator[dict[str, Any]]:
    """Yield one gauge for each metric and aspect, with a point for each workload."""
    seconds = created_seconds(result)
    time = {} if seconds is None else {"timeUnixNano": str(round(seconds * 1_000_000) * 1000)}
    gauges: dict[tuple[str, str], dict[str, Any]] = {}
    for one in trend_values(result):
        name = ".".join(["energygate.result", one.metric.name, *([one.aspect] if one.aspect else [])])
        unit = one.unit.ucum.format(one.currency)
        empty = {"name": name, "description": one.described, "unit": unit, "gauge": {"dataPoints": []}}
        gauge = gauges.setdefault((name, unit), empty)
        labels = {"energygate.workload": one.workload, "energygate.method": one.method}
        point = {"attributes": _attributes(labels), **time, "asDouble": one.value}
        gauge["gauge"]["dataPoints"].append(point)
    yield from gauges.values()


def _attributes(values: dict[str, str | None]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items() if value is not None]
