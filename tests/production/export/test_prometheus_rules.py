"""The file of rules: valid, deterministic, with the policy's line beside each limit."""

from __future__ import annotations

import re
from pathlib import Path

import policies
import pytest
import yaml
from builders import exact_metric_result, metric_result, result, workload_result
from servers import promtool

from energygate.errors import PolicyError
from energygate.production.export import records
from energygate.production.export.live_limits import LIVE_METRICS, notes
from energygate.production.export.prometheus import FILE, files

PAGE = Path(__file__).parents[3].joinpath("docs", "production.md").read_text("utf-8")


def rules_of(text=policies.POLICY, **fields):
    return files(policies.source(text, **fields))[FILE]


def expressions(text):
    document = yaml.safe_load(text)
    return {rule.get("record"): rule["expr"] for group in document["groups"] for rule in group["rules"]}


@pytest.mark.parametrize("policy", [policies.POLICY, policies.ALL_HELD])
def test_promtool_finds_nothing_wrong(tmp_path, policy):
    path = tmp_path / FILE
    path.write_text(rules_of(policy), encoding="utf-8")
    code, said = promtool("check", "rules", path)
    assert code == 0, said
    assert "SUCCESS" in said


def test_the_same_policy_gives_the_same_file():
    assert rules_of(policies.ALL_HELD) == rules_of(policies.ALL_HELD)


def test_every_limit_has_a_comment_with_its_line_of_the_policy():
    lines = [line.strip() for line in rules_of().splitlines()]
    assert "expr: vector(0.5)  # 0.5 J, energygate.yml:10" in lines
    assert "expr: vector(0.2)  # 200 ms, energygate.yml:11" in lines
    assert "expr: vector(0.01)  # 99 %, energygate.yml:12" in lines
    assert "expr: |-  # 0.5 J, energygate.yml:10" in lines
    assert "expr: |-  # site.pue, energygate.yml:3" in lines


def test_every_alert_is_in_the_docs_with_how_urgent_it_is():
    documented = dict(
        re.findall(r"^\| `(Energygate\S+)`.*\| (`page` or `ticket`|`ticket`) \|$", PAGE, flags=re.MULTILINE)
    )
    exported = {}
    for rule in yaml.safe_load(rules_of(policies.ALL_HELD))["groups"][-1]["rules"]:
        name = re.sub("^Energygate.*OverBudget$", "Energygate…OverBudget", rule["alert"])
        exported.setdefault(name, set()).add(f"`{rule['labels']['severity']}`")
    assert documented == {name: " or ".join(sorted(severities)) for name, severities in exported.items()}


@pytest.mark.parametrize("written", ["1 J", "3600000 µJ", "0.2 Wh", "7.2 mJ", "3 nWh"])
def test_a_limit_in_any_unit_is_converted(written):
    joules = {"1 J": 1.0, "3600000 µJ": 3.6, "0.2 Wh": 720.0, "7.2 mJ": 0.0072, "3 nWh": 1.08e-05}[written]
    text = rules_of(policies.policy_with(f"energy_per_request: {{max: {written}}}"))
    assert expressions(text)[LIVE_METRICS["energy_per_request"].budget] == f"vector({joules!r})"


def test_only_limited_metrics_get_rules_of_their_own():
    assert records.rate(records.LATENCY_P99, "5m") not in expressions(rules_of())
    everything = expressions(rules_of(policies.ALL_HELD))
    assert {records.rate(records.LATENCY_P99, "5m"), records.rate(records.ENERGY_PER_UNIT, "6h")} <= set(everything)


def test_other_services_on_the_same_prometheus_are_excluded():
    document = yaml.safe_load(files(policies.source(policies.ALL_HELD), labels={"namespace": 'a"b'})[FILE])
    asked = [
        selector
        for group in document["groups"]
        for rule in group["rules"]
        for selector in re.findall(r"(?<![:\w])energygate_\w+({.*?})?(?=[\[\s)]|$)", rule["expr"])
    ]
    assert len(asked) > 100
    assert {selector for selector in asked if 'namespace="a\\"b"' not in selector} == set()


def test_a_relative_limit_needs_the_latest_result():
    policy = policies.policy_with("energy_per_request: {max_increase: 5 %}")
    with pytest.raises(PolicyError, match="--result, for prometheus needs a number") as caught:
        rules_of(policy)
    assert caught.value.where == "energygate.yml:6"
    text = rules_of(policy, result=measured_with(energy_per_request=exact_metric_result(1e-6, "kWh")))
    assert expressions(text)[LIVE_METRICS["energy_per_request"].budget] == "vector(3.78)"  # 1.05 of 3.6 J
    assert "# 5 % over the latest result, energygate.yml:7" in text


def measured_with(name="digits-cnn", **metrics):
    return result(workload_result(name, metrics=metrics))


def test_a_relative_limit_counts_from_the_upper_end_of_the_results_interval():
    metric = metric_result(head=1e-6, low=0.9e-6, high=1.2e-6)
    policy = policies.policy_with("energy_per_request: {max_increase: 5 %}")
    text = rules_of(policy, result=measured_with(energy_per_request=metric))
    assert expressions(text)[LIVE_METRICS["energy_per_request"].budget] == "vector(4.536)"  # 1.05 of 4.32 J
    assert "# 5 % over the upper end of the latest result, energygate.yml:7" in text
    unknown = metric_result(head=1e-6, low=None, high=None)
    text = rules_of(policy, result=measured_with(energy_per_request=unknown))
    assert expressions(text)[LIVE_METRICS["energy_per_request"].budget] == "vector(3.78)"
    policy = policies.policy_with("success_rate: {max_decrease: 10 %}")
    rate = metric_result(unit="", head=1.0, low=0.9, high=1.0)
    text = rules_of(policy, result=measured_with(success_rate=rate))
    assert expressions(text)[LIVE_METRICS["success_rate"].budget] == "vector(0.19)"  # 0.1 under 90 %
    assert "# 10 % under the lower end of the latest result, energygate.yml:7" in text


@pytest.mark.parametrize(
    ("min_delta", "joules", "words"),
    [
        ("0.1 J", "3.78", "# 5 % over the latest result, energygate.yml:7"),
        ("0.9 J", "4.5", "# 0.9 J over the latest result, energygate.yml:7"),
    ],
)
def test_a_change_within_min_delta_does_not_alert(min_delta, joules, words):
    policy = policies.policy_with(f"energy_per_request: {{max_increase: 5 %, min_delta: {min_delta}}}")
    text = rules_of(policy, result=measured_with(energy_per_request=exact_metric_result(1e-6, "kWh")))
    assert expressions(text)[LIVE_METRICS["energy_per_request"].budget] == f"vector({joules})"
    assert words in text


TWO = """\
version: 1
workloads:
  a: {onnx: a.onnx, budgets: {energy_per_request: {max: 1 J}}}
  b: {onnx: b.onnx, budgets: {energy_per_request: {max_increase: 5 %}}}
"""


def test_one_unsuitable_workload_among_others_may_be_left_out():
    with pytest.raises(PolicyError, match="--result, or name the workloads to export, for prometheus needs"):
        rules_of(TWO)
    with pytest.raises(PolicyError, match="a result that measured it, or name the workloads to export, for"):
        rules_of(TWO, result=measured_with("a"))


def test_a_limit_that_is_off_is_not_suggested_again():
    policy = policies.policy_with("latency_p99: {max: 1 s, level: 'off'}")
    with pytest.raises(PolicyError, match="no limit on latency p99 that") as caught:
        rules_of(policy)
    hint = "Make workloads.digits-cnn.budgets.latency_p99 warn or error, for prometheus is made from it"
    assert caught.value.hint == hint


def test_limits_for_ci_alone_and_bare_models_are_noted():
    budgets = (
        "energy_per_request: {max: 1 J}",
        "sci: {max: 1 gCO2e}",
        "throughput: {min: 9 req/s, level: 'off'}",
    )
    site = "{carbon: {country: DEU}, traffic: {requests_per_day: 9, warm_replicas: 1}}"
    source = policies.source(policies.policy_with(*budgets, "model_size: 1 MB", site=site))
    assert list(notes(source)) == ["only CI checks sci, model_size of digits-cnn"]
    assert list(notes(policies.source())) == []
    relative = policies.policy_with("energy_per_request: {max_increase: 5 %}")
    (note,) = notes(policies.source(relative, result=measured_with(energy_per_request=metric_result())))
    assert note.startswith("digits-cnn was measured without its server, and relative limits count from that")
    served = relative.replace("onnx: digits.onnx", "http: http://127.0.0.1:8000/\n    serve: x")
    assert list(notes(policies.source(served))) == []


@pytest.mark.parametrize("budgets", [(), ("model_size: 1 MB",), ("energy_per_request: {max: 1 J, level: 'off'}",)])
def test_a_policy_without_an_exportable_limit_is_an_error(budgets):
    with pytest.raises(PolicyError, match="has no limit on energy per request that a running system could check"):
        rules_of(policies.policy_with(*budgets))
