"""A real Prometheus: it scrapes, evaluates the exported rules, and answers every query of the dashboard."""

from __future__ import annotations

import json

import policies
import pytest
from servers import running_pushgateway

from energygate.production.export import records
from energygate.production.export.grafana import FILE, files
from energygate.production.export.live_limits import LIVE_METRICS
from energygate.production.export.openmetrics import FILE as RESULT_FILE
from energygate.production.export.openmetrics import files as openmetrics_files
from energygate.production.export.promql import matching

DIGITS = matching({"workload": "digits-cnn"})
COSTLY = matching({"workload": policies.HOSTILE})


def rounded(value):
    return pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (records.rate(records.ENERGY_PER_REQUEST, "5m"), 0.5 * 1.25),
        (records.rate(records.EFFECTIVE_ENERGY_PER_REQUEST, "5m"), 0.75 * 1.25),
        (records.rate(records.ENERGY_PER_UNIT, "5m"), 0.05 * 1.25),
        (records.rate(records.RESPONSE_SIZE, "5m"), 64),
        (records.rate(records.LATENCY_P95, "5m"), 0.15),
        (records.rate(records.ERROR_RATIO, "5m"), 0.01),
        (records.rate(records.ENERGY_PER_REQUEST, "6h"), 0.5 * 1.25),
        (records.PUE, 1.25),
        (LIVE_METRICS["energy_per_request"].budget, 1),
    ],
)
def test_what_is_recorded_is_what_the_service_counted(prometheus, record, expected):
    ((_, value),) = prometheus.wait_for(record + DIGITS)
    assert value == rounded(expected)


def test_all_rules_are_evaluated_without_errors(prometheus):
    prometheus.wait_for(records.rate(records.POWER, "5m") + DIGITS)

    def evaluated():
        groups = json.loads(prometheus.request("/api/v1/rules"))["data"]["groups"]
        found[:] = [rule for group in groups for rule in group["rules"]]
        return found and all(rule["health"] != "unknown" for rule in found)

    found = []
    prometheus.wait(evaluated, lambda: str(found))
    assert {rule["name"]: rule.get("lastError") for rule in found if rule["health"] != "ok"} == {}


def test_the_workload_over_its_limit_is_about_to_alert_and_the_other_is_not(prometheus):
    alerts = 'ALERTS{alertname="EnergygateEnergyPerRequestOverBudget"'
    found = prometheus.wait_for(f"{alerts}}}")
    assert {labels["workload"] for labels, _ in found} == {policies.HOSTILE}
    # For two minutes; on a slow machine these may be over by now.
    assert prometheus.query(f'count_over_time({alerts}, alertstate="pending"}}[1h])')


def queries_of(document):
    panels = {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in document["panels"]
        for target in panel.get("targets", ())
    }
    return panels | {one["name"]: one["expr"] for one in document["annotations"]["list"]}


def test_every_query_of_the_dashboard_has_data(prometheus):
    pytest.importorskip("grafana_foundation_sdk", reason="Grafana's SDK needs Python 3.11")
    queries = queries_of(json.loads(files(policies.source(policies.ALL_HELD))[FILE]))
    without = dict.fromkeys(queries, True)

    def answered():
        for name, query in queries.items():
            asked = query.replace("$workload", ".+").replace("$__range", "6h")
            assert "$" not in asked
            without[name] = without[name] and not prometheus.query(asked)
        return not any(without.values())

    prometheus.wait(answered, lambda: str([name for name, lacks in without.items() if lacks]))


def test_the_dashboard_offers_the_workloads_that_are_served(prometheus):
    pytest.importorskip("grafana_foundation_sdk", reason="Grafana's SDK needs Python 3.11")
    document = json.loads(files(policies.source())[FILE])
    variable = next(one for one in document["templating"]["list"] if one["name"] == "workload")
    series, label = variable["query"].removeprefix("label_values(").removesuffix(")").split(", ")
    prometheus.wait_for(f"count(count by (workload) ({series})) == 3")
    answer = json.loads(prometheus.request(f"/api/v1/label/{label}/values", **{"match[]": series}))
    assert set(answer["data"]) == {"digits-cnn", policies.HOSTILE, "live"}


def test_a_pushed_result_is_there_with_its_commit(prometheus):
    name = "energygate_result_energy_per_request_joules"
    ((labels, value),) = prometheus.wait_for(f"{name}{COSTLY}")
    assert (labels["commit"], labels["method"], labels["job"]) == (policies.COMMIT, "estimated", "energygate")
    assert value == rounded(0.006912)


def test_the_next_commit_replaces_the_last_one(tmp_path):
    with running_pushgateway(tmp_path) as pushgateway:
        for commit in ("a" * 40, "b" * 40):
            text = openmetrics_files(policies.measured(commit))[RESULT_FILE]
            pushgateway.request("/metrics/job/energygate", method="POST", body=text.encode())
        shown = pushgateway.request("/metrics")
    assert shown.count("energygate_result_info{") == 1
    assert "a" * 40 not in shown
