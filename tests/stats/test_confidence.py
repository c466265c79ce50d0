"""The interval against an independent derivation, against simulation, and against the laws it must keep."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import scipy  # whose `stats` is imported when it is first used
from hypothesis import given
from hypothesis import strategies as st

from energygate.stats import Interval, half_width, mean_interval, widened_by_drift
from energygate.stats.confidence import (
    EFFECTS,
    FIRST_SHARE,
    MAX_LAUNCHES,
    MIN_LAUNCHES,
    critical_r,
    launches_needed,
    log_evidence,
)

values = st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=30)
alphas = st.floats(1e-6, 0.5)
LOOKS = range(MIN_LAUNCHES, MAX_LAUNCHES + 1)


def symmetric(mean, half):
    return Interval(mean=mean, low=mean - half, high=mean + half)


def half_of(interval):
    return (interval.high - interval.low) / 2


def log_mean(values, *, alpha):
    return mean_interval([math.log(value) for value in values], alpha=alpha)


def test_the_prior_on_effects_is_one():
    assert math.fsum(weight for _, weight in EFFECTS) == pytest.approx(1, abs=1e-12)
    assert all(effect > 0 < weight for effect, weight in EFFECTS)


@pytest.mark.parametrize("n", [2, 4, 7, 24, 40])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_the_evidence_is_the_likelihood_ratio_of_the_t_statistic(n, share):
    """Against scipy's noncentral t, which knows nothing of the recursion."""
    nu, r = n - 1, share * math.sqrt(n)
    t = r * math.sqrt(nu / (n - r * r))
    expected = sum(
        weight * scipy.stats.nct.pdf(t, nu, effect * math.sqrt(n)) / scipy.stats.t.pdf(t, nu)
        for effect, weight in EFFECTS
    )
    assert math.exp(log_evidence(n, r)) == pytest.approx(expected, rel=1e-6)


@given(n=st.integers(2, 60), one=st.floats(0, 1), other=st.floats(0, 1))
def test_the_evidence_grows_with_the_distance(n, one, other):
    near, far = sorted((one * math.sqrt(n), other * math.sqrt(n)))
    assert log_evidence(n, near) <= log_evidence(n, far) + 1e-9


@given(n=st.integers(1, 100), share=st.floats(0, 1))
def test_the_evidence_neither_overflows_nor_vanishes(n, share):
    assert math.isfinite(log_evidence(n, share * math.sqrt(n)))


@pytest.mark.parametrize("n", [5, 6, 12, 40])
@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.1])
def test_the_ends_are_the_means_at_which_the_evidence_just_suffices(n, alpha):
    """Taken from real values: shift them by an end, and their own r is the critical one."""
    draws = np.random.default_rng(seed=n).standard_normal(n)
    interval = mean_interval(draws.tolist(), alpha=alpha)
    above = draws - interval.low
    r = above.sum() / np.sqrt((above**2).sum())
    assert log_evidence(n, r) == pytest.approx(-math.log(alpha / 2), abs=1e-9)
    assert r == pytest.approx(critical_r(n, alpha / 2))


@pytest.mark.parametrize("alpha", [0.10, 0.02])
def test_looking_after_every_launch_keeps_the_error(alpha):
    """Looking at each of all the launches there can be errs as often as stated, and hardly less."""
    runs = 60_000
    draws = np.random.default_rng(seed=1).standard_normal((runs, MAX_LAUNCHES))
    counts = np.arange(1, MAX_LAUNCHES + 1)
    means = np.cumsum(draws, axis=1) / counts
    squares = np.cumsum(draws**2, axis=1) - counts * means**2
    looks = np.array(LOOKS)
    sds = np.sqrt(squares[:, looks - 1] / (looks - 1))
    widths = sds * np.array([half_width(int(n), 1.0, alpha=alpha) for n in looks])
    missed = (np.abs(means[:, looks - 1]) > widths).any(axis=1).mean()
    assert 0.5 * alpha < missed < alpha


@pytest.mark.parametrize("times", [0.5, 1, 2, 3])
@pytest.mark.parametrize("alpha", [0.10, 0.0084])
def test_looking_from_the_first_launch_on_errs_no_more_where_launches_scatter_up_to_three_times_as_much(alpha, times):
    runs = 40_000
    draws = times * np.random.default_rng(seed=2).standard_normal((runs, MAX_LAUNCHES))
    counts = np.arange(1, MAX_LAUNCHES + 1)
    means = np.cumsum(draws, axis=1) / counts
    sds = np.sqrt((np.cumsum(draws**2, axis=1) - counts * means**2) / np.maximum(counts - 1, 1))
    half = np.array([half_width(int(n), 1.0, alpha=alpha, expected_sd=1.0) for n in counts])
    widths = np.where(counts < MIN_LAUNCHES, half, sds * half)
    above = (means > widths).argmax(axis=1) + MAX_LAUNCHES * ~(means > widths).any(axis=1)
    below = (means < -widths).argmax(axis=1) + MAX_LAUNCHES * ~(means < -widths).any(axis=1)
    assert (above < below).mean() < alpha / 2


@given(n=st.integers(1, MIN_LAUNCHES - 1), alpha=alphas, sd=st.floats(1e-6, 1e3), seen=st.floats(0, 1e3))
def test_the_first_looks_are_students_t_with_two_degrees_of_freedom_around_what_was_recorded(n, alpha, sd, seen):
    quantile = scipy.stats.t.isf(alpha / 2 * FIRST_SHARE / 3, 2)
    assert half_width(n, seen, alpha=alpha, expected_sd=sd) == pytest.approx(sd / math.sqrt(n) * quantile, rel=1e-6)


@given(n=st.integers(MIN_LAUNCHES, MAX_LAUNCHES), alpha=alphas, sd=st.floats(1e-6, 1e3))
def test_later_looks_have_the_rest_of_the_error_and_their_own_scatter(n, alpha, sd):
    rest = half_width(n, 1.0, alpha=alpha * (1 - FIRST_SHARE))
    assert half_width(n, 1.0, alpha=alpha, expected_sd=sd) == pytest.approx(rest)
    assert half_width(n, 1.0, alpha=alpha) <= rest


def test_launches_that_scatter_more_than_was_simulated_widen_the_first_looks():
    agreeing, apart = (mean_interval([-one, one], alpha=0.1, expected_sd=0.01) for one in (0.02, 0.2))
    assert half_of(agreeing) == half_width(2, 0.0, alpha=0.1, expected_sd=0.01)
    assert half_of(apart) == pytest.approx(half_width(2, 0.0, alpha=0.1, expected_sd=0.2 * math.sqrt(2) / 3))


@given(values=st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=8), more=st.floats(-0.1, 0.1))
def test_what_a_look_excludes_stays_excluded_unless_the_launches_turn_out_to_scatter_more(values, more):
    before, after = (mean_interval(some, alpha=0.1, min_sd=1.0, expected_sd=1.0) for some in (values, [*values, more]))
    if len(values) < MIN_LAUNCHES:
        assert before.low <= after.low or after.low == after.mean
        assert before.high >= after.high or after.high == after.mean
    assert after.low <= after.mean <= after.high


def test_the_fourth_launch_loses_nothing_that_the_third_had_shown():
    strict = {"alpha": 0.1 / 12, "expected_sd": 0.005}
    assert math.isinf(half_width(4, 0.0, **strict))
    third, fourth = (mean_interval([0.3] * n, **strict) for n in (3, 4))
    assert (third.low, third.high) == (fourth.low, fourth.high)


def test_what_was_never_recorded_has_no_first_looks():
    assert [half_width(n, 1.0, alpha=0.1, expected_sd=math.inf) for n in (1, 2, 3)] == [math.inf] * 3


def test_blocks_that_scatter_more_than_recorded_widen_the_first_looks():
    calm, wild = (mean_interval([0.0], alpha=0.1, min_sd=sd, expected_sd=0.01) for sd in (0.001, 0.02))
    assert half_of(calm) == half_width(1, 0.0, alpha=0.1, expected_sd=0.01)
    assert half_of(wild) == 2 * half_of(calm)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.10, 0.2])
@pytest.mark.parametrize("n", LOOKS)
def test_the_interval_is_wider_than_the_fixed_n_interval(n, alpha):
    fixed = scipy.stats.t.ppf(1 - alpha / 2, n - 1) / math.sqrt(n)
    assert half_width(n, 1.0, alpha=alpha) > fixed


@pytest.mark.parametrize(
    ("alpha", "first"),
    [(0.3, 4), (0.1, 4), (0.05, 4), (0.02, 5), (0.01, 5), (0.005, 6), (0.001, 7), (1e-6, 12)],
)
def test_it_is_infinite_until_there_is_enough_evidence(alpha, first):
    known = [math.isfinite(half_width(n, 1.0, alpha=alpha)) for n in range(30)]
    if alpha == 1e-6:
        assert not any(known[:10])
        assert all(known[first:])
    else:
        assert known == [n >= first for n in range(30)]


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_more_launches_narrow_it(alpha):
    widths = [half_width(n, 1.0, alpha=alpha) for n in LOOKS if math.isfinite(half_width(n, 1.0, alpha=alpha))]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == len(widths)


@given(n=st.integers(2, 60), one=alphas, other=alphas)
def test_a_smaller_error_never_narrows_it(n, one, other):
    strict, lax = sorted((one, other))
    assert half_width(n, 1.0, alpha=strict) >= half_width(n, 1.0, alpha=lax)


@given(n=st.integers(8, 60), sd=st.floats(1e-6, 1e3), factor=st.floats(1e-3, 1e3))
def test_it_is_proportional_to_the_deviation(n, sd, factor):
    assert half_width(n, sd * factor, alpha=0.1) == pytest.approx(half_width(n, sd, alpha=0.1) * factor)


@given(values=values, factor=st.floats(1e-6, 1e6))
def test_scaling_all_values_moves_the_mean_and_leaves_the_width(values, factor):
    before = log_mean(values, alpha=0.1)
    after = log_mean([value * factor for value in values], alpha=0.1)
    assert after.mean == pytest.approx(before.mean + math.log(factor), abs=1e-9)
    assert half_of(after) == pytest.approx(half_of(before), rel=1e-6, abs=1e-9)


@given(values=values)
def test_swapping_the_sides_of_ratios_mirrors_the_interval(values):
    there, back = (log_mean(side, alpha=0.1) for side in (values, [1 / value for value in values]))
    assert back.mean == pytest.approx(-there.mean, abs=1e-9)
    assert half_of(back) == pytest.approx(half_of(there), rel=1e-6, abs=1e-9)


@given(values=values, order=st.randoms(use_true_random=False))
def test_the_order_of_launches_does_not_matter(values, order):
    shuffled = order.sample(values, k=len(values))
    before, after = log_mean(values, alpha=0.1), log_mean(shuffled, alpha=0.1)
    assert after.mean == pytest.approx(before.mean, abs=1e-12)
    assert half_of(after) == pytest.approx(half_of(before), rel=1e-9, abs=1e-12)


def test_the_mean_is_that_of_the_logs_with_the_sample_deviation():
    values = [1.0, 1.1, 0.9, 1.05, 0.97]
    interval = log_mean(values, alpha=0.1)
    logs = np.log(values)
    assert interval.mean == pytest.approx(logs.mean())
    assert half_of(interval) == pytest.approx(half_width(5, logs.std(ddof=1), alpha=0.1))
    assert interval.mean - interval.low == pytest.approx(interval.high - interval.mean)


def test_one_launch_has_a_value_and_no_interval():
    assert log_mean([math.e], alpha=0.1) == symmetric(1.0, math.inf)


def test_launches_that_agree_by_chance_keep_the_known_scatter():
    calm = mean_interval([1.0, 1.001, 0.999, 1.0], alpha=0.1, min_sd=0.05)
    assert half_of(calm) == pytest.approx(half_width(4, 0.05, alpha=0.1))
    wild = mean_interval([1.0, 1.5, 0.5, 1.0], alpha=0.1, min_sd=0.05)
    assert wild == mean_interval([1.0, 1.5, 0.5, 1.0], alpha=0.1)


def test_identical_launches_have_no_width():
    assert half_of(log_mean([2.0] * 5, alpha=0.1)) == 0.0


@given(mean=st.floats(-10, 10), half=st.one_of(st.just(math.inf), st.floats(0, 10)), alpha=alphas)
def test_a_machine_that_does_not_drift_leaves_the_interval(mean, half, alpha):
    interval = symmetric(mean, half)
    assert widened_by_drift(interval, drift_sd=0.0, alpha=alpha) == interval


@given(half=st.floats(0, 10), drift_sd=st.floats(0, 1), alpha=alphas)
def test_drift_adds_in_quadrature_at_the_same_error(half, drift_sd, alpha):
    drift = scipy.stats.norm.isf(alpha / 2) * drift_sd
    widened = widened_by_drift(symmetric(0.5, half), drift_sd=drift_sd, alpha=alpha)
    assert widened.mean == 0.5
    assert half_of(widened) == pytest.approx(math.sqrt(half**2 + drift**2))


def test_drift_leaves_an_infinite_interval_infinite():
    assert half_of(widened_by_drift(symmetric(0.0, math.inf), drift_sd=0.1, alpha=0.1)) == math.inf


def test_drift_covers_two_occasions_of_the_normal_size():
    """Ninety of a hundred occasions lie within 1.645 deviations: a number known without scipy."""
    widened = widened_by_drift(symmetric(0.0, 0.0), drift_sd=0.1, alpha=0.1)
    assert half_of(widened) == pytest.approx(0.16449, abs=1e-5)
    assert statistics.NormalDist(sigma=0.1).cdf(half_of(widened)) == pytest.approx(0.95)


def suffices(m, sd, distance, drift=0.0):
    return math.hypot(half_width(m, sd, alpha=0.05), drift) < distance


@pytest.mark.parametrize("drift", [0.0, 0.01])
@pytest.mark.parametrize("n", [MIN_LAUNCHES, 10, MAX_LAUNCHES - 1])
def test_the_first_number_of_launches_that_suffices_is_needed(n, drift):
    for m in range(n + 1, MAX_LAUNCHES + 1):
        distance = math.hypot(half_width(m, 0.02, alpha=0.05), drift) * (1 + 1e-9)
        found = launches_needed(distance, n, 0.02, alpha=0.05, drift=drift)
        assert found == m
        assert suffices(found, 0.02, distance, drift)
        assert found == n + 1 or not suffices(found - 1, 0.02, distance, drift)


def test_a_decided_interval_needs_no_launches_and_one_at_the_limit_no_finite_number():
    assert launches_needed(0.8, 5, 0.02, alpha=0.05) == 6
    assert launches_needed(0.0, 5, 0.02, alpha=0.05) is None
    assert launches_needed(0.8, MAX_LAUNCHES, 0.02, alpha=0.05) is None
    assert launches_needed(0.8, 5, 0.02, alpha=0.05, drift=0.9) is None


def test_two_launches_suffice_where_the_first_looks_do():
    assert launches_needed(0.8, 1, 0.02, alpha=0.05, expected_sd=0.02) == 2
