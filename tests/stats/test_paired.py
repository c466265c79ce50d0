"""One log ratio per launch: what cancels, what does not move it, and how sure it is of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.stats import launch_log_ratio
from energygate.stats.paired import block_log_ratios

positive = st.floats(1e-6, 1e6)
blocks = st.lists(st.tuples(positive, positive, positive, positive), min_size=1, max_size=12)


def sides(blocks):
    """Split blocks of base, head, head, base into each side's windows."""
    base = [value for one in blocks for value in (one[0], one[3])]
    head = [value for one in blocks for value in (one[1], one[2])]
    return base, head


@given(blocks=blocks)
def test_swapping_the_sides_changes_the_sign_and_nothing_else(blocks):
    base, head = sides(blocks)
    there, back = launch_log_ratio(base, head), launch_log_ratio(head, base)
    assert back.value == pytest.approx(-there.value, abs=1e-9)
    assert back.error == pytest.approx(there.error, abs=1e-9)


@given(blocks=blocks, factor=st.floats(1e-3, 1e3))
def test_a_machine_twice_as_slow_changes_nothing(blocks, factor):
    base, head = sides(blocks)
    before = launch_log_ratio(base, head)
    after = launch_log_ratio([one * factor for one in base], [one * factor for one in head])
    assert after.value == pytest.approx(before.value, abs=1e-9)
    assert after.error == pytest.approx(before.error, abs=1e-9)


@given(blocks=blocks, factor=st.floats(1e-3, 1e3))
def test_a_head_that_needs_more_moves_it_by_the_log(blocks, factor):
    base, head = sides(blocks)
    before, after = launch_log_ratio(base, head), launch_log_ratio(base, [one * factor for one in head])
    assert after.value == pytest.approx(before.value + math.log(factor), abs=1e-9)


@pytest.mark.parametrize("order", ["ABBA", "BAAB"])
@given(drift=st.floats(-1, 1), ratio=st.floats(0.1, 10))
def test_a_steady_drift_cancels_in_a_block(order, drift, ratio):
    speeds = [math.exp(drift * step) for step in range(4)]
    base = [speed for side, speed in zip(order, speeds, strict=True) if side == "A"]
    head = [ratio * speed for side, speed in zip(order, speeds, strict=True) if side == "B"]
    (block,) = block_log_ratios(base, head)
    assert block == pytest.approx(math.log(ratio), abs=1e-9)


def test_a_block_is_two_windows_of_each_side():
    base, head = [1.0, 1.0, 1.0, 1.0], [math.e, math.e**3, 1.0, 1.0]
    assert block_log_ratios(base, head) == pytest.approx([2.0, 0.0])


def test_sides_with_different_numbers_of_windows_are_refused():
    with pytest.raises(ValueError, match="longer"):
        block_log_ratios([1.0, 1.0], [1.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize("wild", [3, 7])
def test_a_third_of_outlier_blocks_hardly_changes_the_ratio(wild):
    noise = np.random.default_rng(seed=3).normal(0.05, 0.01, 20)
    logs = [*noise[: 20 - wild], *np.linspace(3.0, 6.0, wild)]
    head = [math.exp(value) for value in logs for _ in range(2)]
    found = launch_log_ratio([1.0] * 40, head)
    assert found.value == pytest.approx(0.05, abs=0.02)
    assert found.total > 0.5  # which is told apart


def test_the_total_is_that_of_the_sums():
    found = launch_log_ratio([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 24.0])
    assert found.total == pytest.approx(math.log(30 / 10))


def test_the_standard_error_is_that_of_the_scatter_of_blocks():
    draws = np.random.default_rng(seed=7).normal(0.0, 0.02, 400)
    head = [math.exp(value) for value in draws for _ in range(2)]
    assert launch_log_ratio([1.0] * 800, head).error == pytest.approx(0.02 * math.sqrt(math.pi / 2 / 400), rel=0.15)


def test_one_block_has_no_standard_error():
    assert launch_log_ratio([1.0, 1.0], [2.0, 2.0]).error == 0.0


def test_the_ratios_error_is_the_scatter_of_blocks_and_one_block_has_none():
    base, head = sides([(1.0, math.exp(ratio), math.exp(ratio), 1.0) for ratio in (0.3, 0.31, 0.32, 0.33, 0.40)])
    found = launch_log_ratio(base, head)
    assert found.value == pytest.approx(0.32)
    assert found.error == pytest.approx(math.sqrt(math.pi / 2) * 1.4826 * 0.01 / math.sqrt(5))
    assert launch_log_ratio(base[:4], head[:4]).error == pytest.approx(
        math.sqrt(math.pi / 2) * 1.4826 * 0.005 / math.sqrt(2)
    )
    assert launch_log_ratio(base[:2], head[:2]).error == 0.0
