"""Workloads shared out among jobs: all of them, each once, on its runner, and about as long in every job."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from builders import failed_workload_result, judged, provenance, result, workload_result
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import UsageError
from energygate.gate import Verdict
from energygate.result.files import MAX_JOBS
from energygate.run.matrix import Shard, matrix, past_seconds, plan, shards

durations = st.dictionaries(
    st.text(min_size=1, max_size=5), st.floats(min_value=0.1, max_value=1000), min_size=1, max_size=12
)
counts = st.integers(min_value=1, max_value=8)


@pytest.mark.parametrize(
    ("seconds", "count", "expected"),
    [
        ({"a": 10, "b": 10, "c": 10}, 1, [["a", "b", "c"]]),
        ({"a": 10, "b": 10, "c": 10}, 3, [["a"], ["b"], ["c"]]),
        ({"a": 10, "b": 10, "c": 10}, 9, [["a"], ["b"], ["c"]]),
        ({"a": 1, "b": 1, "c": 1, "d": 3}, 2, [["a", "b", "c"], ["d"]]),
        ({"a": 5, "b": 4, "c": 3, "d": 2}, 2, [["a", "d"], ["b", "c"]]),
        ({"a": None, "b": 1, "c": 9, "d": 5}, 2, [["a", "d"], ["b", "c"]]),  # a counts as 5
        (
            {"a": None, "b": 10, "c": 10, "d": 100},
            3,
            [["a", "c"], ["b"], ["d"]],
        ),  # the mean, 40, would part them
        ({"a": None, "b": None, "c": None, "d": None}, 2, [["a", "c"], ["b", "d"]]),
        ({"a": math.nan, "b": 1, "c": 9, "d": 5}, 2, [["a", "d"], ["b", "c"]]),
        ({"a": -1, "b": 1, "c": 9, "d": 5}, 2, [["a", "d"], ["b", "c"]]),
        ({"a": math.inf, "b": 1, "c": 9, "d": 5}, 2, [["a", "d"], ["b", "c"]]),
        ({}, 2, []),
    ],
)
def test_the_longest_goes_first_and_to_the_least_loaded(seconds, count, expected):
    assert shards(seconds, count) == expected


def test_zero_shards_is_refused():
    with pytest.raises(UsageError, match="0 is not a number of shards"):
        shards({"a": 1.0}, 0)


@given(durations, counts)
def test_every_workload_is_in_one_shard_and_no_shard_is_empty(seconds, count):
    made = shards(seconds, count)
    assert sorted(itertools.chain(*made)) == sorted(seconds)
    assert all(made)
    assert len(made) == min(count, len(seconds))


@given(durations, counts)
def test_workloads_keep_the_policys_order(seconds, count):
    order = list(seconds)
    for names in shards(seconds, count):
        assert names == sorted(names, key=order.index)


def best_makespan(seconds, count):
    """Try every way: the soonest that all can be done."""
    ways = itertools.product(range(count), repeat=len(seconds))
    return min(
        max(sum(s for s, shard in zip(seconds, way, strict=True) if shard == i) for i in range(count)) for way in ways
    )


@given(st.lists(st.floats(min_value=0.1, max_value=1000), min_size=1, max_size=6), st.integers(2, 3))
def test_the_slowest_shard_takes_at_most_a_third_longer_than_it_must(seconds, count):
    """Graham's bound: 4/3 - 1/(3 count)."""
    named = {str(i): one for i, one in enumerate(seconds)}
    slowest = max(sum(named[name] for name in names) for names in shards(named, count))
    assert slowest <= best_makespan(seconds, count) * (4 / 3 - 1 / (3 * count)) * (1 + 1e-9)


def test_past_times_are_those_of_measured_workloads():
    one = result(
        workload_result("a", provenance=provenance(seconds=12.5)),
        failed_workload_result("b"),
        judged(Verdict.PASS),
    )
    assert past_seconds(one) == {"a": 12.5, "digits-cnn": 9.84}


# Runners


def jobs(workloads, count, **options):
    return [(one.runner, "".join(one.workloads)) for one in plan(workloads, count=count, **options)]


def test_all_run_on_the_default_runner():
    assert jobs("abcd", 2) == [("ubuntu-latest", "ac"), ("ubuntu-latest", "bd")]
    assert jobs("ab", 1, default_runner=("self-hosted", "quiet")) == [(("self-hosted", "quiet"), "ab")]


def test_a_job_has_one_runner():
    runs_on = {"b": ("self-hosted", "gpu"), "d": ("self-hosted", "gpu")}
    assert jobs("abcd", 2, runs_on=runs_on) == [("ubuntu-latest", "ac"), (("self-hosted", "gpu"), "bd")]


def test_runners_with_more_work_get_more_jobs():
    past = {"a": 10.0, "b": 10.0, "c": 10.0, "d": 1.0, "e": 1.0}
    runs_on = {"d": "gpu", "e": "gpu"}
    assert jobs("abcde", 3, runs_on=runs_on, past=past) == [
        ("ubuntu-latest", "ac"),
        ("ubuntu-latest", "b"),
        ("gpu", "de"),
    ]


def test_an_extra_job_goes_to_the_runner_with_the_longest_jobs():
    past = {"a": 10.0, "b": 10.0, "c": 10.0, "d": 10.0, "e": 10.0}
    assert jobs("abcde", 4, runs_on={"d": "gpu", "e": "gpu"}, past=past) == [
        ("ubuntu-latest", "ac"),
        ("ubuntu-latest", "b"),
        ("gpu", "d"),
        ("gpu", "e"),
    ]


def test_an_unknown_duration_is_the_median_of_all_not_of_its_runner():
    past = {"a": 10.0, "b": 10.0, "c": 10.0}
    assert jobs("abcde", 3, runs_on={"d": "gpu", "e": "gpu"}, past=past) == [
        ("ubuntu-latest", "ac"),
        ("ubuntu-latest", "b"),
        ("gpu", "de"),
    ]


def test_empty_jobs_are_not_planned():
    assert jobs("abc", 9, runs_on={"c": "gpu"}) == [
        ("ubuntu-latest", "a"),
        ("ubuntu-latest", "b"),
        ("gpu", "c"),
    ]


@pytest.mark.parametrize(
    ("workloads", "options", "why"),
    [
        ([], {"count": 1}, "no workloads"),
        (["a"], {"count": 0}, "cannot have 0 jobs"),
        (["a"], {"count": MAX_JOBS + 1}, "cannot have 257 jobs.* 1 to 256"),
        (["a", "a"], {"count": 1}, "named twice"),
        (["a"], {"count": 1, "runs_on": {"b": "gpu"}}, "a runner is named for 'b'"),
        (
            ["a", "b"],
            {"count": 1, "runs_on": {"b": "gpu"}},
            "need 2 kinds of runners, more than the maximum number of jobs, 1",
        ),
    ],
)
def test_impossible_plans_are_refused(workloads, options, why):
    with pytest.raises(UsageError, match=why):
        plan(workloads, **options)


@given(
    st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from(["x", "y", ("y", "z")]), min_size=1, max_size=12),
    st.integers(min_value=3, max_value=20),
)
def test_every_workload_runs_once_where_it_must_in_no_more_jobs_than_asked(runs_on, count):
    planned = plan(list(runs_on), count=count, runs_on=runs_on)
    assert sorted(name for one in planned for name in one.workloads) == sorted(runs_on)
    assert all(runs_on[name] == one.runner for one in planned for name in one.workloads)
    assert len(planned) == min(count, len(runs_on))
    assert planned == plan(list(runs_on), count=count, runs_on=runs_on)


# GitHub's words


def test_the_matrix_has_githubs_format():
    planned = (
        Shard(runner="ubuntu-latest", workloads=("a", "b c")),
        Shard(runner=("self-hosted", "gpu"), workloads=("d",)),
    )
    assert matrix(planned) == {
        "include": [
            {"shard": 1, "of": 2, "runs-on": "ubuntu-latest", "workloads": '["a", "b c"]'},
            {"shard": 2, "of": 2, "runs-on": ["self-hosted", "gpu"], "workloads": '["d"]'},
        ]
    }


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_any_name_survives_on_one_line_of_ascii(names):
    (job,) = matrix((Shard(runner="x", workloads=tuple(names)),))["include"]
    text = job["workloads"]
    assert json.loads(text) == names
    assert text.isascii()
    assert text.isprintable()
