"""The file of rules: valid, deterministic, with a line of the policy beside every number of it."""

from __future__ import annotations

import re

import policies
import pytest
import yaml
from builders import metric_result, result, workload_result
from servers import promtool

from energygate.errors import PolicyError
from energygate.production.export import rules
from energygate.production.export.prometheus import FILE, PrometheusOptions, files


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


def test_every_limit_stands_beside_its_line_of_the_policy():
    lines = [line.strip() for line in rules_of().splitlines()]
    assert "expr: vector(0.5)  # 0.5 J, energygate.yml:10" in lines
    assert "expr: vector(0.2)  # 200 ms, energygate.yml:11" in lines
    assert "expr: vector(0.01)  # 99 %, energygate.yml:12" in lines
    assert "expr: |-  # 0.5 J, energygate.yml:10" in lines
    assert (
        'expr: workload:energygate_pue{workload="digits-cnn"} != 1.25  # site.pue, energygate.yml:3' in lines
    )


@pytest.mark.parametrize("written", ["1 J", "3600000 µJ", "0.2 Wh", "7.2 mJ", "3 nWh"])
def test_a_limit_in_any_unit_is_the_number_that_was_meant(written):
    joules = {"1 J": 1.0, "3600000 µJ": 3.6, "0.2 Wh": 720.0, "7.2 mJ": 0.0072, "3 nWh": 1.08e-05}[written]
    text = rules_of(policies.policy_with(f"energy_per_request: {{max: {written}}}"))
    assert expressions(text)[rules.BUDGET_ENERGY_PER_REQUEST] == f"vector({joules!r})"


def test_only_what_is_held_is_recorded_beside_the_usual():
    assert rules.rate(rules.LATENCY_P99, "5m") not in expressions(rules_of())
    everything = expressions(rules_of(policies.ALL_HELD))
    assert {rules.rate(rules.LATENCY_P99, "5m"), rules.rate(rules.ENERGY_PER_UNIT, "6h")} <= set(everything)


def test_other_services_of_the_same_server_are_left_out():
    options = PrometheusOptions(labels={"namespace": 'a"b'})
    document = yaml.safe_load(files(policies.source(policies.ALL_HELD), options)[FILE])
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
    measured = result(workload_result(metrics={"energy_per_request": metric_result(head=1e-6)}))
    text = rules_of(policy, result=measured)
    assert expressions(text)[rules.BUDGET_ENERGY_PER_REQUEST] == "vector(3.78)"  # 1.05 of 3.6 J
    assert "# 5 % over the latest result, energygate.yml:7" in text


@pytest.mark.parametrize(
    "budgets", [(), ("model_size: 1 MB",), ("energy_per_request: {max: 1 J, level: 'off'}",)]
)
def test_a_policy_without_a_limit_that_could_be_held_is_told(budgets):
    with pytest.raises(
        PolicyError, match="has no limit on energy per request that a running system could hold"
    ):
        rules_of(policies.policy_with(*budgets))
