"""Arrivals: Poisson, at exactly the rate, the same for the same seed."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.arrivals import poisson_arrivals

S = 1_000_000_000

rates = st.floats(0.01, 100_000)
counts = st.integers(1, 500)
seeds = st.text(max_size=10)


@given(rate=rates, count=counts, seed=seeds)
def test_arrivals_take_exactly_their_average_time(rate, count, seed):
    arrivals = poisson_arrivals(rate_per_s=rate, count=count, seed=seed)
    assert len(arrivals.offsets_ns) == count
    assert arrivals.span_ns == pytest.approx(count / rate * S, abs=1)


@given(rate=rates, count=counts, seed=seeds)
def test_arrivals_are_in_order_and_within_the_window(rate, count, seed):
    arrivals = poisson_arrivals(rate_per_s=rate, count=count, seed=seed)
    offsets = list(arrivals.offsets_ns)
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] <= arrivals.span_ns


@given(rate=rates, count=counts, seed=seeds, factor=st.sampled_from([0.5, 2.0, 4.0]))
def test_another_rate_only_stretches_the_arrivals(rate, count, seed, factor):
    plain = poisson_arrivals(rate_per_s=rate, count=count, seed=seed)
    faster = poisson_arrivals(rate_per_s=rate * factor, count=count, seed=seed)
    stretched = [one * factor for one in faster.offsets_ns]
    assert stretched == pytest.approx(list(plain.offsets_ns), abs=1 + factor)


def test_the_seed_decides():
    drawn = [tuple(poisson_arrivals(rate_per_s=50, count=20, seed=one).offsets_ns) for one in ("a", "a", "b")]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_first_arrivals_of_a_known_seed():
    """The same on every machine and Python: a result can be made again."""
    arrivals = poisson_arrivals(rate_per_s=50, count=20, seed="0/0/0")
    assert list(arrivals.offsets_ns[:3]) == [12_770_926, 19_561_869, 25_425_566]


def test_gaps_are_exponentially_distributed():
    """Exponential gaps: as much deviation as mean, and a share of exp(-1) beyond the mean."""
    offsets = poisson_arrivals(rate_per_s=50, count=20_000, seed="scatter").offsets_ns
    gaps = [later - earlier for earlier, later in itertools.pairwise(offsets)]
    mean = statistics.fmean(gaps)
    assert mean == pytest.approx(S / 50, rel=0.001)
    assert statistics.pstdev(gaps) / mean == pytest.approx(1.0, abs=0.03)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.01)
