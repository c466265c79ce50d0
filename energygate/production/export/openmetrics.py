"""`energygate export openmetrics`: a result for a Pushgateway, or for whatever reads OpenMetrics.

All families are gauges without timestamps, so that the text is OpenMetrics 1.0 and at once Prometheus' own format, the
only one that Pushgateway reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from energygate.production.export.documents import MARK
from energygate.production.export.trend_values import created_seconds, trend_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import Result

KIND = "openmetrics"
FILE = "energygate.prom"

_PREFIX = "energygate_result"


def files(result: Result) -> dict[str, str]:
    """Return the result as gauges by workload, commit and method."""
    text: bytes = generate_latest(_Families(result))  # type: ignore[no-untyped-call]
    return {FILE: text.decode()}


class _Families:
    """The part of a registry that `generate_latest` uses."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def collect(self) -> Iterator[GaugeMetricFamily]:
        commit = self._result.head_commit or ""
        yield self._info(commit)
        created = created_seconds(self._result)
        if created is not None:
            when = GaugeMetricFamily(
                f"{_PREFIX}_created_timestamp_seconds", "When the result was made", labels=["commit"]
            )
            when.add_metric([commit], created)
            yield when
        verdicts = GaugeMetricFamily(
            f"{_PREFIX}_verdict", "1 for the verdict on a workload", labels=["workload", "commit", "verdict"]
        )
        for workload in self._result.workloads:
            verdicts.add_metric([workload.name, commit, workload.verdict.value], 1)
        yield verdicts
        yield from self._numbers(commit)

    def _info(self, commit: str) -> GaugeMetricFamily:
        labels = {
            "commit": commit,
            "energygate": self._result.energygate_version,
            "machine": self._result.machine.cpu_model,
            "policy_digest": self._result.policy_digest or "",
            "verdict": self._result.verdict.value,
        }
        info = GaugeMetricFamily(
            f"{_PREFIX}_info", f"{MARK} {KIND} from a result of energygate check", labels=list(labels)
        )
        info.add_metric(list(labels.values()), 1)
        return info

    def _numbers(self, commit: str) -> Iterator[GaugeMetricFamily]:
        """Yield one family for each metric and aspect, with the samples of all workloads."""
        families: dict[str, GaugeMetricFamily] = {}
        for one in trend_values(self._result):
            labels = {"workload": one.workload, "commit": commit, "method": one.method or ""}
            if one.currency is not None:
                labels["currency"] = one.currency
            parts = (_PREFIX, one.metric.name, one.aspect, one.unit.suffix)
            name = "_".join(filter(None, parts))
            if name not in families:
                families[name] = GaugeMetricFamily(name, one.described, labels=list(labels))
            families[name].add_metric(list(labels.values()), one.value)
        yield from families.values()
