"""A result for trend lines: OpenMetrics, OTLP and json_records JSON, each read by its own reader."""

from __future__ import annotations

import json
import math

import policies
import pytest
from builders import failed_workload_result, metric_result, result, workload_result
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from servers import promtool

from energygate.policy import METRICS
from energygate.production.export import json_records, openmetrics, otlp
from energygate.production.export.documents import MARK
from energygate.production.export.trend_values import UNITS
from energygate.result.result import Change


def openmetrics_of(measured):
    return openmetrics.files(measured)[openmetrics.FILE]


def samples_of(text, parse=openmetrics_families):
    return {(sample.name, sample.labels.get("workload")): sample for family in parse(text) for sample in family.samples}


@pytest.mark.parametrize("parse", [openmetrics_families, text_families])
def test_both_prometheus_formats_agree(parse):
    found = samples_of(openmetrics_of(policies.measured()), parse)
    energy = found["energygate_result_energy_per_request_joules", "digits-cnn"]
    assert energy.value == 0.006912  # 1.92 nkWh
    assert energy.labels == {"workload": "digits-cnn", "commit": policies.COMMIT, "method": "estimated"}
    cost = found["energygate_result_cost_per_request", "digits-cnn"]
    assert (cost.value, cost.labels["currency"]) == (4.8e-10, "USD")
    assert found["energygate_result_energy_per_request_limit_joules", "digits-cnn"].value == 0.0072
    assert found["energygate_result_energy_per_request_joules", policies.HOSTILE].value == 0.006912
    assert ("energygate_result_throughput_high_requests_per_second", "digits-cnn") not in found  # not known
    assert ("energygate_result_model_size_low_bytes", "digits-cnn") not in found  # exact


def test_promtool_finds_nothing_wrong_with_the_metrics():
    code, said = promtool("check", "metrics", text=openmetrics_of(policies.measured()))
    assert (code, said) == (0, "")


def test_changes_are_fractions_and_failed_workloads_have_only_a_verdict():
    compared = metric_result().model_copy(update={"change": Change(estimate=0.05, low=None, high=None)})
    measured = result(workload_result(metrics={"energy_per_request": compared}), failed_workload_result("broken"))
    found = samples_of(openmetrics_of(measured))
    assert found["energygate_result_energy_per_request_change_ratio", "digits-cnn"].value == 0.05
    assert [name for name, workload in found if workload == "broken"] == ["energygate_result_verdict"]


def test_an_unreadable_time_is_left_out():
    measured = policies.measured().model_copy(update={"created": "yesterday"})
    assert "created" not in openmetrics_of(measured)
    assert "timeUnixNano" not in otlp.files(measured)[otlp.FILE]


def test_otlp_is_read_by_opentelemetrys_own_classes():
    proto = pytest.importorskip("opentelemetry.proto.metrics.v1.metrics_pb2", reason="the extra otlp is not there")
    from google.protobuf import json_format

    message = json_format.Parse(otlp.files(policies.measured())[otlp.FILE], proto.MetricsData())
    (resource,) = message.resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["vcs.ref.head.revision"] == policies.COMMIT
    (scope,) = resource.scope_metrics
    metrics = {one.name: one for one in scope.metrics}
    energy = metrics["energygate.result.energy_per_request"]
    assert energy.unit == "J"
    points = {point.attributes[0].value.string_value: point for point in energy.gauge.data_points}
    assert {name: point.as_double for name, point in points.items()} == {
        "digits-cnn": 0.006912,
        policies.HOSTILE: 0.006912,
    }
    assert points["digits-cnn"].time_unix_nano == 1_772_366_400_000_000_000
    assert metrics["energygate.result.cost_per_request"].unit == "{USD}"
    assert metrics["energygate.result.throughput"].unit == "{request}/s"


def test_json_has_a_record_for_each_workload_and_metric_all_with_the_same_keys():
    document = json.loads(json_records.files(policies.measured())[json_records.FILE])
    assert (document["schema"], document["made_by"].startswith(MARK)) == ("energygate/trend/1", True)
    records = document["records"]
    assert len({tuple(record) for record in records}) == 1
    assert [(record["workload"], record["metric"]) for record in records] == [
        ("digits-cnn", "energy_per_request"),
        ("digits-cnn", "cost_per_request"),
        ("digits-cnn", "model_size"),
        ("digits-cnn", "throughput"),
        (policies.HOSTILE, "energy_per_request"),
    ]
    assert records[0] == {
        "created": "2026-03-01T12:00:00+00:00",
        "commit": policies.COMMIT,
        "machine": "AMD EPYC 7763 64-Core Processor",
        "energygate": "0.1.0",
        "policy_digest": None,
        "workload": "digits-cnn",
        "metric": "energy_per_request",
        "unit": "kWh",
        "value": 1.92e-09,
        "low": 1.8e-09,
        "high": 2.05e-09,
        "base": None,
        "change": None,
        "limit": 2e-09,
        "verdict": "pass",
        "method": "estimated",
    }
    assert records[1]["verdict"] is None  # it has no limit


def test_a_missing_value_in_a_json_trend_has_its_reason():
    (record,) = json.loads(json_records.files(result(failed_workload_result("broken")))[json_records.FILE])["records"]
    assert (record["workload"], record["metric"], record["value"], record["verdict"]) == (
        "broken",
        None,
        None,
        "error",
    )


def test_every_metric_that_a_policy_knows_has_a_unit_here():
    assert {metric.family for metric in METRICS.values()} <= set(UNITS)


@pytest.mark.parametrize("exporter", [openmetrics, otlp, json_records])
def test_the_same_result_gives_the_same_file_and_says_who_made_it(exporter):
    first = exporter.files(policies.measured())
    assert first == exporter.files(policies.measured())
    assert MARK in first[exporter.FILE]
    assert math.isfinite(len(first[exporter.FILE]))


def test_a_record_agrees_with_itself():
    """Means over launches and a median over their blocks differ: 3.39 → 3.34 nWh would be -1.5 %."""
    change = Change(estimate=-0.0003, low=-0.028, high=0.028)
    metric = metric_result(head=3.34e-12, low=3e-12, high=4e-12).model_copy(update={"base": 3.39e-12, "change": change})
    found = result(workload_result(metrics={"energy_per_request": metric}))
    (record,) = json.loads(json_records.files(found)[json_records.FILE])["records"]
    assert record["value"] / record["base"] - 1 == pytest.approx(record["change"])
