"""A snapshot as Prometheus and OpenMetrics want it, through prometheus_client."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

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
from energygate.production import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from energygate.production.recorder.recorder import Recorder
    from energygate.production.recorder.snapshot import Durations, Snapshot


class RecorderCollector(Collector):
    """Makes metrics of a snapshot whenever it is asked.

    Args:
        take: Takes the snapshot.
    """

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take

    def collect(self) -> Iterator[Metric]:
        """All metrics of `energygate.production.names`."""
        return _families(self._take())

    def describe(self) -> Iterator[Metric]:
        """Their names, so that registering takes no snapshot."""
        return _families(None)


def openmetrics(collector: RecorderCollector) -> str:
    """The metrics as OpenMetrics text."""
    text: bytes = generate_latest(_registry(collector))  # type: ignore[no-untyped-call]
    return text.decode()


def page(recorder: Recorder, accept: str) -> tuple[str, str, bytes]:
    """An answer with the metrics: its status, what its format is called, and its body.

    Args:
        recorder: Whose metrics.
        accept: The request's `Accept`: says in which format.
    """
    encoder, kind = choose_encoder(accept)
    try:
        return "200 OK", kind, encoder(_registry(recorder.collector))
    except Exception as error:  # noqa: BLE001 - it is the service's thread that answers
        recorder.note("the metrics could not be shown", error)
        return "503 Service Unavailable", "text/plain", b"the metrics could not be brought together\n"


def expose(collector: RecorderCollector, port: int, address: str) -> int:
    """Show the metrics on a port; returns it.

    Raises:
        UsageError: When it cannot be had.
    """
    try:
        server, _ = start_http_server(port, addr=address, registry=_registry(collector))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"the metrics cannot be shown on {address}:{port}: {getattr(error, 'strerror', None) or error}",
            hint="Choose another port; 0 takes any that is free",
        ) from None
    return int(server.server_port)


def _registry(collector: RecorderCollector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _families(snapshot: Snapshot | None) -> Iterator[Metric]:
    """The metrics of a snapshot; without one, without samples."""
    label = [names.WORKLOAD]
    energy = CounterMetricFamily(names.ENERGY, "IT energy drawn while requests were served.", labels=label)
    idle = CounterMetricFamily(
        names.IDLE_ENERGY, "IT energy drawn while no request was served.", labels=label
    )
    requests = CounterMetricFamily(names.REQUESTS, "Requests that have ended.", labels=[*label, "outcome"])
    duration = HistogramMetricFamily(names.DURATION, "Time of requests.", labels=label)
    response_bytes = CounterMetricFamily(names.RESPONSE_BYTES, "Bytes that answers took.", labels=label)
    units = CounterMetricFamily(names.UNITS, "What requests yielded.", labels=[*label, "unit"])
    errors = CounterMetricFamily(
        names.METER_ERRORS, "Readings that could not be had; their energy is in no counter."
    )
    internal = CounterMetricFamily(
        names.INTERNAL_ERRORS, "Troubles of the recorder and of its sinks, which the service does not see."
    )
    pue = GaugeMetricFamily(names.PUE, "Facility energy over IT energy, as the policy says.")
    info = InfoMetricFamily(names.METER_INFO.removesuffix("_info"), "How joules come about.")
    if snapshot is not None:
        for workload, totals in snapshot.workloads.items():
            energy.add_metric([workload], totals.energy_joules)
            idle.add_metric([workload], totals.idle_energy_joules)
            for outcome, count in zip(
                names.OUTCOMES, (totals.requests_ok, totals.requests_error), strict=True
            ):
                requests.add_metric([workload, outcome], count)
            duration.add_metric([workload], _buckets(totals.durations), totals.durations.sum_seconds)
            response_bytes.add_metric([workload], totals.response_bytes)
            for unit, yielded in totals.units.items():
                units.add_metric([workload, unit], yielded)
        errors.add_metric([], snapshot.meter_errors)
        internal.add_metric([], snapshot.internal_errors)
        pue.add_metric([], snapshot.pue)
        if snapshot.meter is not None:
            meter = snapshot.meter
            facts = {"method": meter.method, "source": meter.source, "version": meter.version}
            info.add_metric([], facts)
    yield from (energy, idle, requests, duration, response_bytes, units, errors, internal, pue, info)


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus has them."""
    bounds = [*durations.bounds_seconds, float("inf")]
    sums = itertools.accumulate(durations.counts)
    return [(str(floatToGoString(bound)), count) for bound, count in zip(bounds, sums, strict=True)]  # type: ignore[no-untyped-call]
