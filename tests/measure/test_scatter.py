"""What is known of a launch's scatter: for what it was recorded, and by how much was measured."""

from __future__ import annotations

import math

import pytest
from builders import launch, window

from energygate.measure.launch import Launches
from energygate.measure.scatter import ALONE, BY_BLOCKS, TOTALS, UNKNOWN, Scatter
from energygate.measure.series import change_series, series
from energygate.policy import parse_policy

ONE, SEVERAL = Scatter(kind="one thread"), Scatter(kind="several threads")


def scatter_of(settings, **fields):
    policy = parse_policy(f"version: 1\nworkloads: {{w: {{python: 'work:run', {settings}}}}}\n")
    return Scatter.of(policy.workloads["w"], **fields)


@pytest.mark.parametrize(
    ("settings", "alternating", "expected"),
    [
        ("threads: 1", False, ONE),
        ("threads: 2", False, SEVERAL),
        ("threads: 1, load: {concurrency: 4}", False, SEVERAL),
        ("threads: 1, load: {rate: 10 req/s}", False, UNKNOWN),
        ("threads: 1", True, UNKNOWN),
    ],
)
def test_it_is_known_where_it_was_recorded(settings, alternating, expected):
    assert scatter_of(settings, alternating=alternating) == expected


@pytest.mark.parametrize("known", [ONE, SEVERAL])
def test_more_blocks_scatter_less_and_sums_and_single_sides_more(known):
    for windows in range(1, 40):
        ratio = known.ratio_sd(windows)
        assert known.ratio_sd(windows + 1) <= ratio
        assert known.total_sd(windows) >= max(ratio, TOTALS[known.kind])
        assert known.alone_sd(windows) >= max(ratio, ALONE[known.kind])
    for blocks, sd in BY_BLOCKS[known.kind]:
        assert known.ratio_sd(2 * blocks) == sd
        assert known.ratio_sd(2 * blocks + 1) == sd


def test_where_nothing_was_recorded_nothing_is_assumed():
    for sd in (UNKNOWN.ratio_sd, UNKNOWN.total_sd, UNKNOWN.alone_sd):
        assert sd(18) == math.inf


def test_changes_of_what_took_turns_have_it_and_numbers_once_per_launch_do_not():
    windows = [window(1.0 + 0.01 * (i % 3)) for i in range(18)]
    pair = Launches(base=(launch(*windows),), head=(launch(*windows),))
    changes = change_series(pair, ONE)
    assert changes["energy_per_request"].expected_sd == changes["throughput"].expected_sd == ONE.ratio_sd(18)
    assert changes["energy_per_request"].expected_total_sd == ONE.total_sd(18)
    assert {changes[name].expected_sd for name in ("latency_p95", "cold_start", "peak_memory")} == {math.inf}


def test_launches_of_different_lengths_count_as_their_mean_square():
    launches = Launches(
        base=(launch(*[window()] * 2), launch(*[window()] * 18)),
        head=(launch(*[window()] * 2), launch(*[window()] * 18)),
    )
    found = change_series(launches, ONE)["energy_per_request"].expected_sd
    assert found == pytest.approx(math.sqrt((ONE.ratio_sd(2) ** 2 + ONE.ratio_sd(18) ** 2) / 2))


def test_windows_of_one_side_that_differ_widen_what_is_known_of_it():
    calm, wild = (series([launch(*map(window, joules))], ONE) for joules in ([1.0, 1.0, 1.0], [1.0, 2.0, 4.0]))
    assert calm["energy_per_request"].expected_sd == ONE.alone_sd(3)
    assert calm["energy_per_request"].min_sd == 0.0
    assert wild["energy_per_request"].min_sd == pytest.approx(math.log(2) / math.sqrt(3))
    assert calm["latency_p95"].expected_sd == calm["cold_start"].expected_sd == math.inf


@pytest.mark.parametrize(
    ("windows", "inputs", "known"),
    [
        ([window()], 1, True),
        ([window()], 20, False),  # the others may cost anything
        ([window()] * 2, 20, True),
        ([window(), window(requests=0, failed_requests=1)], 1, False),
        ([window(0.0)] * 2, 1, False),
    ],
)
def test_what_its_windows_cannot_show_is_not_assumed(windows, inputs, known):
    found = series([launch(*windows, inputs=inputs)], ONE)["energy_per_request"]
    assert math.isfinite(found.expected_sd) is known
