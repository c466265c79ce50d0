"""A service's metrics without a service: an exposition like energygate.Recorder's whose counters grow at every scrape.

What one scrape adds is fixed, so that quotients of rates are exact whenever Prometheus scrapes.
"""

from __future__ import annotations

import contextlib

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import start_http_server

from energygate.production import metric_names


class Exposition:
    """Counters of one workload that advance whenever they are collected."""

    def __init__(self, workload, *, requests=100, joules=50.0, idle_joules=25.0, errors=1, pue=1.25):
        self._workload, self._pue = workload, pue
        self._step = {"ok": requests - errors, "error": errors, "joules": joules, "idle": idle_joules}
        self._scrapes = 0

    def collect(self):
        label, times = [self._workload], self._scrapes
        self._scrapes += 1
        done = {name: step * times for name, step in self._step.items()}
        requests = CounterMetricFamily(_family(metric_names.REQUESTS), "Requests", labels=["workload", "outcome"])
        for outcome in metric_names.OUTCOMES:
            requests.add_metric([*label, outcome], done[outcome])
        yield requests
        amounts = {metric_names.ENERGY: "joules", metric_names.IDLE_ENERGY: "idle"}
        for name, key in amounts.items():
            yield _counter(name, label, done[key])
        everything = done["ok"] + done["error"]
        yield _counter(metric_names.RESPONSE_BYTES, label, 64 * everything)
        units = CounterMetricFamily(_family(metric_names.UNITS), "Units", labels=["workload", "unit"])
        units.add_metric([*label, "tokens"], 10 * everything)
        yield units
        durations = HistogramMetricFamily(metric_names.DURATION, "Durations", labels=["workload"])
        buckets = [("0.1", 0.9 * everything), ("0.2", everything), ("+Inf", everything)]
        durations.add_metric(label, buckets, 0.05 * everything)
        yield durations
        yield CounterMetricFamily(_family(metric_names.METER_ERRORS), "Failed readings", value=0)
        yield CounterMetricFamily(_family(metric_names.INTERNAL_ERRORS), "Other troubles", value=0)
        yield GaugeMetricFamily(metric_names.PUE, "PUE", value=self._pue)
        info = {"method": "estimated", "source": "a table", "version": "0.1.0"}
        yield InfoMetricFamily(metric_names.METER_INFO.removesuffix("_info"), "The meter", value=info)


class Services:
    """All that one exposition shows, as a registry shows it."""

    def __init__(self, *expositions):
        self._expositions = expositions

    def collect(self):
        families = {}
        for exposition in self._expositions:
            for family in exposition.collect():
                if family.name in families and family.samples[0].labels.get("workload"):
                    families[family.name].samples += family.samples
                families.setdefault(family.name, family)
        return families.values()


@contextlib.contextmanager
def exposed(*expositions):
    """Serve expositions over HTTP while the block lasts, and yield the address."""
    server, thread = start_http_server(0, "127.0.0.1", registry=Services(*expositions))
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _family(name):
    return name.removesuffix("_total")


def _counter(name, label, value):
    family = CounterMetricFamily(_family(name), name, labels=["workload"])
    family.add_metric(label, value)
    return family
