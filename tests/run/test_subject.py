"""One workload under measurement, with launches made up: how much more time would decide, and which meter is enough."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from builders import launch, meter_facts, window

from energygate.errors import MeasurementError
from energygate.gate.estimates import Confidence, Factors
from energygate.measure.launch import Launches
from energygate.measure.readings import Method
from energygate.measure.series import DRIFTING
from energygate.policy import parse_policy
from energygate.run import context as run_context
from energygate.run import subject as run_subject
from energygate.run.context import RunContext
from energygate.run.options import Observer
from energygate.run.pairing import Pairing
from energygate.run.subject import Subject

POLICY = """\
version: 1
measurement: {{require: {require}}}
workloads:
  w:
    python: work:run
    budgets: {budgets}
"""


def policy_of(*, budgets="{}", require="any"):
    return parse_policy(POLICY.format(budgets=budgets, require=require))


def context_of(policy, *, pue=1.0):
    return RunContext(
        policy=policy,
        machine=None,
        factors=Factors(pue=pue, carbon_g_per_kwh=None, price_per_kwh=None),
        confidence=Confidence(alpha=0.05, drift_sd=0.1, drifting=DRIFTING),
        time_limit_s=60.0,
        observer=Observer(),
    )


def scattered_launch():
    """Head takes 10 % more time and energy than base, in blocks that scatter by as much."""
    ratios = [math.exp(one) for one in (0.0, 0.0, 0.2, 0.2)]
    base = launch(*[window(1.0, wall_ns=20_000_000) for _ in ratios])
    head = launch(*[window(ratio, wall_ns=round(ratio * 20_000_000)) for ratio in ratios])
    return Launches(base=(base,), head=(head,))


def measured_subject(budgets, monkeypatch, *, launch=scattered_launch, is_open=True, pue=1.0, limit_s=6.0):
    seconds = itertools.count(step=1_000_000_000)
    monkeypatch.setattr(run_subject, "time", SimpleNamespace(perf_counter_ns=lambda: next(seconds)))
    policy = policy_of(budgets=budgets)
    workload = policy.workloads["w"]
    subject = Subject(
        Pairing(name="w", state="compared", head=workload, base=workload, base_name="w"),
        SimpleNamespace(launch=launch, mode="paired", saved_ns=0.0),
        meter=SimpleNamespace(facts=meter_facts()),
        exact={},
        comparison=None,
        notes=(),
        context=context_of(policy, pue=pue),
    )
    subject.measure(limit_s)
    assert subject.is_open is is_open
    return subject


def seconds_to_decide(budgets, monkeypatch, *, pue=1.0):
    return measured_subject(budgets, monkeypatch, pue=pue)._seconds_to_decide()


@pytest.mark.parametrize(
    ("budgets", "ratio", "launches"),
    [
        ("{energy_per_request: {max_increase: 5 %}}", 1.0, 1),
        ("{energy_per_request: {max_increase: 5 %}}", 1.3, 1),
        ("{energy_per_request: {max_increase: 5 %}}", 0.7, 4),
        ("{energy_per_request: {max_increase: 50 %}}", 1.2, 4),
        ("{throughput: {max_decrease: 5 %}}", 1.3, 1),
        ("{energy_per_request: 1 kWh}", 1.0, 4),
        ("{energy_per_request: 1 nWh}", 1.0, 1),
        ("{energy_per_request: 1 kWh, throughput: {max_decrease: 5 %}}", 1.3, 1),
        ("{energy_per_request: 1 kWh, throughput: {max_decrease: 5 %}}", 1.0, 4),
    ],
)
def test_one_launch_fails_and_shows_that_nothing_changed_and_all_else_waits_for_the_fourth(
    monkeypatch, budgets, ratio, launches
):
    def launch_of():
        base = launch(*[window()] * 18)
        return Launches(base=(base,), head=(launch(*[window(ratio, wall_ns=round(ratio * 20_000_000))] * 18),))

    subject = measured_subject(budgets, monkeypatch, launch=launch_of, is_open=False)
    assert len(subject._campaign.launches) == launches


def test_what_passes_stays_open_until_every_input_was_measured(monkeypatch):
    def launch_of_some():
        same = replace(launch(*[window()] * 18), inputs=20, calls=range(2))
        return Launches(base=(same,), head=(same,))

    subject = measured_subject("{energy_per_request: {max_increase: 5 %}}", monkeypatch, launch=launch_of_some)
    launches = len(subject._campaign.launches)
    assert launches > 1
    assert subject._seconds_to_decide() == pytest.approx((10 * launches - launches) * 1.0)


def test_how_long_a_few_expensive_requests_take_to_be_shown(monkeypatch):
    """Typical requests are as before; one window in eighteen costs four times as much."""
    costs = itertools.cycle((4.2, 3.8, 4.1))

    def launch_of_outliers():
        base = launch(*[window()] * 18)
        return Launches(base=(base,), head=(launch(*[window()] * 17, window(next(costs))),))

    budgets = "{energy_per_request: {max_increase: 5 %}}"
    subject = measured_subject(budgets, monkeypatch, launch=launch_of_outliers, limit_s=3.0)
    (finding,) = subject._assessment.judged
    assert finding.judged.high < 0.05
    assert subject._seconds_to_decide() > 1.0  # one more launch would decide it for typical requests


def test_a_fall_of_throughput_is_decided_as_fast_as_the_equal_rise_of_energy(monkeypatch):
    """ln 1.25 is -ln 0.8, and the launches' throughput falls as their energy rises."""
    rise = seconds_to_decide("{energy_per_request: {max_increase: 25 %}}", monkeypatch)
    fall = seconds_to_decide("{throughput: {max_decrease: 20 %}}", monkeypatch)
    assert rise == fall > 0


def test_twice_the_pue_takes_as_long_to_decide_against_twice_the_limit(monkeypatch):
    """The launches' values are IT energy, a limit is of facility energy: about 31 µWh a request, times PUE."""
    once = seconds_to_decide("{energy_per_request: 37 µWh}", monkeypatch)
    twice = seconds_to_decide("{energy_per_request: 74 µWh}", monkeypatch, pue=2.0)
    assert once == twice > 0


@pytest.mark.parametrize(
    ("require", "method", "enough"),
    [
        ("measured", Method.ESTIMATED, False),
        ("measured", Method.MEASURED, True),
        ("any", Method.ESTIMATED, True),
    ],
)
def test_a_policy_that_requires_measured_energy_refuses_a_power_model(require, method, enough, monkeypatch):
    meter = SimpleNamespace(facts=SimpleNamespace(method=method, source="a power model"))
    for name, answer in {"selection_for": None, "gpus_for": (), "vcpu_power": None, "open_meter": meter}.items():
        monkeypatch.setattr(run_context, name, lambda *_, answer=answer, **__: answer)
    policy = policy_of(require=require)
    context = context_of(policy)
    if enough:
        assert context.meter(policy.workloads["w"]) is meter
    else:
        with pytest.raises(MeasurementError, match=r"requires measured energy; here it is only estimated"):
            context.meter(policy.workloads["w"])
