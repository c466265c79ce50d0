"""A snapshot as metrics in Prometheus' and OpenMetrics' formats, through prometheus_client."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from energygate.errors import UsageError
from energygate.production import metric_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from energygate.production.recorder.snapshot import Durations, Snapshot

    FamilyT = TypeVar("FamilyT", bound=Metric)


class RecorderCollector(Collector):
    """Converts a snapshot to metrics on every request for them.

    Args:
        take: Takes the snapshot.
    """

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of `energygate.production.metric_names`."""
        return _families(self._take())

    def describe(self) -> Iterator[Metric]:
        """Yield their names, so that registering takes no snapshot."""
        return _families(None)


def openmetrics(collector: RecorderCollector) -> str:
    """Return the metrics as OpenMetrics text."""
    text: bytes = generate_latest(_registry(collector))  # type: ignore[no-untyped-call]
    return text.decode()


def page(collector: RecorderCollector, accept: str) -> tuple[str, bytes]:
    """Return a page with the metrics: its content type, and its body.

    Args:
        collector: Collects the metrics.
        accept: The request's `Accept` header, which chooses the format.
    """
    encoder, kind = choose_encoder(accept)
    return kind, encoder(_registry(collector))


def expose(collector: RecorderCollector, port: int, address: str) -> int:
    """Serve the metrics on a port; return it.

    Raises:
        UsageError: When the port is not available.
    """
    try:
        server, _ = start_http_server(port, addr=address, registry=_registry(collector))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"the metrics cannot be served on {address}:{port}: {getattr(error, 'strerror', None) or error}",
            hint="Choose another port; 0 takes any free one",
        ) from None
    return int(server.server_port)


def _registry(collector: RecorderCollector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _families(snapshot: Snapshot | None) -> Iterator[Metric]:
    """Yield the metrics of a snapshot; without one, metrics without samples."""
    energy = _family(CounterMetricFamily, metric_names.ENERGY, metric_names.WORKLOAD)
    idle = _family(CounterMetricFamily, metric_names.IDLE_ENERGY, metric_names.WORKLOAD)
    requests = _family(CounterMetricFamily, metric_names.REQUESTS, metric_names.WORKLOAD, "outcome")
    duration = _family(HistogramMetricFamily, metric_names.DURATION, metric_names.WORKLOAD)
    response_bytes = _family(CounterMetricFamily, metric_names.RESPONSE_BYTES, metric_names.WORKLOAD)
    units = _family(CounterMetricFamily, metric_names.UNITS, metric_names.WORKLOAD, "unit")
    meter_errors = _family(CounterMetricFamily, metric_names.METER_ERRORS)
    internal_errors = _family(CounterMetricFamily, metric_names.INTERNAL_ERRORS)
    pue = _family(GaugeMetricFamily, metric_names.PUE)
    info = _family(InfoMetricFamily, metric_names.METER_INFO)
    if snapshot is not None:
        for workload, totals in snapshot.workloads.items():
            energy.add_metric([workload], totals.energy_joules)
            idle.add_metric([workload], totals.idle_energy_joules)
            for outcome, count in zip(metric_names.OUTCOMES, (totals.requests_ok, totals.requests_error), strict=True):
                requests.add_metric([workload, outcome], count)
            duration.add_metric([workload], _buckets(totals.durations), totals.durations.sum_seconds)
            response_bytes.add_metric([workload], totals.response_bytes)
            for unit, yielded in totals.units.items():
                units.add_metric([workload, unit], yielded)
        meter_errors.add_metric([], snapshot.meter_errors)
        internal_errors.add_metric([], snapshot.internal_errors)
        pue.add_metric([], snapshot.pue)
        if snapshot.meter is not None:
            info.add_metric([], snapshot.meter.labels)
    yield from (energy, idle, requests, duration, response_bytes, units)
    yield from (meter_errors, internal_errors, pue, info)


def _family(kind: Callable[..., FamilyT], name: str, *labels: str) -> FamilyT:
    return kind(name.removesuffix("_info"), metric_names.DESCRIPTIONS[name], labels=labels)


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Return cumulative buckets, which is what Prometheus expects."""
    bounds = [*durations.bounds_seconds, float("inf")]
    sums = itertools.accumulate(durations.counts)
    return [(str(floatToGoString(bound)), count) for bound, count in zip(bounds, sums, strict=True)]  # type: ignore[no-untyped-call]
