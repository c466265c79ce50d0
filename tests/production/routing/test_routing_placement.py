"""Thresholds, their uncertainty, and mixes: in agreement with exhaustive search."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from example_costs import CPU, GPU, SPAN, grid, pools_drawn, several
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.production.routing.placement import (
    Candidate,
    ErrorMargins,
    best_mix,
    certain,
    certain_at,
    thresholds,
    worthwhile_mix,
)
from energygate.production.routing.pool_costs import best

SURE = ErrorMargins(energy=(1.0, 1.0), rate=(1.0, 1.0), uncertainty=0.0, sources=("a",))


def candidate(pool, *, uncertainty=0.0, scatter=0.0, source="a"):
    margins = replace(
        SURE,
        energy=(1 - scatter, 1 + scatter),
        rate=(1 - scatter, 1 + scatter),
        uncertainty=uncertainty,
        sources=(source,),
    )
    return Candidate(pool=pool, margins=margins)


def test_without_uncertainty_a_threshold_is_a_point():
    wide = replace(CPU, replica_rate_per_s=2000.0)
    (found,) = thresholds([candidate(wide), candidate(GPU)], SPAN)
    assert (found.below, found.above) == ("cpu", "gpu")
    assert found.low_per_s == found.high_per_s == pytest.approx(found.rate_per_s) == pytest.approx(625.0)


def test_shared_errors_cancel_and_others_do_not():
    wide = replace(CPU, replica_rate_per_s=2000.0)
    alike = thresholds([candidate(wide, uncertainty=0.1), candidate(GPU, uncertainty=0.1)], SPAN)[0]
    apart = thresholds([candidate(wide, uncertainty=0.1), candidate(GPU, uncertainty=0.1, source="b")], SPAN)[0]
    # alike: 50 W of idle power more, ± 10 %, against 0.08 J a request, ± 10 %
    assert (alike.low_per_s, alike.high_per_s) == (
        pytest.approx(625 * 0.9 / 1.1),
        pytest.approx(625 * 1.1 / 0.9),
    )
    # apart: 11 + 0.11 x = 54 + 0.018 x, and 9 + 0.09 x = 66 + 0.022 x
    assert (apart.low_per_s, apart.high_per_s) == (
        pytest.approx(43 / 0.092),
        pytest.approx(57 / 0.068),
    )
    assert alike.rate_per_s == apart.rate_per_s == pytest.approx(625.0)


def test_a_threshold_uncertain_on_one_side_says_which():
    wide = replace(CPU, replica_rate_per_s=2000.0)
    (found,) = thresholds([candidate(wide, uncertainty=0.3), candidate(GPU, uncertainty=0.3, source="b")], SPAN)
    assert found.low_per_s is not None
    assert found.high_per_s is None


def test_without_intervals_nothing_is_certain():
    silent = replace(SURE, energy=None)
    wide = replace(CPU, replica_rate_per_s=2000.0)
    (found,) = thresholds([Candidate(pool=wide, margins=silent), candidate(GPU)], SPAN)
    assert (found.low_per_s, found.high_per_s) == (None, None)
    assert found.rate_per_s == pytest.approx(625.0)
    assert not certain_at(candidate(GPU), [Candidate(pool=CPU, margins=silent)], 900.0)


@st.composite
def candidates_drawn(draw):
    """Pools of two kinds of meters, each with an uncertainty of its own."""
    uncertainty = {source: draw(st.floats(0.0, 0.5)) for source in "ab"}
    return [
        candidate(pool, uncertainty=uncertainty[source], scatter=draw(st.floats(0.0, 0.2)), source=source)
        for pool, source in ((pool, draw(st.sampled_from("ab"))) for pool in draw(several))
    ]


@settings(max_examples=20)
@given(candidates_drawn())
def test_the_certain_best_pool_is_the_nominal_best(candidates):
    pools = [one.pool for one in candidates]
    for one in candidates:
        others = [other for other in candidates if other is not one]
        for low, high in certain(one, others, SPAN):
            middle = (low + high) / 2
            assert best(pools, middle) is one.pool
            assert certain_at(one, others, middle)


@settings(max_examples=20)
@given(candidates_drawn(), st.data())
def test_the_certain_best_pool_stays_best_within_all_errors(candidates, data):
    share = st.floats(-1.0, 1.0)
    wrong = {(source, what): data.draw(share) for source in "ab" for what in ("idle", "active")}
    scattered = [(data.draw(share), data.draw(share)) for _ in candidates]

    def truth(at):
        margins, (energy, rate) = candidates[at].margins, scattered[at]
        scatter = margins.energy[1] - 1
        idle, active = (1 + wrong[margins.sources[0], what] * margins.uncertainty for what in ("idle", "active"))
        return candidates[at].pool.scaled(idle=idle, active=active * (1 + energy * scatter), rate=1 + rate * scatter)

    for at, one in enumerate(candidates):
        for low, high in certain(one, [other for other in candidates if other is not one], SPAN):
            powers = [truth(number).power_watts((low + high) / 2) for number in range(len(candidates))]
            assert powers[at] <= min(powers) * (1 + 1e-9)


@settings(max_examples=20)
@given(candidates_drawn())
def test_thresholds_rise_and_lie_in_their_intervals(candidates):
    found = thresholds(candidates, SPAN)
    rates = [one.rate_per_s for one in found]
    assert rates == sorted(rates)
    for one in found:
        assert one.below != one.above
        assert (one.low_per_s or SPAN[0]) <= one.rate_per_s <= (one.high_per_s or SPAN[1])
        assert set(one.between) >= {one.below, one.above}


@settings(max_examples=20)
@given(st.lists(pools_drawn(), min_size=2, max_size=2), st.sampled_from((0.0, 0.05, 0.2)))
def test_following_the_thresholds_is_optimal_where_the_order_is_certain(pools, scatter):
    pools = [replace(pool, name=name) for pool, name in zip(pools, "ab", strict=True)]
    candidates = [candidate(pool, scatter=scatter) for pool in pools]
    found = thresholds(candidates, SPAN)
    if not found:
        return
    for rate in grid(count=97):
        passed = [one.above for one in found if one.rate_per_s <= rate]
        followed = passed[-1] if passed else found[0].below
        rivals = [one for one in candidates if one.pool.name != followed]
        assert not any(
            certain_at(rival, [one for one in candidates if one is not rival], rate) for rival in rivals
        ) or any(math.isclose(rate, one.rate_per_s, rel_tol=1e-6) for one in found)


def tried(pools, rate):
    """The cheapest of all pairs of counts, each pair with the split that is cheapest for it."""
    found = math.inf
    for one, other in product(pools, repeat=2):
        if one is other or one.active_joules > other.active_joules:
            continue
        most = [min(pool.max_replicas or 40, 40) for pool in (one, other)]
        for mine in range(one.warm, most[0] + 1):
            for others in range(other.warm, most[1] + 1):
                frugal = min(rate, mine * one.replica_rate_per_s)
                rest = rate - frugal
                if rest <= rate * 1e-9:
                    continue  # the one alone serves it
                if rest <= others * other.replica_rate_per_s * (1 + 1e-9):
                    found = min(found, one.power_of(mine, frugal) + other.power_of(others, rest))
    return found


@given(
    st.lists(pools_drawn(), min_size=2, max_size=2).map(
        lambda pools: [
            replace(pool, name=name, max_replicas=pool.max_replicas or 30)
            for pool, name in zip(pools, "ab", strict=True)
        ]
    ),
    st.floats(10.0, 190.0),
)
def test_the_best_mix_agrees_with_exhaustive_search(pools, rate):
    mix = best_mix(pools, rate)
    least = tried(pools, rate)
    assert (math.inf if mix is None else mix.power_watts) == pytest.approx(least, rel=1e-9)
    if mix is not None:
        assert sum(share.rate_per_s for share in mix.shares) == pytest.approx(rate)
        rates = {pool.name: pool.replica_rate_per_s for pool in pools}
        assert all(share.rate_per_s <= share.replicas * rates[share.pool] * (1 + 1e-9) for share in mix.shares)


def test_a_mix_pays_just_above_the_capacity_of_one_large_replica():
    mix = worthwhile_mix([CPU, GPU], 1020.0)
    assert [(share.pool, share.replicas) for share in mix.shares] == [("gpu", 1), ("cpu", 1)]
    assert mix.power_watts == pytest.approx(60 + 20.0 + 10 + 2.0)
    assert mix.saving == pytest.approx(1 - 92.0 / (120 + 20.4))
    assert worthwhile_mix([CPU, GPU], 990.0) is None
