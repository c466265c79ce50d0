"""The exported autoscaler over a simulated day (bench/autoscaling.py): it is stable, and what it costs."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from parallel import repeated

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from autoscaling import cpu, exported, plain
from autoscaling_day import MOST, Autoscaler, Scaling, Service, a_day, simulate

MEASURED = Service()
HOURS = 4.0
RATES = tuple(a_day(hours=HOURS))
NATURAL_TURNS = 9
"""Up to the noon and down again, and the same for each of four bursts, the first of which rides on the way up."""


@lru_cache
def ours(service, **changes):
    return simulate(service, exported(MEASURED, **changes), RATES)


@lru_cache
def by_cpu(service, target):
    return simulate(service, cpu(target), RATES)


@pytest.mark.parametrize(("rate", "replicas"), [(5.0, 6), (40.0, 2), (100.0, 12)])
def test_under_a_steady_load_it_settles_at_the_fewest_replicas_that_keep_the_limit(rate, replicas):
    day = simulate(MEASURED, exported(MEASURED), [rate] * 160, replicas=replicas)
    needed = rate / MEASURED.target_per_s()
    assert set(day.replicas[80:]) == {day.replicas[-1]}
    assert math.ceil(needed * 0.9) <= day.replicas[-1] <= math.ceil(needed * 1.1)
    assert day.p95_s <= MEASURED.limit_s or replicas < needed


@pytest.mark.parametrize(
    "service",
    [MEASURED, replace(MEASURED, spin_s=0.2), replace(MEASURED, mean_s=0.052)],
    ids=["as measured", "threads spin", "30 % slower"],
)
def test_over_a_day_replicas_follow_the_load_without_oscillation(service):
    assert ours(service).turns <= NATURAL_TURNS
    assert ours(service).most < MOST / 2


def test_without_the_square_root_replicas_would_oscillate():
    slow = replace(MEASURED, mean_s=0.052)
    assert ours(slow, power=1.0).turns > NATURAL_TURNS


def test_it_keeps_latency_and_the_energy_budget():
    assert ours(MEASURED).p95_s <= MEASURED.limit_s
    assert ours(MEASURED).joules <= MEASURED.budget_joules


@pytest.mark.parametrize("spin_s", [*repeated(0.0), 0.04])
def test_it_takes_no_more_energy_than_cpu_utilisation_tuned_to_the_same_latency(spin_s):
    """With the same replicas energy is the same, whatever they are scaled by: tuning can reach it, and no more."""
    service = replace(MEASURED, spin_s=spin_s)
    day = ours(service)
    tuned = [by_cpu(service, target / 100) for target in (60, 66, 72)]
    as_good = [one.joules for one in tuned if one.late <= day.late]
    assert as_good
    assert day.joules < 1.03 * min(as_good)


def test_it_takes_less_energy_than_cpu_utilisation_at_the_same_latency_where_threads_spin():
    service = replace(MEASURED, spin_s=0.2)
    day = ours(service)
    tuned = [by_cpu(service, target / 100) for target in (76, 79, 82)]
    as_good = [one.joules for one in tuned if one.late <= day.late * 1.1]
    assert as_good
    assert day.joules < 0.97 * min(as_good)
    assert day.joules < 0.7 * by_cpu(service, 0.6).joules  # tuned to nothing, as usual


def test_energy_over_its_budget_as_a_metric_adds_replicas_without_end():
    """More replicas mean more energy per request, which asks for more replicas."""
    _, energy, both = plain(MEASURED)
    for scaling in (energy, both):
        day = simulate(MEASURED, scaling, RATES[:160])
        assert day.most == MOST
        assert day.joules > 2 * ours(MEASURED).joules


def test_latency_as_the_only_metric_oscillates():
    latency, *_ = plain(MEASURED)
    assert simulate(MEASURED, latency, RATES).turns > NATURAL_TURNS


class Constant:
    """What a metric sees does not matter here."""


@pytest.mark.parametrize(
    ("current", "totals", "ratios", "wanted"),
    [
        (4, (4.39,), (), 4),  # within the tolerance
        (4, (4.5,), (), 5),
        (4, (2.0, 6.5), (), 7),  # the largest counts
        (4, (), (1.09,), 4),
        (4, (), (1.2,), 5),
        (4, (0.0,), (0.5,), 4),  # down only after five minutes
        (4, (100.0,), (), 8),  # four more, or twice as many, a minute
        (10, (100.0,), (), 20),
        (30, (100.0,), (), 40),
        (1, (0.0,), (), 1),
    ],
)
def test_the_simulated_autoscaler_is_the_one_that_kubernetes_documents(current, totals, ratios, wanted):
    """kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details."""
    scaling = Scaling(
        name="",
        totals=tuple(lambda _, value=one: value for one in totals),
        ratios=tuple(lambda _, value=one: value for one in ratios),
    )
    autoscaler = Autoscaler(scaling)
    first = Scaling(name="", totals=(lambda _: float(current),))
    before = Autoscaler(first)
    assert before.decide(current, current, Constant()) == current
    autoscaler._wanted, autoscaler._replicas = before._wanted, before._replicas
    assert autoscaler.decide(current, current, Constant()) == wanted


def test_it_scales_down_once_nothing_has_asked_for_more_in_five_minutes():
    autoscaler = Autoscaler(Scaling(name="", totals=(lambda seen: seen,)))
    asked = [8.0] + [3.0] * 21
    decided = [autoscaler.decide(8, 8, one) for one in asked]
    assert decided == [8] * 21 + [3]
