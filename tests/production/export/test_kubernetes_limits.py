"""The load and the number of replicas: from results, routes and options; and what is refused."""

from __future__ import annotations

import re

import policies
import pytest
import yaml
from clusters import POLICY, documents, exported, measured, objects, source, two_machines

from energygate.errors import PolicyError, UsageError
from energygate.production.export.kubernetes import files
from energygate.production.export.kubernetes_options import IMAGE, PROMETHEUS, KubernetesOptions


def test_the_target_of_a_replica_and_its_energy_come_from_a_result():
    made = exported(result=measured(), requests_per_replica={})
    assert set(objects(made, "Deployment")) == {"digits-cnn-cpu"}
    target = objects(made, "HorizontalPodAutoscaler")["digits-cnn-cpu"]["spec"]["metrics"][0]["object"]["target"]
    given = float(target["averageValue"][:-1]) / 1000
    assert 0.5 * 25 < given < 0.9 * 25
    joules = 1.25 * (0.8 + 10 / given)
    (note,) = re.findall("# .*less 10 % tolerance.*", made["hpa/digits-cnn.yaml"])
    assert f"; {joules:.4g} J a request there, and effective energy per request within 2 J from 12.5 " in note
    assert "requests a second keep latency p95 within 200 ms (measured: " in note


def test_idle_power_of_the_policys_replica_counts_instead_of_the_machines():
    policy = POLICY.replace("  traffic:", "  replica: {idle_power: 4 W}\n  traffic:")
    assert (
        "within 2 J from 5 requests a second on"
        in exported(policy, result=measured(), requests_per_replica={})["hpa/digits-cnn.yaml"]
    )


def test_a_budget_that_no_load_can_keep_is_noted():
    policy = POLICY.replace("max: 2 J", "max: 0.9 J")
    assert (
        "and no load keeps effective energy per request within 0.9 J"
        in exported(policy, result=measured(), requests_per_replica={})["hpa/digits-cnn.yaml"]
    )


def test_options_take_precedence_over_measurements():
    made = exported(result=measured(), requests_per_replica={"cpu": 11.0})
    assert (
        "11 requests a second keep latency p95 within 200 ms (--requests-per-replica cpu=11)"
        in made["hpa/digits-cnn.yaml"]
    )


def test_a_relative_limit_is_shown_with_its_metric_and_number():
    policy = policies.policy_with("energy_per_request: {max_increase: 10 %}", "latency_p95: {max_increase: 300 %}")
    found = measured(latency_s=0.04)
    limit = source(policy, result=found).limit("digits-cnn", "latency_p95")
    hpa = exported(policy, result=found, requests_per_replica={})["hpa/digits-cnn.yaml"]
    number = f"{limit.value * 1000:.0f} ms, 300 % "
    assert f" requests a second keep latency p95 within {number}" in hpa
    assert f"# latency_p95 {number}" in hpa
    assert re.search(r", energy_per_request 1\.\d+ J, 10 % ", hpa)


@pytest.mark.parametrize(
    ("site", "least", "most"),
    [
        ("{}", 1, 10),
        ("{traffic: {requests_per_day: 86400, warm_replicas: 3}}", 3, 3),
        ("{traffic: {requests_per_day: 8640000}}", 1, 14),  # 100 a second, 15.45 each: twice 7
    ],
)
def test_the_range_of_replicas(site, least, most):
    budgets = ("energy_per_request: {max: 2 J}", "latency_p95: {max: 200 ms}")
    policy = policies.policy_with(*budgets, site=site)
    spec = objects(exported(policy, requests_per_replica={"cpu": 17.0}), "HorizontalPodAutoscaler")["digits-cnn-cpu"][
        "spec"
    ]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (least, most)


def test_adapter_serves_both_metrics_of_deployments():
    rules = documents(exported()["prometheus/adapter.yaml"])[0]["rules"]
    names = [one["name"]["as"] for one in rules]
    assert names == ["energygate_requests_per_second", "energygate_replicas_by_latency_and_energy"]
    for one in rules:
        assert one["resources"]["overrides"]["deployment"] == {"group": "apps", "resource": "deployment"}
        assert "<<.LabelMatchers>>" in one["metricsQuery"]


BUDGETS = ("effective_energy_per_request: {max: 2 J}", "latency_p95: {max: 200 ms}")


@pytest.mark.parametrize(
    ("policy", "options", "error", "sentence"),
    [
        (
            policies.policy_with(BUDGETS[0], site="{traffic: {requests_per_day: 9}}"),
            {},
            PolicyError,
            "workload 'digits-cnn' has no limit on latency p95",
        ),
        (
            policies.policy_with(BUDGETS[1]),
            {},
            PolicyError,
            "workload 'digits-cnn' has no limit on energy per request",
        ),
        (
            policies.policy_with("energy_per_request: {max_increase: 5 %}", BUDGETS[1]),
            {},
            PolicyError,
            "hand over the latest result with --result",
        ),
        (
            POLICY,
            {"requests_per_replica": {}},
            UsageError,
            "nothing says how many requests a second a replica of 'digits-cnn'",
        ),
        (POLICY, {"requests_per_replica": {"CPU": 3.0}}, UsageError, "'CPU' cannot name a variant"),
        (
            POLICY,
            {"requests_per_replica": {"cpu": 0.0}},
            UsageError,
            "a replica of cpu cannot serve 0 requests",
        ),
        (
            POLICY,
            {"requests_per_replica": {"cpu": float("nan")}},
            UsageError,
            "a replica of cpu cannot serve nan requests",
        ),
        (POLICY, {"namespace": "Prod"}, UsageError, "--namespace 'Prod' is not a valid namespace"),
        (POLICY, {"gateway": "a/b/c"}, UsageError, "--gateway 'a/b/c' is not the name of a Gateway"),
        (POLICY, {"image": "a b"}, UsageError, "--image 'a b' is not a valid image"),
        (
            POLICY,
            {"gpu_image": "X/y:1"},
            UsageError,
            "--gpu-image 'X/y:1' is not a valid image",
        ),
        (POLICY, {"image": "a\nb"}, UsageError, "--image 'a\\nb' is not a valid image"),
        (POLICY, {"health": "health"}, UsageError, "--health 'health' is not a path"),
        (POLICY, {"health": "/a b"}, UsageError, "--health '/a b' is not a path"),
        (POLICY, {"prometheus": "foo"}, UsageError, "--prometheus 'foo' is not the address"),
        (
            POLICY,
            {"prometheus": "http://a:b@c"},
            UsageError,
            "--prometheus 'http://a:b@c' is not the address",
        ),
        (POLICY, {"routings": {"other": two_machines()}}, UsageError, "the routes are for workload 'other'"),
        (
            POLICY.replace("200 ms", "100 ms"),
            {"routings": {"digits-cnn": two_machines()}},
            UsageError,
            "keep latency p95 within 200 ms (energygate.yml:14), and the policy's limit is latency p95 100 ms",
        ),
    ],
)
def test_impossible_values_are_refused_in_one_sentence(policy, options, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)) as found:
        exported(policy, **options)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("image", "health", "prometheus"),
    [
        ("digits", "/", "http://prometheus:9090"),
        ("localhost:5000/a/b_c:1.2-x", "/healthz?full=1", "https://monitoring.example/prometheus/"),
        ("registry.example:443/digits@sha256:" + "0f" * 32, "/v1/models", "http://[::1]:9090"),
        (IMAGE, None, PROMETHEUS),
    ],
)
def test_possible_values_are_accepted(image, health, prometheus):
    made = exported(image=image, health=health, prometheus=prometheus)
    (container,) = objects(made, "Deployment")["digits-cnn-cpu"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
    assert container["readinessProbe"]["httpGet"]["path"] == (health or "/health")
    assert prometheus in made["keda/digits-cnn.yaml"]


def test_a_replica_too_slow_for_the_limit_is_an_error():
    with pytest.raises(UsageError, match="needs longer than 200 ms even while nothing queues"):
        exported(result=measured(capacity_per_s=4.0, latency_s=0.25), requests_per_replica={})


def test_gross_energy_is_used_if_effective_energy_has_no_limit():
    policy = policies.policy_with("energy_per_request: {max: 2 J}", BUDGETS[1])
    rules = yaml.safe_load(exported(policy)["prometheus/rules.yaml"])["groups"][0]["rules"]
    by_name = {one["record"]: one["expr"] for one in rules}
    assert "idle" not in by_name["deployment:energygate_energy_per_request_joules:rate2m"]
    assert "workload:energygate_budget_joules" in by_name["deployment:energygate_replicas_by_latency_and_energy"]


def test_p99_is_used_if_p95_has_no_limit():
    policy = policies.policy_with(BUDGETS[1].replace("p95", "p99"), "energy_per_request: {max: 2 J}")
    rules = exported(policy)["prometheus/rules.yaml"]
    assert "histogram_quantile(0.99" in rules
    assert "workload:energygate_latency_p99_budget_seconds" in rules


def test_options_have_defaults():
    assert files(source(result=measured())) == files(source(result=measured()), KubernetesOptions())
