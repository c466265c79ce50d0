"""Which operators a change is in: shares, from times alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.workloads import operators
from energygate.workloads.operators import changes_by_operator


def changes(base, head):
    return [(one.operator, round(one.contribution, 6)) for one in changes_by_operator(base, head)]


@pytest.mark.parametrize(
    ("base", "head", "moved"),
    [
        ({"Conv": 80, "Gemm": 20}, {"Conv": 80, "Gemm": 20}, []),
        ({"Conv": 80, "Gemm": 20}, {"Conv": 111, "Gemm": 20}, [("Conv", 0.31)]),
        ({"Conv": 80, "Gemm": 20}, {"Conv": 60, "Gemm": 30}, [("Conv", -0.2), ("Gemm", 0.1)]),
        ({"Conv": 100}, {"Conv": 100, "Cast": 4}, [("Cast", 0.04)]),
        ({"Conv": 96, "Cast": 4}, {"Conv": 96}, [("Cast", -0.04)]),
        ({"Conv": 1000, "Cast": 1}, {"Conv": 1009, "Cast": 2}, []),  # less than 1 % is no line
        ({"Conv": 100}, {"Conv": 101}, [("Conv", 0.01)]),
        ({}, {"Conv": 1}, []),  # nothing to hold it against
        ({"Conv": 0}, {"Conv": 1}, []),
        ({"Conv": 1}, {}, [("Conv", -1.0)]),
    ],
)
def test_what_moved_largest_first(base, head, moved):
    assert changes(base, head) == moved


def test_new_and_gone_operators_are_marked():
    new, gone = changes_by_operator({"Conv": 90, "Relu": 10}, {"Conv": 90, "Gelu": 30})
    assert (new.operator, new.is_new, new.is_gone, new.base_share) == ("Gelu", True, False, 0)
    assert (gone.operator, gone.is_new, gone.is_gone, gone.base_share) == ("Relu", False, True, 0.1)


TIMES = st.dictionaries(st.sampled_from("abcde"), st.floats(0.1, 1e6), min_size=1)


@given(base=TIMES, head=TIMES, unit=st.sampled_from([1e-3, 1.0, 1e3]))
def test_the_unit_of_time_does_not_matter(base, head, unit):
    scaled = [{name: time * unit for name, time in side.items()} for side in (base, head)]
    one, other = changes_by_operator(base, head), changes_by_operator(*scaled)
    assert {c.operator: pytest.approx(c.contribution) for c in one if abs(c.contribution) > 0.011} == {
        c.operator: c.contribution for c in other if abs(c.contribution) > 0.011
    }


@settings(max_examples=50)
@given(base=TIMES, head=TIMES)
def test_contributions_add_up_to_the_change(base, head):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "MIN_SHARE", 0)
        found = changes_by_operator(base, head)
    change = sum(head.values()) / sum(base.values()) - 1
    assert sum(one.contribution for one in found) == pytest.approx(change, rel=1e-9, abs=1e-9)
    assert sum(one.base_share for one in found) == pytest.approx(1)
