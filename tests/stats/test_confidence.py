"""The interval against an independent derivation, against simulation, and against the laws it must keep."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as reference

from energygate.stats import Interval, drifting, half_width, log_mean

values = st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=30)
alphas = st.floats(1e-6, 0.5)


def mixture_of_t_likelihoods(t, n, phi):
    """Integrate the likelihood ratio of a t statistic over a normal prior on the effect size, numerically."""
    nu, prior = n - 1, reference.norm(scale=1 / math.sqrt(phi))
    marginal, _ = integrate.quad(
        lambda effect: reference.nct.pdf(t, nu, effect * math.sqrt(n)) * prior.pdf(effect),
        *(-8 / math.sqrt(phi), 8 / math.sqrt(phi)),
        points=[0, t / math.sqrt(n)],
        epsrel=1e-6,
        limit=200,
    )
    return marginal / reference.t.pdf(t, nu)


@pytest.mark.parametrize("phi", [1.0, 2.5])
@pytest.mark.parametrize(("n", "alpha"), [(5, 0.2), (6, 0.1), (8, 0.05), (24, 0.1)])
def test_its_ends_are_where_the_mixture_martingale_reaches_one_over_alpha(n, alpha, phi):
    t = half_width(n, 1.0, alpha=alpha, phi=phi) * math.sqrt(n)
    assert mixture_of_t_likelihoods(t, n, phi) == pytest.approx(1 / alpha, rel=1e-3)


def test_it_is_honest_about_looking_after_every_launch():
    """Over 24 looks at alpha 0.10 the error is 4.5 % (design.md section 6); below 3 % it would waste launches."""
    looks, runs, alpha = 24, 60_000, 0.10
    draws = np.random.default_rng(seed=1).standard_normal((runs, looks))
    counts = np.arange(1, looks + 1)
    means = np.cumsum(draws, axis=1) / counts
    squares = np.cumsum(draws**2, axis=1) - counts * means**2
    sds = np.sqrt(squares[:, 1:] / (counts[1:] - 1))
    widths = sds * np.array([half_width(int(n), 1.0, alpha=alpha) for n in counts[1:]])
    missed = (np.abs(means[:, 1:]) > widths).any(axis=1).mean()
    assert 0.03 < missed < 0.06


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.10, 0.2])
@pytest.mark.parametrize("n", range(2, 60))
def test_it_pays_for_looking_early_compared_with_the_fixed_n_interval(n, alpha):
    fixed = reference.t.ppf(1 - alpha / 2, n - 1) / math.sqrt(n)
    assert half_width(n, 1.0, alpha=alpha) > fixed


@pytest.mark.parametrize(
    ("n", "alpha", "known"),
    [
        (0, 0.1, False),
        (1, 0.1, False),
        (2, 0.1, False),
        (3, 0.1, False),
        (4, 0.1, True),  # campaign.MIN_LAUNCHES rests on this
        (4, 0.05, False),
        (5, 0.05, True),
        (5, 0.01, False),
        (6, 0.01, True),
    ],
)
def test_it_is_infinite_until_there_is_enough_evidence(n, alpha, known):
    assert math.isfinite(half_width(n, 1.0, alpha=alpha)) is known


def test_it_is_infinite_from_where_k_q_reaches_one():
    """n = 3, phi = 1: k = 1/4, and q = 4 at alpha = 1/4."""
    assert half_width(3, 1.0, alpha=0.2499) == math.inf
    assert half_width(3, 1.0, alpha=0.2501) < math.inf


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_more_launches_narrow_it(alpha):
    widths = [half_width(n, 1.0, alpha=alpha) for n in range(6, 200)]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == len(widths)


@given(n=st.integers(2, 200), one=alphas, other=alphas)
def test_a_smaller_error_never_narrows_it(n, one, other):
    strict, lax = sorted((one, other))
    assert half_width(n, 1.0, alpha=strict) >= half_width(n, 1.0, alpha=lax)


@given(n=st.integers(8, 200), sd=st.floats(1e-6, 1e3), factor=st.floats(1e-3, 1e3))
def test_it_is_proportional_to_the_deviation(n, sd, factor):
    assert half_width(n, sd * factor, alpha=0.1) == pytest.approx(half_width(n, sd, alpha=0.1) * factor)


@given(values=values, factor=st.floats(1e-6, 1e6))
def test_scaling_all_values_moves_the_mean_and_leaves_the_width(values, factor):
    before = log_mean(values, alpha=0.1)
    after = log_mean([value * factor for value in values], alpha=0.1)
    assert after.mean == pytest.approx(before.mean + math.log(factor), abs=1e-9)
    assert after.half == pytest.approx(before.half, rel=1e-6, abs=1e-9)


@given(values=values)
def test_swapping_the_sides_of_ratios_mirrors_the_interval(values):
    there, back = (log_mean(side, alpha=0.1) for side in (values, [1 / value for value in values]))
    assert back.mean == pytest.approx(-there.mean, abs=1e-9)
    assert back.half == pytest.approx(there.half, rel=1e-6, abs=1e-9)


@given(values=values, order=st.randoms(use_true_random=False))
def test_the_order_of_launches_does_not_matter(values, order):
    shuffled = order.sample(values, k=len(values))
    before, after = log_mean(values, alpha=0.1), log_mean(shuffled, alpha=0.1)
    assert after.mean == pytest.approx(before.mean, abs=1e-12)
    assert after.half == pytest.approx(before.half, rel=1e-9, abs=1e-12)


def test_the_mean_is_that_of_the_logs_with_the_sample_deviation():
    values = [1.0, 1.1, 0.9, 1.05, 0.97]
    interval = log_mean(values, alpha=0.1)
    logs = np.log(values)
    assert interval.mean == pytest.approx(logs.mean())
    assert interval.half == pytest.approx(half_width(5, logs.std(ddof=1), alpha=0.1))
    assert (interval.low, interval.high) == (interval.mean - interval.half, interval.mean + interval.half)


def test_one_launch_has_a_value_and_no_interval():
    assert log_mean([math.e], alpha=0.1) == Interval(mean=1.0, half=math.inf)


def test_launches_that_agree_to_the_last_digit_leave_nothing_open():
    assert log_mean([2.0] * 5, alpha=0.1).half == 0.0


@given(mean=st.floats(-10, 10), half=st.one_of(st.just(math.inf), st.floats(0, 10)), alpha=alphas)
def test_a_machine_that_does_not_wander_leaves_the_interval(mean, half, alpha):
    interval = Interval(mean=mean, half=half)
    assert drifting(interval, drift_sd=0.0, alpha=alpha) == interval


@given(half=st.floats(0, 10), drift_sd=st.floats(0, 1), alpha=alphas)
def test_wander_adds_in_quadrature_at_the_same_error(half, drift_sd, alpha):
    wander = reference.norm.isf(alpha / 2) * drift_sd
    widened = drifting(Interval(mean=0.5, half=half), drift_sd=drift_sd, alpha=alpha)
    assert widened.mean == 0.5
    assert widened.half == pytest.approx(math.sqrt(half**2 + wander**2))


def test_wander_turns_no_ignorance_into_knowledge():
    assert drifting(Interval(mean=0.0, half=math.inf), drift_sd=0.1, alpha=0.1).half == math.inf


def test_wander_covers_two_occasions_of_the_normal_size():
    """Ninety of a hundred occasions lie within 1.645 deviations: a number known without scipy."""
    widened = drifting(Interval(mean=0.0, half=0.0), drift_sd=0.1, alpha=0.1)
    assert widened.half == pytest.approx(0.16449, abs=1e-5)
    assert statistics.NormalDist(sigma=0.1).cdf(widened.half) == pytest.approx(0.95)
