"""How long windows are, when a workload is warm, what a quantile is."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.windows import (
    FAR_APART,
    LAUNCH_NS,
    MAX_BLOCKS,
    MAX_WARM_UP_WINDOWS,
    MAX_WINDOWS,
    MIN_PLANNED_LAUNCHES,
    STEADY_SPAN,
    is_steady,
    plan_launch,
    plan_pair,
    quantile,
)

MS, S = 1_000_000, 1_000_000_000

launches = given(
    facts=st.fixed_dictionaries(
        {
            "call_ns": st.floats(1.0, 1e12),
            "min_window_ns": st.sampled_from([5 * MS, 20 * MS, 100 * MS, 1 * S]),
            "time_limit_ns": st.floats(0.1 * S, 3600 * S),
            "start_ns": st.floats(0.0, 100 * S),
        }
    )
)


@launches
def test_a_window_is_long_enough_for_the_meter_and_one_call_no_longer(facts):
    plan, call_ns = plan_launch(**facts), facts["call_ns"]
    assert plan.calls >= 1
    assert plan.calls * call_ns >= facts["min_window_ns"]
    assert plan.calls == 1 or (plan.calls - 1) * call_ns < facts["min_window_ns"]


@launches
def test_every_launch_warms_up_and_measures(facts):
    plan = plan_launch(**facts)
    assert 1 <= plan.windows <= MAX_WINDOWS
    assert 1 <= plan.max_warm_up <= MAX_WARM_UP_WINDOWS


@launches
def test_the_plan_leaves_room_for_several_launches_if_windows_are_short(facts):
    plan, call_ns = plan_launch(**facts), facts["call_ns"]
    measured_ns = plan.windows * plan.calls * call_ns
    assert plan.windows == 1 or MIN_PLANNED_LAUNCHES * (facts["start_ns"] + measured_ns) <= facts["time_limit_ns"]


@launches
def test_the_length_of_a_launch_is_bounded(facts):
    plan, call_ns = plan_launch(**facts), facts["call_ns"]
    one_window_ns = plan.calls * call_ns
    assert plan.windows <= 4 or (plan.windows - 1) * one_window_ns < LAUNCH_NS


@pytest.mark.parametrize(
    ("call_ns", "min_window_ns", "limit_s", "calls", "windows"),
    [
        (1 * MS, 20 * MS, 60, 20, 20),  # 0.4 s of windows that are just long enough
        (0.03 * MS, 20 * MS, 60, 667, 20),
        (300 * MS, 20 * MS, 60, 1, 4),  # a slow model: fewer and longer, but never fewer than four
        (1 * MS, 100 * MS, 60, 100, 4),
        (1 * MS, 1 * S, 60, 1000, 4),
        (5 * S, 20 * MS, 60, 1, 1),  # four of these would leave no time for other launches
        (30 * S, 20 * MS, 60, 1, 1),
        (20 * MS, 20 * MS, 1, 1, 1),  # an eighth of the limit is gone before it starts
    ],
)
def test_plans(call_ns, min_window_ns, limit_s, calls, windows):
    plan = plan_launch(call_ns=call_ns, min_window_ns=min_window_ns, time_limit_ns=limit_s * S, start_ns=0.15 * S)
    assert (plan.calls, plan.windows) == (calls, windows)


@pytest.mark.parametrize("call_ns", [0.03 * MS, 1 * MS, 100 * MS, 300 * MS, 600 * MS])
def test_warm_up_may_reach_steadiness_if_the_limit_has_room(call_ns):
    """`is_steady` needs six windows: with a lower limit every model would be unsteady."""
    plan = plan_launch(call_ns=call_ns, min_window_ns=20 * MS, time_limit_ns=60 * S, start_ns=0.15 * S)
    assert plan.max_warm_up >= 2 * STEADY_SPAN


@pytest.mark.parametrize("call_ns", [0.03 * MS, 1 * MS, 100 * MS, 300 * MS])
def test_the_warm_up_of_a_pair_may_reach_steadiness_too(call_ns):
    pair = plan_pair(call_ns=(call_ns, call_ns), min_window_ns=8 * MS, time_limit_ns=60 * S, start_ns=0.3 * S)
    assert pair.max_warm_up >= 2 * STEADY_SPAN


@given(
    base_ns=st.floats(1.0, 1e12),
    head_ns=st.floats(1.0, 1e12),
    window_ns=st.sampled_from([8 * MS, 100 * MS, 1 * S]),
    limit_ns=st.floats(0.1 * S, 3600 * S),
    start_ns=st.floats(0.0, 100 * S),
)
def test_a_pair_serves_whole_blocks_in_windows_long_enough_for_its_faster_side(
    base_ns, head_ns, window_ns, limit_ns, start_ns
):
    facts = {"min_window_ns": window_ns, "time_limit_ns": limit_ns, "start_ns": start_ns}
    plan = plan_pair(call_ns=(base_ns, head_ns), **facts)
    if max(base_ns, head_ns) <= FAR_APART * min(base_ns, head_ns):
        assert plan.calls * min(base_ns, head_ns) >= window_ns
    assert plan.calls == 1 or (plan.calls - 1) * min(base_ns, head_ns) < window_ns
    assert plan.windows in range(2, 2 * MAX_BLOCKS + 1, 2)
    assert plan.max_windows in range(plan.windows, 2 * MAX_BLOCKS + 1, 2)
    if plan.max_windows > plan.windows:  # several of the longest launches fit into the limit too
        longest_ns = plan.max_windows * plan.calls * (base_ns + head_ns) + start_ns
        assert longest_ns <= limit_ns / MIN_PLANNED_LAUNCHES * (1 + 1e-9)
    assert 1 <= plan.max_warm_up <= MAX_WARM_UP_WINDOWS
    assert plan == plan_pair(call_ns=(head_ns, base_ns), **facts)


def test_a_side_a_thousand_times_slower_does_not_exceed_the_limit():
    plan = plan_pair(call_ns=(1 * MS, 1000 * MS), min_window_ns=8 * MS, time_limit_ns=20 * S, start_ns=0.3 * S)
    assert plan.calls == 1
    assert plan.windows == 2


@pytest.mark.parametrize(
    ("durations", "steady"),
    [
        ([], False),
        ([100.0] * 5, False),  # too short to tell
        ([100.0] * 6, True),
        ([130.0, 120.0, 110.0, 100.0, 100.0, 100.0], False),  # still getting faster
        ([130.0, 120.0, 110.0, 100.0, 100.0, 100.0, 100.0, 100.0], True),  # the old windows are forgotten
        ([100.0, 100.0, 100.0, 110.0, 120.0, 130.0], False),  # getting slower is not steady either
        ([100.0, 100.0, 100.0, 105.0, 105.0, 105.0], True),  # within 5 %
        ([100.0, 100.0, 100.0, 106.0, 106.0, 106.0], False),
        ([100.0, 100.0, 100.0, 94.0, 94.0, 94.0], False),
        ([100.0, 900.0, 101.0, 99.0, 900.0, 100.0], True),  # one outlier in three says nothing
    ],
)
def test_windows_are_steady_once_they_stop_getting_faster(durations, steady):
    assert is_steady(durations) is steady


@given(
    durations=st.lists(st.floats(1.0, 1e9), min_size=6, max_size=20),
    factor=st.sampled_from([0.25, 2.0, 1024.0]),
)
def test_steadiness_does_not_depend_on_the_unit(durations, factor):
    assert is_steady([one * factor for one in durations]) is is_steady(durations)


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [
        ([7], 0.5, 7),
        ([7], 0.99, 7),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        ([1, 2, 3, 4], 0.5, 2),
        (list(range(1, 101)), 0.50, 50),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 101)), 0.99, 99),
        (list(range(1, 21)), 0.95, 19),
        (list(range(1, 21)), 0.99, 20),
        ([1, 2, 3], 1.0, 3),
    ],
)
def test_quantiles(values, share, value):
    assert quantile(values, share) == value


@given(
    values=st.lists(st.integers(0, 10**12), min_size=1, max_size=200).map(sorted),
    share=st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0]),
)
def test_a_quantile_is_the_smallest_value_with_at_least_the_share_at_or_below(values, share):
    found = quantile(values, share)
    needed = math.ceil(share * len(values))
    assert sum(value <= found for value in values) >= needed
    assert sum(value < found for value in values) < needed


@given(values=st.lists(st.integers(0, 10**12), min_size=1, max_size=99).map(sorted))
def test_the_middle_quantile_is_the_low_median(values):
    assert quantile(values, 0.5) == statistics.median_low(values)
