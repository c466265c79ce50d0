"""What Prometheus and an OpenTelemetry collector receive: names, values, labels, and a real receiver."""

from __future__ import annotations

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from recorder_harness import ScriptedMeter, Time, manual_recorder, totals

from energygate import UsageError
from energygate.production import metric_names
from energygate.production.recorder.otlp import OtlpSink


@pytest.fixture
def recorder():
    time = Time()
    made = manual_recorder(ScriptedMeter(), time, pue=1.25)
    for seconds in (0.002, 0.3):
        with made.request() as request:
            time.passes(seconds)
            request.units(21, "tokens")
            request.bytes_out(50)
    with pytest.raises(KeyError), made.request("mlp"):
        raise KeyError
    time.passes(0.698)
    made.sample()
    yield made
    made.close()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_openmetrics_has_every_name_of_the_contract_with_its_value(recorder):
    found = samples(recorder.metrics_text())
    cnn = ("workload", "cnn")
    assert found[metric_names.ENERGY, cnn] == pytest.approx(3.02)
    assert found[metric_names.IDLE_ENERGY, cnn] == pytest.approx(6.98)
    assert found[metric_names.REQUESTS, ("outcome", "ok"), cnn] == 2
    assert found[metric_names.REQUESTS, ("outcome", "error"), cnn] == 0
    assert found[metric_names.REQUESTS, ("outcome", "error"), ("workload", "mlp")] == 1
    assert found[f"{metric_names.DURATION}_count", cnn] == 2
    assert found[f"{metric_names.DURATION}_sum", cnn] == pytest.approx(0.302)
    assert found[f"{metric_names.DURATION}_bucket", ("le", "0.0025"), cnn] == 1
    assert found[f"{metric_names.DURATION}_bucket", ("le", "+Inf"), cnn] == 2
    assert found[metric_names.RESPONSE_BYTES, cnn] == 100
    assert found[metric_names.UNITS, ("unit", "tokens"), cnn] == 42
    assert found[(metric_names.METER_ERRORS,)] == 0
    assert found[(metric_names.PUE,)] == 1.25
    info = ("method", "measured"), ("source", "a script"), ("version", "0")
    assert found[(metric_names.METER_INFO, *info)] == 1


def test_errors_of_the_recorder_and_its_sinks_are_exported():
    class Broken:
        def export(self, *_):
            raise ConnectionError("down")

        def close(self):
            pass

    recorder = manual_recorder(sinks=[Broken()])
    assert samples(recorder.metrics_text())[(metric_names.INTERNAL_ERRORS,)] == 0
    recorder.flush()
    recorder.flush()
    assert samples(recorder.metrics_text())[(metric_names.INTERNAL_ERRORS,)] == 2
    assert samples(recorder.metrics_text())[(metric_names.METER_ERRORS,)] == 0
    recorder.close()


def test_no_metric_has_a_name_that_the_contract_lacks(recorder):
    contract = {one for one in vars(metric_names).values() if isinstance(one, str) and one.startswith("energygate_")}
    suffixes = ("_bucket", "_count", "_sum")
    shown = {name for name, *_ in samples(recorder.metrics_text())}
    assert shown - {metric_names.DURATION + suffix for suffix in suffixes} == contract - {metric_names.DURATION}


HOSTILE = ['quote"', "back\\slash", "new\nline", "}{", "# EOF", "\ud800", "x" * 1000, "é漢", "\x00y"]


def test_hostile_labels_break_no_format(recorder):
    for name in HOSTILE:
        with recorder.request(name) as request:
            request.units(1, name)
    found = samples(recorder.metrics_text())
    counted = [labels for name, *labels in found if name == metric_names.UNITS and dict(labels)["workload"] != "cnn"]
    assert len(counted) == len(HOSTILE)
    assert generate_latest(_registry(recorder)).decode()


def _registry(recorder):
    registry = CollectorRegistry()
    registry.register(recorder.collector)
    return registry


def test_registering_the_collector_takes_no_snapshot():
    taken = []
    recorder = manual_recorder()
    recorder.service_snapshot = lambda: taken.append(True)
    registry = _registry(recorder)
    assert taken == []
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(recorder.collector)


def test_without_a_meter_its_metrics_are_absent():
    recorder = manual_recorder(workload="cnn")
    recorder._recording._meter = None
    assert metric_names.METER_INFO not in {name for name, *_ in samples(recorder.metrics_text())}


def test_metrics_may_be_served_on_a_port_of_their_own(recorder):
    port = recorder.expose(0)
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=90).text
    assert f'{metric_names.RESPONSE_BYTES}{{workload="cnn"}} 100.0' in text
    with pytest.raises(UsageError, match=f"cannot be served on 127.0.0.1:{port}"):
        recorder.expose(port)
    with pytest.raises(UsageError, match="cannot be served"):
        recorder.expose(99999)


# OTLP


@pytest.fixture
def collector():
    """A real receiver that decodes what it is sent; answers as it is set to."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    class Receiver(BaseHTTPRequestHandler):
        received: ClassVar = []
        statuses: ClassVar = []

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            asked = ExportMetricsServiceRequest()
            asked.ParseFromString(body)
            status = self.statuses.pop(0) if self.statuses else 200
            self.received.append((self.path, dict(self.headers), asked))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Receiver, f"http://127.0.0.1:{server.server_port}/v1/metrics"
        finally:
            server.shutdown()
            thread.join()


def attributes(holder):
    return {one.key: one.value.string_value for one in holder.attributes}


def test_an_otlp_collector_gets_sums_a_histogram_and_gauges(recorder, collector):
    receiver, endpoint = collector
    sink = OtlpSink(endpoint, headers={"x-key": "secret"}, service_name="digits", attributes={"region": "eu"})
    snapshot = recorder.snapshot()
    sink.export(snapshot, None)
    sink.close()
    ((path, headers, asked),) = receiver.received
    assert (path, headers["x-key"]) == ("/v1/metrics", "secret")
    (resource,) = asked.resource_metrics
    said = attributes(resource.resource)
    assert (said["service.name"], said["region"]) == ("digits", "eu")
    assert said["service.instance.id"].rpartition(":")[2].isdigit()
    metrics = {one.name: one for one in resource.scope_metrics[0].metrics}
    energy = metrics["energygate.energy"]
    assert (energy.unit, energy.sum.is_monotonic, energy.sum.aggregation_temporality) == ("J", True, 2)
    by_workload = {attributes(one)["workload"]: one for one in energy.sum.data_points}
    assert by_workload["cnn"].as_double == pytest.approx(3.02)
    assert by_workload["cnn"].start_time_unix_nano == snapshot.start_seconds * 1e9
    assert by_workload["cnn"].time_unix_nano == snapshot.time_seconds * 1e9
    requests_ = {
        (attributes(one)["workload"], attributes(one)["outcome"]): one.as_int
        for one in metrics["energygate.requests"].sum.data_points
    }
    assert requests_ == {("cnn", "ok"): 2, ("cnn", "error"): 0, ("mlp", "ok"): 0, ("mlp", "error"): 1}
    duration = next(
        one
        for one in metrics["energygate.request.duration"].histogram.data_points
        if attributes(one)["workload"] == "cnn"
    )
    assert (duration.count, duration.sum) == (2, pytest.approx(0.302))
    assert tuple(duration.bucket_counts) == totals(recorder).durations.counts
    assert not duration.HasField("min")
    assert metrics["energygate.pue"].gauge.data_points[0].as_double == 1.25
    assert attributes(metrics["energygate.meter_info"].gauge.data_points[0])["source"] == "a script"


UNITS = {"J": "_joules", "By": "_bytes", "s": "_seconds"}
"""What Prometheus makes of OpenTelemetry's units (OpenTelemetry's compatibility specification); of braces nothing."""


def test_names_become_those_of_the_contract_in_prometheus(recorder, collector):
    receiver, endpoint = collector
    OtlpSink(endpoint).export(recorder.snapshot(), None)
    ((_, _, asked),) = receiver.received
    found = set()
    for metric in asked.resource_metrics[0].scope_metrics[0].metrics:
        total = "_total" if metric.WhichOneof("data") == "sum" else ""
        found.add(metric.name.replace(".", "_") + UNITS.get(metric.unit, "") + total)
    contract = {one for one in vars(metric_names).values() if isinstance(one, str) and one.startswith("energygate_")}
    assert found == contract


def test_a_refusing_collector_is_counted_and_retried(recorder, collector):
    receiver, endpoint = collector
    receiver.statuses = [400, 200]
    sink = OtlpSink(endpoint)
    with pytest.raises(ConnectionError, match="did not accept"):
        sink.export(recorder.snapshot(), None)
    sink.export(recorder.snapshot(), None)
    sink.close()
    assert len(receiver.received) == 2


def test_without_opentelemetry_it_is_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics.export", None)
    with pytest.raises(UsageError, match=r"needs opentelemetry: pip install 'energygate\[otlp\]'"):
        OtlpSink()
