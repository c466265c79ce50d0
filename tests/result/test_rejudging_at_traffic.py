"""Judging metrics at traffic again: only with the site of base's policy."""

from __future__ import annotations

import pytest
from first_stage import FirstStage, judge_again, policy

from energygate.gate import Estimate, Evidence, Verdict
from energygate.result.site_result import ReplicaResult, TrainingResult

SITE = {
    "pue": 1.25,
    "electricity_price": "0.25 USD/kWh",
    "water": "1.8 L/kWh",
    "egress_price": "0.09 USD/GB",
    "replica": {"price": "0.34 USD/h"},
    "traffic": {"requests_per_day": 200, "warm_replicas": 2},
}
BUDGETS = {"effective_energy_per_request": {"max": "2 Wh", "max_increase": "5 %"}}
ENERGY = {"energy_per_request": {"max": "2 Wh"}}
SAME = Estimate(value=0.0, low=-0.01, high=0.01)
KEPT = Estimate(value=1e-3, low=0.9e-3, high=1.1e-3)


def measured(budgets, *metrics, site=SITE):
    base = policy({"cnn": {"onnx": "cnn.onnx", "budgets": budgets}}, site=site)
    evidence = [Evidence(metric=name, head=KEPT, base=KEPT, change=SAME, total=SAME) for name in metrics]
    return base, FirstStage(base, base).measured("cnn", evidence).result()


def elsewhere(outcome, **fields):
    return outcome.model_copy(update={"site": outcome.site.model_copy(update=fields)})


def replica(**fields):
    nothing = dict.fromkeys(ReplicaResult.model_fields)
    return ReplicaResult(**{**nothing, "price": "0.34 USD/h", **fields})


def test_a_budget_at_traffic_is_judged_again():
    base, honest = measured(BUDGETS, "effective_energy_per_request")
    assert judge_again(honest, base).verdict is Verdict.PASS
    base, honest = measured({"effective_energy_per_request": {"max": "0.5 Wh"}}, "effective_energy_per_request")
    assert judge_again(honest, base).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"requests_per_day": 2e9}, "requests a day 2000000000.0, and base's policy says 200.0"),
        ({"traffic": {"warm_replicas": 0}}, "warm replicas 0, and base's policy says 2"),
        ({"traffic": {"max_replicas": 7}}, "max replicas 7, and base's policy says none"),
        (
            {"traffic": {"scale_to_zero_after_s": 60.0}},
            "seconds to scale to zero 60.0, and base's policy says none",
        ),
        (
            {"traffic": {"model_downloads_per_month": 1.0}},
            "model downloads a month 1.0, and base's policy says 0.0",
        ),
        ({"traffic": {"requests_per_hour": (200.0, *(0.0,) * 23)}}, "requests by the hour (200.0, 0.0, "),
        ({"traffic": None}, "requests by the hour none, and base's policy says (8.3"),
        ({"replica": None}, "price of a replica none, and base's policy says 0.34 USD/h"),
        (
            {"replica": replica(idle_watts=0.001)},
            "idle power of a replica 0.001, and base's policy says none",
        ),
        (
            {"replica": replica(price="0.01 USD/h")},
            "price of a replica 0.01 USD/h, and base's policy says 0.34 USD/h",
        ),
        (
            {"training": TrainingResult(energy_kwh=1.0, lifetime_requests=1.0)},
            "energy of training 1.0, and base's policy says none",
        ),
        ({"water_l_per_kwh": 0.1}, "water usage 0.1, and base's policy says 1.8"),
        ({"egress_price": "free"}, "price of data free, and base's policy says 0.09 USD/GB"),
    ],
)
def test_numbers_for_another_site_or_traffic_are_not_judged(other, why):
    base, honest = measured(BUDGETS, "effective_energy_per_request")
    terms = other.get("traffic")
    if isinstance(terms, dict):
        other = {"traffic": honest.site.traffic.model_copy(update=terms)}
    again = judge_again(elsewhere(honest, **other), base)
    assert again.verdict is Verdict.ERROR
    assert f"it was measured with {why}" in again.workloads[0].error.message


def test_a_price_in_another_unit_is_the_same():
    base, honest = measured(BUDGETS, "effective_energy_per_request")
    same = elsewhere(honest, replica=replica(price="0.0034 USD/h".replace("0.0034", "0.340")))
    assert judge_again(elsewhere(same, egress_price="90 USD/TB"), base).verdict is Verdict.PASS


def test_a_metric_without_a_budget_is_checked_against_the_same_site():
    base, honest = measured(ENERGY, "energy_per_request", "monthly_energy")
    assert judge_again(honest, base).verdict is Verdict.PASS
    assert judge_again(elsewhere(honest, water_l_per_kwh=None), base).verdict is Verdict.ERROR


def test_without_a_metric_at_traffic_the_site_is_not_checked():
    """Results from before these terms existed are still judged; the reported cost uses base's."""
    base, honest = measured(ENERGY, "energy_per_request")
    again = judge_again(elsewhere(honest, traffic=None, replica=None, requests_per_day=1e9), base)
    assert again.verdict is Verdict.PASS
    assert again.site == honest.site
