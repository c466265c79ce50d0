"""Snapshots for sinks, exported as the recorder does, and a client that stores what it receives."""

from __future__ import annotations

from types import MappingProxyType

from energygate.production.recorder.snapshot import Durations, MeterInfo, Snapshot, WorkloadTotals

METER = MeterInfo(method="estimated", source="a table", version="1")


def totals(requests, joules, *, errors=0, idle=0.0):
    return WorkloadTotals(
        requests_ok=requests - errors,
        requests_error=errors,
        energy_joules=joules,
        idle_energy_joules=idle,
        response_bytes=0,
        durations=Durations(bounds_seconds=(), counts=(requests,)),
    )


def snapshot(seconds=1_767_225_600.5, *, pue=1.25, meter=METER, meter_errors=0, **workloads):
    return Snapshot(
        workloads=MappingProxyType(workloads),
        meter=meter,
        meter_errors=meter_errors,
        pue=pue,
        time_seconds=seconds,
        start_seconds=0,
    )


class Feed:
    """Hands snapshots to a sink as the recorder does: what a sink raised for comes again."""

    def __init__(self, sink):
        self.sink, self.last, self.raised = sink, None, []

    def __call__(self, **fields):
        now = snapshot(**fields)
        try:
            self.sink.export(now, self.last)
            self.last = now
        except Exception as error:  # noqa: BLE001 - as the recorder does
            self.raised.append(error)


class Kept:
    """A client that keeps what it is sent."""

    def __init__(self):
        self.sent, self.refusals, self.closed = [], [], False

    def put_metric_data(self, **parameters):
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(parameters)

    def close(self):
        self.closed = True

    def sets(self):
        return {
            one["Dimensions"][0]["Value"]: one["StatisticValues"]
            for parameters in self.sent
            for one in parameters["MetricData"]
        }
