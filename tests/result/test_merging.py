"""Merging a matrix's legs: one verdict, every workload once, and never a lost one in silence."""

from __future__ import annotations

import itertools

import pytest
from builders import failed_workload_result, judged, result, workload_result
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import UsageError
from energygate.gate import Verdict, worst
from energygate.report.headline import headline
from energygate.result.merging import MEASURED_ON, merge_results
from energygate.result.reading import read_result
from energygate.result.result import BaseResult

SHA = "ab" * 20
BASE = BaseResult(ref="main", commit=SHA)
MACHINE = result().machine
OTHER_MACHINE = MACHINE.model_copy(update={"cpu_model": "Intel Xeon 8370C", "cpu_count": 4})
OTHER_SITE = result(pue=1.5).site


def leg(*names, verdict=Verdict.PASS, **fields):
    return result(*(judged(verdict, name=name) for name in names), **fields)


def names_of(merged):
    return [one.name for one in merged.workloads]


def test_legs_become_one_result():
    merged = merge_results([leg("a", "b"), leg("c")])
    assert names_of(merged) == ["a", "b", "c"]
    assert merged == leg("a", "b", "c")


def test_merging_one_leg_returns_it():
    assert merge_results([leg("a", "b")]) == leg("a", "b")


@pytest.mark.parametrize(("first", "second"), [*itertools.product(Verdict, Verdict)])
def test_the_verdict_is_the_worst(first, second):
    def one(name, verdict):
        if verdict is Verdict.ERROR:
            return result(failed_workload_result(name))
        return leg(name, verdict=verdict)

    assert merge_results([one("a", first), one("b", second)]).verdict is worst([first, second])


def test_the_verdict_follows_from_the_workloads_and_not_from_a_legs_claim():
    lying = leg("a", verdict=Verdict.FAIL).model_copy(update={"verdict": Verdict.PASS})
    assert merge_results([leg("b"), lying]).verdict is Verdict.FAIL


def test_the_duration_is_that_of_the_slowest_leg():
    merged = merge_results([leg("a", seconds=12.0), leg("b", seconds=30.0), leg("c", seconds=2.0)])
    assert merged.seconds == 30.0


def test_the_time_is_that_of_the_last_leg():
    times = ["2026-03-01T12:00:00+00:00", "2026-03-01T12:09:00+00:00", "2026-03-01T11:59:59+00:00"]
    legs = [leg(name, created=created) for name, created in zip("abc", times, strict=True)]
    assert merge_results(legs).created == times[1]


def test_identical_notes_of_legs_are_listed_once():
    legs = [leg("a", notes=("x", "y")), leg("b", notes=("y", "z"))]
    assert merge_results(legs).notes == ("x", "y", "z")


def test_changes_of_the_policy_are_listed_once():
    changes = [("a: 1 → 2", "b: added"), ("b: added",), ("c: removed",)]
    legs = [leg(name, policy_changed=True, policy_changes=some) for name, some in zip("abc", changes, strict=True)]
    assert merge_results(legs).policy_changes == ("a: 1 → 2", "b: added", "c: removed")


def test_values_that_all_legs_share_are_kept():
    shared = {"head_commit": SHA, "policy_digest": "ab" * 32}
    merged = merge_results([leg("a", **shared), leg("b", **shared)])
    assert (merged.head_commit, merged.policy_digest) == (SHA, "ab" * 32)


def test_workloads_are_in_the_expected_order():
    merged = merge_results([leg("c", "a"), leg("b")], expected=["a", "b", "c"])
    assert names_of(merged) == ["a", "b", "c"]


# What is lost


def test_a_workload_that_no_leg_measured_is_an_error():
    merged = merge_results([leg("a"), leg("c")], expected=["a", "b", "c"])
    assert names_of(merged) == ["a", "b", "c"]
    assert [one.verdict for one in merged.workloads] == [Verdict.PASS, Verdict.ERROR, Verdict.PASS]
    assert merged.verdict is Verdict.ERROR
    assert headline(merged).startswith("b could not be judged: no result has this workload")


def test_without_expected_names_missing_workloads_go_unnoticed():
    assert merge_results([leg("a")]).verdict is Verdict.PASS


def test_no_legs_is_not_a_pass():
    with pytest.raises(UsageError, match="no results to merge"):
        merge_results([], expected=["a"])


def test_legs_without_workloads_are_not_a_pass():
    with pytest.raises(UsageError, match="have no workloads"):
        merge_results([result(), result()])


# What does not belong together


@pytest.mark.parametrize(
    ("legs", "why"),
    [
        (
            [leg("a"), leg("b", energygate_version="0.2.0")],
            "results 1 and 2 were written by different versions",
        ),
        ([leg("a", base=BASE), leg("b")], "results 1 and 2 compare with different bases"),
        ([leg("a"), leg("b"), leg("c", base=BASE)], "results 1 and 3 compare with different bases"),
        (
            [leg("a", base=BASE), leg("b", base=BaseResult(ref="main", commit="cd" * 20))],
            "different bases",
        ),
        (
            [
                leg("a", base=BaseResult(ref="old", commit=None)),
                leg("b", base=BaseResult(ref="new", commit=None)),
            ],
            "different bases",
        ),
        ([leg("a"), leg("b", policy="other.yml")], "judged by different policies"),
        ([leg("a"), leg("b", policy_changed=True)], "judged by different policies"),
        ([leg("a"), leg("b", seed=1)], "judged by different policies"),
        (
            [leg("a", policy_digest="ab" * 32), leg("b", policy_digest="cd" * 32)],
            "judged by different policies",
        ),
        ([leg("a", policy_digest="ab" * 32), leg("b")], "judged by different policies"),
        ([leg("a", head_commit=SHA), leg("b", head_commit="cd" * 20)], "measure different commits"),
        ([leg("a"), leg("b", pue=1.5)], "judged for different sites"),
        ([leg("a", "b"), leg("c"), leg("b")], "workload 'b' is in results 1 and 3"),
        ([leg("a", "a")], "workload 'a' is in result 1 twice"),
    ],
)
def test_legs_of_different_runs_are_refused(legs, why):
    with pytest.raises(UsageError, match=why) as caught:
        merge_results(legs)
    assert len(str(caught.value).splitlines()) == 1


def test_bases_are_compared_by_commit_and_not_by_name():
    legs = [leg("a", base=BASE), leg("b", base=BaseResult(ref="origin/main", commit=SHA))]
    assert merge_results(legs).base == BASE


def test_an_unexpected_workload_is_refused():
    with pytest.raises(UsageError, match="workload 'b' does not belong to this run"):
        merge_results([leg("a"), leg("b")], expected=["a"])


@pytest.mark.parametrize("state", ["added", "removed", "renamed"])
def test_a_workload_that_one_side_alone_names_comes_after_the_expected(state):
    one_sided = result(judged(Verdict.FAIL, name="z").model_copy(update={"state": state}))
    merged = merge_results([one_sided, leg("b", "a")], expected=["a", "b"])
    assert names_of(merged) == ["a", "b", "z"]
    assert merged.verdict is Verdict.FAIL


# Where it was measured


def test_legs_on_identical_machines_have_no_note():
    bigger = MACHINE.model_copy(update={"memory_bytes": MACHINE.memory_bytes + 4096})
    merged = merge_results([leg("a"), leg("b", machine=bigger)])
    assert [one.notes for one in merged.workloads] == [(), ()]


def test_legs_on_different_machines_are_noted_by_workload():
    merged = merge_results([leg("a", "b"), leg("c", machine=OTHER_MACHINE)])
    assert [one.notes for one in merged.workloads] == [
        (f"{MEASURED_ON}AMD EPYC 7763 64-Core Processor, 2 CPUs, Linux 6.8",),
        (f"{MEASURED_ON}AMD EPYC 7763 64-Core Processor, 2 CPUs, Linux 6.8",),
        (f"{MEASURED_ON}Intel Xeon 8370C, 4 CPUs, Linux 6.8",),
    ]
    assert merged.machine == MACHINE


def test_unmeasured_workloads_are_not_noted_with_a_machine():
    merged = merge_results([result(failed_workload_result("a")), leg("b", machine=OTHER_MACHINE)])
    assert merged.workloads[0].notes == ()


def test_the_first_note_stays_the_reason():
    """A verdict without findings is explained by its workload's first note."""
    one = workload_result("a", metrics={}, verdict=Verdict.FAIL, notes=("added, not allowed",))
    merged = merge_results([leg("b"), result(one, machine=OTHER_MACHINE)])
    assert headline(merged) == "a: added, not allowed"


# Laws

legs_of_a_run = st.lists(
    st.tuples(
        st.sampled_from([MACHINE, OTHER_MACHINE]),
        st.lists(st.sampled_from([Verdict.PASS, Verdict.WARN, Verdict.FAIL]), min_size=1, max_size=3),
        st.floats(min_value=0, max_value=100),
        st.sampled_from([(), ("x",), ("y", "x")]),
    ),
    min_size=2,
    max_size=5,
)


def build(drawn):
    numbers = itertools.count()
    return [
        result(
            *(judged(verdict, name=f"w{next(numbers)}") for verdict in verdicts),
            machine=machine,
            seconds=seconds,
            notes=notes,
        )
        for machine, verdicts, seconds, notes in drawn
    ]


@given(legs_of_a_run, st.data())
def test_merging_in_steps_equals_merging_at_once(drawn, data):
    legs = build(drawn)
    cut = data.draw(st.integers(min_value=1, max_value=len(legs) - 1))
    in_steps = merge_results([merge_results(legs[:cut]), merge_results(legs[cut:])])
    # The first half may not have known that the second ran elsewhere: then its note comes late, but it comes.
    assert in_steps == merge_results(legs)


@given(legs_of_a_run)
def test_no_workload_is_lost_or_changed(drawn):
    legs = build(drawn)
    merged = merge_results(legs)
    before = [one for part in legs for one in part.workloads]
    assert [one.model_copy(update={"notes": ()}) for one in merged.workloads] == before


@given(legs_of_a_run, st.permutations(range(5)))
def test_with_expected_names_the_order_of_legs_does_not_matter(drawn, order):
    legs = build(drawn)
    expected = [one.name for part in legs for one in part.workloads]
    shuffled = [legs[i] for i in order if i < len(legs)]
    one, other = merge_results(legs, expected=expected), merge_results(shuffled, expected=expected)
    assert one.workloads == other.workloads
    assert (one.verdict, one.seconds, one.created) == (other.verdict, other.seconds, other.created)


@given(legs_of_a_run)
def test_a_merged_result_can_be_read_again(drawn):
    merged = merge_results(build(drawn), expected=[f"w{i}" for i in range(20)])
    assert read_result(merged.to_json(), name="merged.json") == merged
