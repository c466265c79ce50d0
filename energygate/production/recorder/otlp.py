"""Snapshots sent to an OpenTelemetry collector, by OTLP over HTTP.

Prometheus converts the names and units used here to those of `energygate.production.metric_names`: a counter
`energygate.energy` in `J` becomes `energygate_energy_joules_total`.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from energygate.extras import require
from energygate.production import metric_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from energygate.production.recorder.snapshot import Durations, Snapshot

COUNTERS = {
    "energygate.energy": ("J", metric_names.ENERGY),
    "energygate.idle_energy": ("J", metric_names.IDLE_ENERGY),
    "energygate.requests": ("{request}", metric_names.REQUESTS),
    "energygate.response": ("By", metric_names.RESPONSE_BYTES),
    "energygate.units": ("{unit}", metric_names.UNITS),
    "energygate.meter_errors": ("{reading}", metric_names.METER_ERRORS),
    "energygate.internal_errors": ("{error}", metric_names.INTERNAL_ERRORS),
}
"""Name, unit (UCUM, as OpenTelemetry requires), and the metric that it becomes in Prometheus."""

TIMEOUT_SECONDS = 10.0


class OtlpSink:
    """Sends cumulative sums and histograms.

    It connects at the first export, so that it can be created before a server forks.

    Args:
        endpoint: The collector's address for metrics, such as `http://localhost:4318/v1/metrics`; `None`: that of
            OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, ...).
        headers: Request headers, such as an authorization.
        attributes: Of the resource, beside `service.name` and `service.instance.id` (host and process).
        service_name: The service's name.

    Raises:
        UsageError: When OpenTelemetry is not installed.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        service_name: str = "energygate",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        require("otlp", purpose="sending metrics by OTLP")
        self._endpoint = endpoint
        self._headers = dict(headers or {})
        self._attributes = {"service.name": service_name, **(attributes or {})}
        self._exporter: Any = None
        self._pid = 0

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:  # noqa: ARG002 - its sums are cumulative
        """Send all totals.

        Raises:
            ConnectionError: When the collector does not accept them.
        """
        from opentelemetry.sdk.metrics.export import MetricExportResult

        if self._pid != os.getpid():  # first export, or forked since: a connection belongs to one process
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            self._exporter = OTLPMetricExporter(
                endpoint=self._endpoint, headers=self._headers or None, timeout=TIMEOUT_SECONDS
            )
            self._pid = os.getpid()
        attributes = {"service.instance.id": f"{socket.gethostname()}:{self._pid}", **self._attributes}
        if self._exporter.export(metrics_data(snapshot, attributes)) is not MetricExportResult.SUCCESS:
            raise ConnectionError("the collector did not accept the metrics")

    def close(self) -> None:
        """Close the connection."""
        if self._exporter is not None and self._pid == os.getpid():
            self._exporter.shutdown()


def metrics_data(snapshot: Snapshot, attributes: Mapping[str, str]) -> Any:  # noqa: ANN401 - of an optional package
    """Return a snapshot as metrics of OpenTelemetry's SDK."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from energygate.version import __version__

    scope = ScopeMetrics(
        scope=InstrumentationScope("energygate", __version__),
        metrics=list(_metrics(snapshot)),
        schema_url="",
    )
    resource = ResourceMetrics(resource=Resource(dict(attributes)), scope_metrics=[scope], schema_url="")
    return MetricsData(resource_metrics=[resource])


def _metrics(snapshot: Snapshot) -> Iterator[Any]:
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Histogram, Metric, NumberDataPoint, Sum

    start_ns, now_ns = round(snapshot.start_seconds * 1e9), round(snapshot.time_seconds * 1e9)

    def point(value: float, **attributes: str) -> NumberDataPoint:
        return NumberDataPoint(attributes=attributes, start_time_unix_nano=start_ns, time_unix_nano=now_ns, value=value)

    sums: dict[str, list[NumberDataPoint]] = {name: [] for name in COUNTERS}
    for workload, totals in snapshot.workloads.items():
        sums["energygate.energy"].append(point(totals.energy_joules, workload=workload))
        sums["energygate.idle_energy"].append(point(totals.idle_energy_joules, workload=workload))
        sums["energygate.requests"] += [
            point(totals.requests_ok, workload=workload, outcome="ok"),
            point(totals.requests_error, workload=workload, outcome="error"),
        ]
        sums["energygate.response"].append(point(totals.response_bytes, workload=workload))
        sums["energygate.units"] += [point(count, workload=workload, unit=unit) for unit, count in totals.units.items()]
    sums["energygate.meter_errors"].append(point(snapshot.meter_errors))
    sums["energygate.internal_errors"].append(point(snapshot.internal_errors))
    for name, (unit, becomes) in COUNTERS.items():
        data = Sum(
            data_points=sums[name],
            aggregation_temporality=AggregationTemporality.CUMULATIVE,
            is_monotonic=True,
        )
        yield Metric(name=name, description=metric_names.DESCRIPTIONS[becomes], unit=unit, data=data)
    yield Metric(
        name="energygate.request.duration",
        description=metric_names.DESCRIPTIONS[metric_names.DURATION],
        unit="s",
        data=Histogram(
            data_points=[
                _histogram(totals.durations, {"workload": workload}, start_ns, now_ns)
                for workload, totals in snapshot.workloads.items()
            ],
            aggregation_temporality=AggregationTemporality.CUMULATIVE,
        ),
    )
    gauges = [("energygate.pue", metric_names.PUE, point(snapshot.pue))]
    if snapshot.meter is not None:
        gauges.append(("energygate.meter_info", metric_names.METER_INFO, point(1, **snapshot.meter.labels)))
    for name, becomes, value in gauges:
        # Without a unit: Prometheus would turn `1` into a suffix `_ratio`.
        description = metric_names.DESCRIPTIONS[becomes]
        yield Metric(name=name, description=description, unit="", data=Gauge(data_points=[value]))


def _histogram(durations: Durations, attributes: dict[str, str], start_ns: int, now_ns: int) -> Any:  # noqa: ANN401
    from opentelemetry.sdk.metrics.export import HistogramDataPoint

    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        count=durations.count,
        sum=durations.sum_seconds,
        bucket_counts=list(durations.counts),
        explicit_bounds=list(durations.bounds_seconds),
        # The extremes are not recorded. They are optional in OTLP, but not in the SDK's types.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
