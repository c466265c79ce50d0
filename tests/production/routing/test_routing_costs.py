"""Costs over the rate: exact, steps included, and in agreement with trying every rate."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from example_costs import CPU, GPU, SPAN, grid, pools_drawn, several
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.production.routing.pool_costs import (
    PoolCosts,
    bands,
    best,
    cheaper,
    intersection,
    switch_rate,
)


def inside(rate, regions):
    return any(low < rate < high for low, high in regions)


@settings(max_examples=20)
@given(several)
def test_bands_agree_with_trying_every_rate(pools):
    found = bands(pools, SPAN)
    assert found[0][0][0] == SPAN[0]
    assert found[-1][0][1] == SPAN[1]
    assert all(before[0][1] == after[0][0] for before, after in pairwise(found))
    assert all(before[1] is not after[1] for before, after in pairwise(found))
    for rate in grid():
        pool = next(pool for (low, high), pool in found if low <= rate <= high)
        least = min(one.power_watts(rate) for one in pools)
        mine = math.inf if pool is None else pool.power_watts(rate)
        assert mine == pytest.approx(least, rel=1e-9)


@settings(max_examples=20)
@given(several)
def test_cheaper_regions_agree_with_trying_every_rate(pools):
    one, other = pools[:2]
    regions = cheaper(one, other, SPAN)
    for rate in grid():
        mine, others = one.power_watts(rate), other.power_watts(rate)
        if math.isclose(mine, others, rel_tol=1e-9):
            continue
        assert inside(rate, regions) == (mine < others)


@settings(max_examples=20)
@given(several)
def test_costs_are_equal_where_a_band_ends(pools):
    for ((_, edge), before), ((_, _), after) in pairwise(bands(pools, SPAN)):
        if before is None or after is None:
            continue
        on_a_step = any(
            math.isclose(edge / pool.replica_rate_per_s, round(edge / pool.replica_rate_per_s), rel_tol=1e-9)
            for pool in pools
        )
        assert on_a_step or before.power_watts(edge) == pytest.approx(after.power_watts(edge), rel=1e-6)


@settings(max_examples=20)
@given(several, st.floats(0.01, 100.0))
def test_scaling_all_energies_changes_only_joules(pools, factor):
    scaled = [pool.scaled(idle=factor, active=factor) for pool in pools]
    before, after = bands(pools, SPAN), bands(scaled, SPAN)
    for rate in grid(count=97):
        name, others = (
            next(pool and pool.name for (low, high), pool in found if low <= rate <= high) for found in (before, after)
        )
        costs = {pool.name: pool.power_watts(rate) for pool in pools}
        assert name == others or costs[name] == pytest.approx(costs[others], rel=1e-9)


@settings(max_examples=20)
@given(several, st.floats(1.01, 3.0), st.floats(1.01, 3.0), st.floats(0.3, 1.0))
def test_a_pool_that_is_worse_in_everything_is_never_chosen(pools, idle, active, rate):
    worse = replace(pools[0].scaled(idle=idle, active=active, rate=rate), name="worse")
    assert "worse" not in {pool.name for _, pool in bands([worse, *pools], SPAN) if pool is not None}


@given(pools_drawn())
def test_more_requests_never_take_less_power(pool):
    powers = [pool.power_watts(rate) for rate in grid()]
    assert powers == sorted(powers)


@given(pools_drawn())
def test_steps_are_where_a_replica_is_added(pool):
    for edge in pool.steps(*SPAN):
        before, after = pool.replicas(edge), pool.replicas(edge * (1 + 1e-6))
        assert before is not None
        assert after is None or after == before + 1


def test_a_pool_in_use_keeps_its_warm_replicas_at_any_rate():
    warm = replace(CPU, warm=3)
    assert (warm.replicas(0.0), warm.power_watts(0.0)) == (3, 30.0)
    assert warm.replicas(150.0) == 3
    assert warm.replicas(150.1) == 4


def test_beyond_its_replicas_a_pool_serves_nothing():
    few = replace(CPU, max_replicas=2)
    assert math.isinf(few.power_watts(100.1))
    assert [(span, pool and pool.name) for span, pool in bands([few], (1.0, 200.0))] == [
        ((1.0, 100.0), "cpu"),
        ((100.0, 200.0), None),
    ]
    assert best([few], 101.0) is None


def test_a_switch_is_where_two_costs_cross_once():
    # one replica each: 10 + 0.1 x = 60 + 0.02 x
    wide = replace(CPU, replica_rate_per_s=2000.0)
    assert switch_rate(wide, GPU, SPAN) == pytest.approx(625.0)
    assert [pool.name for _, pool in bands([wide, GPU], SPAN)] == ["cpu", "gpu"]


def test_a_switch_among_steps_loses_the_least_energy():
    one = PoolCosts(name="one", idle_watts=10.0, active_joules=0.1, replica_rate_per_s=100.0)
    other = PoolCosts(name="other", idle_watts=24.0, active_joules=0.08, replica_rate_per_s=260.0)
    turns = bands([one, other], SPAN)
    assert len(turns) > 2
    found = switch_rate(one, other, SPAN)

    def lost(at):
        return sum((one if rate < at else other).power_watts(rate) for rate in grid(count=9973))

    assert lost(found) <= min(lost(rate) for rate in grid(count=101)) * (1 + 1e-3)


def test_regions_common_to_several_lists():
    assert intersection([[(1.0, 5.0), (7.0, 9.0)], [(4.0, 8.0)]], (0.0, 10.0)) == [(4.0, 5.0), (7.0, 8.0)]
    assert intersection([[(1.0, 2.0)], []], (0.0, 10.0)) == []
    assert intersection([], (0.0, 10.0)) == [(0.0, 10.0)]
