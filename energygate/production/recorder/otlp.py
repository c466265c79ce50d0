"""A snapshot to an OpenTelemetry collector, by OTLP over HTTP.

Names and units are such that what becomes of them in Prometheus is what `energygate.production.names` says: a counter
`energygate.energy` in `J` becomes `energygate_energy_joules_total` there.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from energygate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from energygate.production.recorder.snapshot import Durations, Snapshot

COUNTERS = {
    "energygate.energy": ("J", "IT energy drawn while requests were served."),
    "energygate.idle_energy": ("J", "IT energy drawn while no request was served."),
    "energygate.requests": ("{request}", "Requests that have ended."),
    "energygate.response": ("By", "Bytes that answers took."),
    "energygate.units": ("{unit}", "What requests yielded."),
    "energygate.meter_errors": (
        "{reading}",
        "Readings that could not be had; their energy is in no counter.",
    ),
    "energygate.internal_errors": (
        "{error}",
        "Troubles of the recorder and of its sinks, which the service does not see.",
    ),
}
"""Name, unit (UCUM, as OpenTelemetry has them), description."""

TIMEOUT_SECONDS = 10.0


class OtlpSink:
    """Sends cumulative sums and histograms.

    Nothing is connected until the first export, so that one of these may be made before a server forks.

    Args:
        endpoint: The collector's address for metrics, such as `http://localhost:4318/v1/metrics`; `None`: what
            OpenTelemetry's own variables say (`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, ...).
        headers: To send along, such as an authorization.
        attributes: Of the resource, beside `service.name` and `service.instance.id`: a host and process.
        service_name: What the service is called.

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
        try:
            import opentelemetry.exporter.otlp.proto.http.metric_exporter
            import opentelemetry.sdk.metrics.export  # noqa: F401
        except ImportError:
            raise UsageError(
                "sending metrics by OTLP needs OpenTelemetry", hint="pip install 'energygate[otlp]'"
            ) from None
        self._endpoint = endpoint
        self._headers = dict(headers or {})
        self._attributes = {"service.name": service_name, **(attributes or {})}
        self._exporter: Any = None
        self._pid = 0

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:  # noqa: ARG002 - its sums are cumulative
        """Send all totals.

        Raises:
            ConnectionError: When the collector does not take them.
        """
        from opentelemetry.sdk.metrics.export import MetricExportResult

        if self._pid != os.getpid():  # the first time, or forked since: a connection is one process's
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            self._exporter = OTLPMetricExporter(
                endpoint=self._endpoint, headers=self._headers or None, timeout=TIMEOUT_SECONDS
            )
            self._pid = os.getpid()
        attributes = {"service.instance.id": f"{socket.gethostname()}:{self._pid}", **self._attributes}
        if self._exporter.export(metrics_data(snapshot, attributes)) is not MetricExportResult.SUCCESS:
            raise ConnectionError("the collector did not take the metrics")

    def close(self) -> None:
        """Close the connection."""
        if self._exporter is not None and self._pid == os.getpid():
            self._exporter.shutdown()


def metrics_data(snapshot: Snapshot, attributes: Mapping[str, str]) -> Any:  # noqa: ANN401 - of an optional package
    """A snapshot as OpenTelemetry's SDK has metrics."""
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
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        Histogram,
        Metric,
        NumberDataPoint,
        Sum,
    )

    start_ns, now_ns = round(snapshot.start_seconds * 1e9), round(snapshot.time_seconds * 1e9)

    def point(value: float, **attributes: str) -> NumberDataPoint:
        return NumberDataPoint(
            attributes=attributes, start_time_unix_nano=start_ns, time_unix_nano=now_ns, value=value
        )

    sums: dict[str, list[NumberDataPoint]] = {name: [] for name in COUNTERS}
    for workload, totals in snapshot.workloads.items():
        sums["energygate.energy"].append(point(totals.energy_joules, workload=workload))
        sums["energygate.idle_energy"].append(point(totals.idle_energy_joules, workload=workload))
        sums["energygate.requests"] += [
            point(totals.requests_ok, workload=workload, outcome="ok"),
            point(totals.requests_error, workload=workload, outcome="error"),
        ]
        sums["energygate.response"].append(point(totals.response_bytes, workload=workload))
        sums["energygate.units"] += [
            point(count, workload=workload, unit=unit) for unit, count in totals.units.items()
        ]
    sums["energygate.meter_errors"].append(point(snapshot.meter_errors))
    sums["energygate.internal_errors"].append(point(snapshot.internal_errors))
    for name, (unit, description) in COUNTERS.items():
        data = Sum(
            data_points=sums[name],
            aggregation_temporality=AggregationTemporality.CUMULATIVE,
            is_monotonic=True,
        )
        yield Metric(name=name, description=description, unit=unit, data=data)
    yield Metric(
        name="energygate.request.duration",
        description="Time of requests.",
        unit="s",
        data=Histogram(
            data_points=[
                _histogram(totals.durations, {"workload": workload}, start_ns, now_ns)
                for workload, totals in snapshot.workloads.items()
            ],
            aggregation_temporality=AggregationTemporality.CUMULATIVE,
        ),
    )
    # Without a unit: Prometheus would make a `_ratio` of `1`.
    gauges = [
        Metric(
            name="energygate.pue",
            description="Facility energy over IT energy, as the policy says.",
            unit="",
            data=Gauge(data_points=[point(snapshot.pue)]),
        )
    ]
    if snapshot.meter is not None:
        meter = snapshot.meter
        facts = {"method": meter.method, "source": meter.source, "version": meter.version}
        gauges.append(
            Metric(
                name="energygate.meter_info",
                description="How joules come about.",
                unit="",
                data=Gauge(data_points=[point(1, **facts)]),
            )
        )
    yield from gauges


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
        # Nobody keeps the extremes. OTLP lets them be left out, which the SDK's type does not know.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
