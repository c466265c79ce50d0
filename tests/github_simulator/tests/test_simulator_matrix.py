"""The expansion of a matrix, by the examples of GitHub's documentation."""

from __future__ import annotations

import pytest
from github_simulator.runner.matrix import Leg, MatrixRefused, legs_of, spread

A, C = "apple", "cat"


def test_include_adds_to_what_it_fits_and_stands_alone_otherwise():
    # GitHub's own example, with all six rules in it.
    matrix = {
        "fruit": ["apple", "pear"],
        "animal": ["cat", "dog"],
        "include": [
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    }
    assert spread(matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_include_alone_is_a_list_of_legs():
    include = [{"index": 0, "workloads": ["a"]}, {"index": 1, "workloads": ["b", "c"]}]
    assert spread({"include": include}) == include


def test_exclude_removes_legs_with_all_its_values():
    matrix = {"os": ["linux", "mac"], "v": [1, 2], "exclude": [{"os": "mac", "v": 1}, {"os": "x"}]}
    assert spread(matrix) == [{"os": "linux", "v": 1}, {"os": "linux", "v": 2}, {"os": "mac", "v": 2}]


@pytest.mark.parametrize(
    "matrix",
    [
        {},
        {"include": []},
        {"v": []},
        {"v": "x"},
        {"include": ["x"]},
        {"v": [1], "exclude": [{"v": 1}]},
        {"v": list(range(257))},
        "text",
        None,
    ],
)
def test_a_matrix_that_fails_the_job_on_github_is_refused(matrix):
    with pytest.raises(MatrixRefused):
        spread(matrix)


def test_a_leg_knows_its_place():
    first, second = legs_of({"matrix": {"v": [1, 2]}, "fail-fast": False})
    assert second.strategy == {"fail-fast": False, "job-index": 1, "job-total": 2, "max-parallel": 2}
    assert (first.values, first.suffix) == ({"v": 1}, " (1)")


def test_without_a_matrix_there_is_one_leg_without_a_suffix():
    (leg,) = legs_of(None)
    assert (leg.values, leg.suffix, leg.strategy["job-total"]) == ({}, "", 1)


def test_a_suffix_lists_nested_values():
    assert Leg(values={"a": {"b": ["x", 2]}, "c": True, "d": None}, strategy={}).suffix == " (x, 2, true)"
