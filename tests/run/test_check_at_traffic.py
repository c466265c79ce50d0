"""A real check of a site with traffic: metrics, budgets and sentences come out at the other end."""

from __future__ import annotations

import pytest

from energygate.gate import Verdict
from energygate.policy import parse_policy
from energygate.result.reading import read_result
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.demo import fixtures
from energygate.run.options import Options

POLICY = """version: 1
site:
  pue: 1.25
  carbon: {intensity: 400 g/kWh}
  electricity_price: 0.25 USD/kWh
  water: 1.8 L/kWh
  replica: {price: 0.34 USD/h}
  traffic: {requests_per_day: 200000, warm_replicas: 2}
workloads:
  mlp:
    onnx: models/digits-mlp.onnx
    budgets:
      effective_energy_per_request: {max: 1 kWh, max_increase: 90 %}
      monthly_cost: {max: 1 USD, level: warn}
      monthly_water: 1 m3
      sci: 1 kgCO2e
"""
UP_S = 2 * 86_400


def checked(text, *, time_limit_s=1):
    return check(parse_policy(text, "energygate.yml"), fixtures(), Options(time_limit_s=time_limit_s))


@pytest.fixture(scope="module")
def found():
    return checked(POLICY, time_limit_s=60)  # it stops as soon as all is decided


def test_a_site_with_traffic_is_judged_by_it(found):
    (mlp,) = found.workloads
    verdicts = {name: [one.verdict for one in metric.findings] for name, metric in mlp.metrics.items()}
    assert verdicts["monthly_cost"] == [Verdict.WARN]  # two replicas alone are 497 USD
    assert verdicts["effective_energy_per_request"] == verdicts["sci"] == [Verdict.PASS]
    assert found.verdict is Verdict.WARN


def test_the_parts_add_up_to_the_metrics(found):
    (mlp,) = found.workloads
    parts, provenance = mlp.footprint, mlp.provenance
    assert parts.replica_seconds_per_day == UP_S
    assert parts.active_it_kwh_per_request == pytest.approx(provenance.active_it_kwh_per_request)
    assert parts.idle_watts == provenance.idle_watts
    it_kwh = parts.active_it_kwh_per_request + parts.idle_it_kwh_per_request
    assert mlp.metrics["effective_energy_per_request"].head == pytest.approx(it_kwh * 1.25)
    month = mlp.metrics["monthly_energy"].head
    assert month == pytest.approx(it_kwh * 1.25 * 200_000 * 365.25 / 12)
    assert mlp.metrics["monthly_cost"].head == pytest.approx(month * 0.25 + parts.monthly_replicas)
    assert mlp.metrics["monthly_carbon"].unit == "gCO2e"
    assert mlp.metrics["monthly_water"].unit == "L"


def test_it_reads_back(found):
    assert read_result(found.to_json(), name="result.json") == found


def test_a_too_small_pool_is_an_error_with_its_line():
    busy = POLICY.replace("200000, warm_replicas: 2", "1.0e12, max_replicas: 1").replace("0.34", "0.35")
    (mlp,) = checked(busy).workloads
    assert mlp.verdict is Verdict.ERROR
    start = "there is no effective energy per request: energygate.yml:8: hour 0 needs "
    assert mlp.error.message.startswith(start)
    assert mlp.error.message.endswith("and max_replicas is 1: more busy time than the hour has")
    assert mlp.footprint is None


def test_a_too_small_pool_without_a_budget_is_a_note():
    text = POLICY.partition("    budgets")[0].replace("200000, warm_replicas: 2", "1.0e12, max_replicas: 1")
    (mlp,) = checked(text).workloads
    assert mlp.verdict is Verdict.PASS
    assert mlp.notes[0].startswith("no metrics at the site's traffic: energygate.yml:8: hour 0 needs")
    assert "energy_per_request" in mlp.metrics


def test_an_idle_power_above_the_measured_power_is_noted_with_its_line():
    text = POLICY.replace("price: 0.34 USD/h", "idle_power: 5 kW")
    (mlp,) = checked(text.partition("    budgets")[0]).workloads
    assert mlp.notes[0].startswith("energygate.yml:7: site.replica.idle_power is 5.00 kW, above the ")
    assert mlp.footprint.idle_source == "policy"


def test_a_change_is_judged_at_the_site_s_traffic(tmp_path):
    """Head's model is the heavy one; at busy replicas only, its effective energy rises with its requests'."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/digits-mlp.onnx").write_bytes((fixtures() / "models/digits-mlp.onnx").read_bytes())
    head = tmp_path / "head"
    (head / "models").mkdir(parents=True)
    (head / "models/digits-mlp.onnx").write_bytes((fixtures() / "models/digits-cnn-heavy.onnx").read_bytes())
    text = POLICY.replace(", warm_replicas: 2", "").partition("      monthly_cost")[0]
    for side in (tmp_path, head):
        (side / "energygate.yml").write_text(text)
    with check_out_base(head, "energygate.yml", base_dir=str(tmp_path)) as base:
        outcome = check(parse_policy(text, "energygate.yml"), head, Options(time_limit_s=1), base=base)
    metric = outcome.workloads[0].metrics["effective_energy_per_request"]
    assert metric.base < metric.head
    assert metric.change.estimate > 0.9
    assert outcome.workloads[0].metrics["monthly_energy"].change == metric.change
