"""Whether two sides answer alike: classes, values, and every type of answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from energygate.errors import MeasurementError
from energygate.workloads.agreement import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, compare_answers

NAN, INF = np.nan, np.inf


def compared(base, head, how="values"):
    base, head = ({"y": np.asarray(one)} if not isinstance(one, dict) else one for one in (base, head))
    return compare_answers(base, head, how=how, label="workload 'w'")


def scores(*rows, dtype=np.float32):
    """Class scores of one call each, as onnxruntime answers: [calls, 1, classes]."""
    return np.array(rows, dtype)[:, None, :]


@pytest.mark.parametrize(
    ("base", "head", "share"),
    [
        (scores([1, 2, 3], [3, 2, 1]), scores([0, 0, 9], [9, 0, 0]), 1.0),  # other scores, same classes
        (scores([1, 2, 3], [3, 2, 1]), scores([1, 2, 3], [1, 2, 3]), 0.5),
        (scores([1, 2]), scores([1, 2], dtype=np.float64), 1.0),
        (scores([1, 2]), scores([1, 2], dtype=np.int32), 1.0),  # quantised scores are scores still
        (scores([1, 2], dtype=np.int32), scores([2, 1]), 0.0),
        (np.array([3, 4, 5]), np.array([3, 4, 6]), 2 / 3),  # classes already
        (np.array(["cat", "dog"]), np.array(["cat", "hedgehog"]), 0.5),
        (np.array([True, False]), np.array([True, True]), 0.5),
        (scores([1, 2], [2, 1]), scores([NAN, NAN], [2, 1]), 0.5),  # argmax of nothing but NaN is a class
        (scores([2, 1], [2, 1]), scores([NAN, NAN], [2, 1]), 0.5),  # ... and here it would be the right one
        (scores([NAN, 1]), scores([NAN, 7]), 1.0),
        (scores([-INF, 1]), scores([-INF, 2]), 1.0),
    ],
)
def test_classes(base, head, share):
    assert compared(base, head, "classes").share == pytest.approx(share)


def test_classes_are_those_of_bases_first_output():
    base = {"logits": scores([1, 2]), "embedding": scores([1, 2, 3])}
    head = {"embedding": scores([3, 2, 1]), "logits": scores([1, 2])}  # a re-export may order them anew
    assert compared(base, head, "classes").share == 1
    assert compared(base, head, "classes").compared == 1


@pytest.mark.parametrize("one", [np.zeros(5, np.float32), np.zeros((5, 1), np.float32)])
def test_one_float_per_request_is_no_class(one):
    with pytest.raises(MeasurementError, match=r"'y' is one float per request.*answers: values"):
        compared(one, one, "classes")


@pytest.mark.parametrize(
    ("base", "head", "share", "largest"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1.0, 0.0),
        ([1.0, 2.0], [1.0, 2.5], 0.5, 0.5),
        ([1000.0], [1000.9], 1.0, 0.9),  # within 0.1 %
        ([1000.0], [1001.2], 0.0, 1.2),
        ([0.0], [0.9e-5], 1.0, 0.9e-5),  # near zero an absolute tolerance
        ([0.0], [2e-5], 0.0, 2e-5),
        ([NAN, 1.0], [NAN, 1.0], 1.0, 0.0),
        ([NAN, 1.0], [0.0, 1.0], 0.5, 0.0),
        ([INF, -INF], [INF, -INF], 1.0, 0.0),
        ([INF], [-INF], 0.0, 0.0),
        ([INF, 1.0], [5.0, 1.0], 0.5, 0.0),
        ([1, 2, 3], [1, 2, 4], 2 / 3, 1.0),
        ([1, 2], [1.0, 2.0001], 1.0, 0.0001),  # whole numbers on one side, floats on the other
        ([200], np.array([200], np.uint8), 1.0, 0.0),
        (np.array([0], np.uint8), np.array([255], np.uint8), 0.0, 255.0),  # no wrapping around
        ([True, False], [True, True], 0.5, None),
        (["a", "b"], ["a", "long"], 0.5, None),
        (["1"], [1], 0.0, None),
        ([1 + 1j], [1 + 2j], 0.0, None),
    ],
)
def test_values(base, head, share, largest):
    found = compared(base, head)
    assert found.share == pytest.approx(share)
    assert found.largest_difference == (None if largest is None else pytest.approx(largest))
    assert found.compared == len(base)


def test_half_precision_is_compared_in_full():
    base = np.array([1.0, 2.0, 60000.0], np.float16)
    assert compared(base, base.astype(np.float32)).share == 1


def test_every_value_of_every_output_counts():
    base = {"a": np.zeros((2, 3)), "b": np.zeros(4)}
    head = {"a": np.zeros((2, 3)), "b": np.ones(4)}
    found = compared(base, head)
    assert (found.share, found.compared, found.largest_difference) == (0.6, 10, 1.0)


@pytest.mark.parametrize("how", ["classes", "values"])
@pytest.mark.parametrize("empty", [{}, {"boxes": np.zeros((3, 0, 4), np.float32)}])
def test_answers_without_content_are_equal_and_say_so(how, empty):
    found = compared(empty, dict(empty), how)
    assert (found.share, found.compared, found.largest_difference) == (1.0, 0, None)


@pytest.mark.parametrize("how", ["classes", "values"])
@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"y": np.zeros((2, 10))}, r"'y' has shape \[2, 5\] at base and \[2, 10\] at head"),
        ({"y": np.zeros((3, 5))}, r"\[2, 5\] at base and \[3, 5\] at head"),
        ({"z": np.zeros((2, 5))}, "base returns 'y', head 'z'"),
        ({"y": np.zeros((2, 5)), "z": np.zeros(2)}, "head 'y', 'z'"),
    ],
)
def test_answers_of_another_form_cannot_be_compared(how, head, said):
    with pytest.raises(MeasurementError, match=said) as caught:
        compared(np.zeros((2, 5)), head, how)
    assert caught.value.where == "workload 'w'"


FLOATS = arrays.arrays(np.float64, (3, 4), elements=st.floats(width=64))


@pytest.mark.parametrize("how", ["classes", "values"])
@given(answers=FLOATS)
def test_whatever_a_side_answers_agrees_with_itself(how, answers):
    found = compared(answers, answers.copy(), how)
    assert (found.share, found.largest_difference) == (1.0, 0.0)


@given(one=FLOATS, other=FLOATS)
def test_swapping_the_sides_changes_no_class_and_no_difference(one, other):
    there, back = compared(one, other, "classes"), compared(other, one, "classes")
    assert (there.share, there.largest_difference) == (back.share, back.largest_difference)


@pytest.mark.parametrize("how", ["classes", "values"])
def test_a_difference_too_large_for_a_number_is_the_largest_there_is(how):
    found = compared(np.full((3, 4), 1.7e308), np.full((3, 4), -1.7e308), how)
    assert found.largest_difference == np.finfo(np.float64).max


def test_the_tolerances_are_those_of_the_documentation():
    assert (RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE) == (1e-3, 1e-5)
