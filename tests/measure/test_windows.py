"""How long windows are, when a workload is warm, what a quantile is."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.windows import (
    FAR_APART,
    FEW_LAUNCHES,
    LAUNCH_NS,
    MANY_LAUNCHES,
    MAX_BLOCKS,
    MAX_WARM_UP_WINDOWS,
    MIN_BLOCKS,
    MIN_WARM_UP_WINDOWS,
    MORE_LAUNCHES,
    PLANNED_SHARE,
    START_SHARE,
    STEADY_SPAN,
    LaunchPlan,
    covering,
    is_steady,
    max_warm_up,
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
    assert plan.windows >= 2
    assert MIN_WARM_UP_WINDOWS <= plan.max_warm_up <= MAX_WARM_UP_WINDOWS


@launches
def test_a_second_launch_fits_into_the_limit_wherever_two_windows_do(facts):
    plan, call_ns = plan_launch(**facts), facts["call_ns"]
    launch_ns = facts["start_ns"] + plan.windows * plan.calls * call_ns
    shortest_ns = facts["start_ns"] + 2 * plan.calls * call_ns
    limit_ns = PLANNED_SHARE * facts["time_limit_ns"]
    if 2 * shortest_ns <= limit_ns:
        assert 2 * launch_ns <= limit_ns * (1 + 1e-9)
    assert launch_ns <= max(limit_ns, shortest_ns, (1 + START_SHARE) * facts["start_ns"]) * (1 + 1e-9)


@launches
def test_the_length_of_a_launch_is_bounded(facts):
    plan, call_ns = plan_launch(**facts), facts["call_ns"]
    one_window_ns = plan.calls * call_ns
    assert plan.windows <= 4 or (plan.windows - 1) * one_window_ns < max(LAUNCH_NS, facts["start_ns"])


@pytest.mark.parametrize(
    ("call_ns", "min_window_ns", "start_s", "calls", "windows"),
    [
        (1 * MS, 20 * MS, 0.15, 20, 20),  # 0.4 s of windows that are just long enough
        (0.03 * MS, 20 * MS, 0.15, 667, 20),
        (300 * MS, 20 * MS, 0.15, 1, 4),  # a slow model: fewer and longer, but never fewer than four
        (1 * MS, 100 * MS, 0.15, 100, 4),
        (1 * MS, 1 * S, 0.15, 1000, 4),
        (6 * S, 20 * MS, 0.15, 1, 4),  # two launches instead of three
        (30 * S, 20 * MS, 0.15, 1, 2),
        (60 * MS, 20 * MS, 8.0, 1, 134),  # as long as it took to start
        (60 * MS, 20 * MS, 12.0, 1, 100),  # as far as three launches fit
        (60 * MS, 20 * MS, 25.0, 1, 33),  # a second launch fits
        (60 * MS, 20 * MS, 40.0, 1, 233),  # no second launch: all that is left
        (60 * MS, 20 * MS, 80.0, 1, 333),  # beyond the limit: a quarter of what it took to start
    ],
)
def test_plans(call_ns, min_window_ns, start_s, calls, windows):
    plan = plan_launch(call_ns=call_ns, min_window_ns=min_window_ns, time_limit_ns=60 * S, start_ns=start_s * S)
    assert (plan.calls, plan.windows) == (calls, windows)


@pytest.mark.parametrize("call_ns", [0.03 * MS, 1 * MS, 100 * MS, 300 * MS, 600 * MS])
def test_warm_up_may_reach_steadiness_if_the_limit_has_room(call_ns):
    plan = plan_launch(call_ns=call_ns, min_window_ns=20 * MS, time_limit_ns=60 * S, start_ns=0.15 * S)
    assert plan.max_warm_up >= 2 * STEADY_SPAN


@pytest.mark.parametrize("call_ns", [0.03 * MS, 1 * MS, 100 * MS, 300 * MS])
def test_the_warm_up_of_a_pair_may_reach_steadiness_too(call_ns):
    pair = plan_pair(call_ns=(call_ns, call_ns), min_window_ns=8 * MS, time_limit_ns=60 * S, start_ns=0.3 * S)
    assert pair.max_warm_up >= 2 * STEADY_SPAN


@pytest.mark.parametrize(
    ("window_ms", "limit_s", "start_s", "windows"),
    [
        (8, 60, 0.5, MAX_WARM_UP_WINDOWS),
        (8, 2, 0.5, 20),  # a sixth of a second on each side
        (1000, 60, 0.5, 6),
        (5000, 60, 0.5, MIN_WARM_UP_WINDOWS),
        (60, 60, 30.0, MAX_WARM_UP_WINDOWS),  # a third of what it took to start
        (2500, 60, 30.0, 4),
    ],
)
def test_warm_up_ends_in_time(window_ms, limit_s, start_s, windows):
    assert max_warm_up(window_ms * MS, time_limit_ns=limit_s * S, start_ns=start_s * S) == windows


pairs = given(
    call_ns=st.tuples(st.floats(1.0, 1e12), st.floats(1.0, 1e12)),
    facts=st.fixed_dictionaries(
        {
            "min_window_ns": st.sampled_from([8 * MS, 100 * MS, 1 * S]),
            "time_limit_ns": st.floats(0.1 * S, 3600 * S),
            "start_ns": st.floats(0.0, 100 * S),
            "launches": st.sampled_from([FEW_LAUNCHES, MORE_LAUNCHES, MANY_LAUNCHES]),
            "min_blocks": st.sampled_from([1, MIN_BLOCKS]),
        }
    ),
)


@pairs
def test_a_pair_serves_whole_blocks_in_windows_long_enough_for_its_faster_side(call_ns, facts):
    plan = plan_pair(call_ns=call_ns, **facts)
    if max(call_ns) <= FAR_APART * min(call_ns):
        assert plan.calls * min(call_ns) >= facts["min_window_ns"]
    assert plan.calls == 1 or (plan.calls - 1) * min(call_ns) < facts["min_window_ns"]
    assert plan.windows >= (2 if facts["min_blocks"] == 1 else 4)
    assert plan.windows % 2 == plan.max_windows % 2 == 0
    assert plan.windows <= plan.max_windows <= max(plan.windows, 2 * MAX_BLOCKS)
    assert MIN_WARM_UP_WINDOWS <= plan.max_warm_up <= MAX_WARM_UP_WINDOWS
    assert plan == plan_pair(call_ns=call_ns[::-1], **facts)


@pairs
def test_a_second_launch_of_a_pair_fits_wherever_two_blocks_do(call_ns, facts):
    plan = plan_pair(call_ns=call_ns, **facts)
    longest_ns = facts["start_ns"] + plan.max_windows * plan.calls * sum(call_ns)
    shortest_ns = facts["start_ns"] + 4 * plan.calls * sum(call_ns)
    limit_ns = PLANNED_SHARE * facts["time_limit_ns"]
    if 2 * shortest_ns <= limit_ns:
        assert 2 * longest_ns <= limit_ns * (1 + 1e-9)
    assert longest_ns <= max(limit_ns, shortest_ns, (1 + START_SHARE) * facts["start_ns"]) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("call_ms", "limit_s", "start_s", "calls", "blocks"),
    [
        (1, 60, 0.6, 8, 19),  # 0.6 s of both sides
        (4, 60, 0.6, 2, 19),
        (40, 60, 0.9, 1, 9),  # nine blocks take 1.4 s
        (60, 60, 14.0, 1, 16),  # three launches of 14 s that measure for four
        (20, 60, 80.0, 1, 250),  # beyond the limit: a quarter of what it took to start
        (60, 60, 4.0, 1, 17),  # as long as it took to start
        (60, 60, 30.0, 1, 100),  # no second launch: all that is left
        (1, 60, 14.0, 8, 125),
        (500, 60, 1.0, 1, 9),
        (1000, 60, 6.5, 1, 5),  # nine blocks do not fit, nor do three launches: a second one does
        (5000, 60, 20.0, 1, 2),  # a single launch
        (5000, 60, 200.0, 1, 2),  # beyond the limit
        (1, 2, 0.6, 8, 9),  # two launches of nine blocks rather than three shorter ones
        (1, 1, 0.6, 8, 9),
    ],
)
def test_a_pair_measures_about_as_long_as_it_took_to_start(call_ms, limit_s, start_s, calls, blocks):
    facts = {"min_window_ns": 8 * MS, "time_limit_ns": limit_s * S, "start_ns": start_s * S}
    plan = plan_pair(call_ns=(call_ms * MS, call_ms * MS), **facts)
    assert (plan.calls, plan.windows / 2) == (calls, blocks)


@pytest.mark.parametrize(
    ("inputs", "windows"),
    [(1, 10), (20, 10), (21, 12), (59, 30), (61, 10), (1000, 10)],
)
def test_a_launch_serves_every_input_where_that_does_not_take_much_longer(inputs, windows):
    plan = LaunchPlan(calls=2, windows=10, max_windows=100, max_warm_up=6)
    assert covering(plan, inputs).windows == windows
    assert covering(replace(plan, max_windows=20), inputs).windows == (windows if windows <= 20 else 10)


def test_launches_are_more_and_shorter_where_only_their_scatter_counts():
    facts = {"call_ns": (500 * MS, 500 * MS), "min_window_ns": 8 * MS, "time_limit_ns": 60 * S, "start_ns": 0.5 * S}
    assert plan_pair(**facts).windows == 18
    assert plan_pair(**facts, launches=MANY_LAUNCHES, min_blocks=1).windows == 2


def test_a_side_that_is_a_hundred_thousand_times_slower_does_not_make_a_launch_outlast_the_limit():
    plan = plan_pair(call_ns=(0.05 * MS, 5 * S), min_window_ns=8 * MS, time_limit_ns=60 * S, start_ns=10.5 * S)
    assert plan.calls == 1
    assert plan.windows == 2 * 4


@pytest.mark.parametrize(
    ("durations", "steady"),
    [
        ([], False),
        ([100.0] * 5, False),  # too short to tell
        ([100.0] * 6, True),
        ([130.0, 120.0, 110.0, 100.0, 100.0, 100.0], False),  # still getting faster
        ([130.0, 120.0, 110.0, 100.0, 100.0, 100.0, 100.0], True),  # the old windows are forgotten
        ([9000.0, 4000.0, 100.0, 100.0, 100.0, 100.0], True),  # what the first calls load is no trend
        ([100.0, 100.0, 100.0, 110.0, 120.0, 130.0], False),  # getting slower is not steady either
        ([100.0, 100.0, 100.0, 105.0, 105.0, 105.0], True),  # within 5 %
        ([100.0, 100.0, 100.0, 106.0, 106.0, 106.0], False),
        ([100.0, 100.0, 100.0, 94.0, 94.0, 94.0], False),
        ([100.0, 900.0, 101.0, 99.0, 900.0, 100.0], True),  # one outlier in three says nothing
        ([100.0, 300.0, 100.0, 300.0, 100.0, 300.0], True),  # dear inputs after cheap ones are no trend
    ],
)
def test_steady_is_when_windows_stop_getting_faster(durations, steady):
    assert is_steady(durations, window_ns=10 * MS) is steady


@pytest.mark.parametrize(
    ("durations", "window_ms", "steady"),
    [
        ([1.0], 500, False),
        ([1.0, 1.0], 500, False),
        ([1.0, 1.0, 1.0], 500, True),
        ([8.0, 4.0], 500, False),
        ([8.0, 4.0, 4.0], 500, True),
        ([8.0, 4.0, 2.0, 1.0], 500, False),
        ([1.0, 1.0, 1.0], 200, False),
        ([1.0, 1.0, 1.0, 1.0], 200, True),
        ([8.0, 4.0, 1.0, 1.0, 1.0], 100, False),
    ],
)
def test_fewer_windows_show_a_trend_where_they_are_long(durations, window_ms, steady):
    assert is_steady(durations, window_ns=window_ms * MS) is steady


@given(
    durations=st.lists(st.floats(1.0, 1e9), min_size=6, max_size=20),
    factor=st.sampled_from([0.25, 2.0, 1024.0]),
)
def test_steadiness_does_not_depend_on_the_unit(durations, factor):
    scaled = [one * factor for one in durations]
    assert is_steady(scaled, window_ns=10 * MS) is is_steady(durations, window_ns=10 * MS)


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
