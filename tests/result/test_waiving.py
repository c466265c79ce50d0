"""A label that waives: failures become waived, their numbers stay, and nothing else changes."""

from __future__ import annotations

import pytest
from builders import failed_workload_result, finding_result, judged, metric_result, result, workload_result
from hypothesis import given
from hypothesis import strategies as st

from energygate.gate import Verdict, exit_code, worst
from energygate.result.contradictions import contradiction
from energygate.result.result import ErrorResult
from energygate.result.waiving import waive_by_label

REASON = "waived by label energy-waived, set by octocat on 2026-11-20"


def waived(outcome, *, label="energy-waived", who="octocat", when="2026-11-20T09:30:00Z"):
    found = waive_by_label(outcome, label=label, who=who, when=when)
    assert contradiction(found) is None
    return found


def findings(outcome):
    return [one for w in outcome.workloads for metric in w.metrics.values() for one in metric.findings]


def test_failures_are_waived_with_the_persons_name():
    outcome = result(judged(Verdict.FAIL), notes=("a note",))
    found = waived(outcome)
    assert (found.verdict, found.workloads[0].verdict) == (Verdict.WAIVED, Verdict.WAIVED)
    (finding,) = findings(found)
    assert (finding.verdict, finding.reason) == (Verdict.WAIVED, REASON)
    assert found.notes == (REASON, "a note")
    assert exit_code(found.verdict, strict=True) == 0


def test_both_numbers_stay():
    found = waived(result(judged(Verdict.FAIL)))
    before = result(judged(Verdict.FAIL)).workloads[0].metrics["energy_per_request"]
    after = found.workloads[0].metrics["energy_per_request"]
    assert after.model_copy(update={"findings": ()}) == before.model_copy(update={"findings": ()})
    assert findings(found)[0].limit == before.findings[0].limit


def test_why_it_failed_stays_beside_why_it_is_waived():
    found = waived(result(judged(Verdict.FAIL, reason="the waiver by @ml expired on 2026-02-28")))
    assert findings(found)[0].reason == f"{REASON}; the waiver by @ml expired on 2026-02-28"


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.WAIVED, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_without_a_failure_a_label_changes_nothing(verdict):
    one = failed_workload_result() if verdict is Verdict.ERROR else judged(verdict)
    outcome = result(one)
    assert waived(outcome) is outcome


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([Verdict.PASS], Verdict.WAIVED),
        ([Verdict.WARN], Verdict.WARN),
        ([Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.FAIL], Verdict.WAIVED),
    ],
)
def test_only_the_failing_findings_of_a_workload_are_waived(others, verdict):
    metric = metric_result(*map(finding_result, [Verdict.FAIL, *others]))
    found = waived(result(workload_result(metrics={"energy_per_request": metric})))
    assert found.verdict is verdict
    assert [one.verdict for one in findings(found)] == [
        Verdict.WAIVED,
        *(Verdict.WAIVED if one is Verdict.FAIL else one for one in others),
    ]


def test_an_error_stays_an_error_even_if_a_limit_is_broken():
    broken = judged(Verdict.FAIL).model_copy(
        update={"verdict": Verdict.ERROR, "error": ErrorResult(message="no peak memory", detail=None)}
    )
    found = waived(result(broken, judged(Verdict.FAIL, name="mlp")))
    assert [one.verdict for one in found.workloads] == [Verdict.ERROR, Verdict.WAIVED]
    assert (found.verdict, exit_code(found.verdict, strict=False)) == (Verdict.ERROR, 3)


def test_a_failure_of_the_whole_workload_is_waived_too():
    """One that was removed or added where that is not allowed has no finding."""
    gone = workload_result(
        metrics={},
        state="removed",
        verdict=Verdict.FAIL,
        notes=("removed",),
        method=None,
        provenance=None,
    )
    found = waived(result(gone))
    assert found.verdict is Verdict.WAIVED
    assert found.workloads[0].notes == ("removed",)


@pytest.mark.parametrize("when", ["2026-11-20", "2026-11-20T09:30:00Z", "2026-11-20T09:30:00+00:00"])
def test_only_the_day_of_the_time_is_shown(when):
    assert findings(waived(result(judged(Verdict.FAIL)), when=when))[0].reason == REASON


def test_hostile_names_are_one_short_line():
    found = waived(
        result(judged(Verdict.FAIL)),
        label="<img src=x>|`@all`",
        who="a\n::error::b" + "c" * 999,
        when="x" * 999,
    )
    reason = findings(found)[0].reason
    assert "label <img src=x>|`@all`," in reason  # whoever renders it escapes it
    assert reason.isprintable()
    assert "a\\n::error::b" in reason
    assert len(reason) < 300


verdicts = st.lists(st.sampled_from([one for one in Verdict if one is not Verdict.ERROR]), max_size=4)


@given(st.lists(verdicts, min_size=1, max_size=3))
def test_waiving_makes_no_verdict_worse_and_leaves_no_failure(drawn):
    outcome = result(
        *(
            workload_result(f"w{i}", metrics={"energy_per_request": metric_result(*map(finding_result, some))})
            for i, some in enumerate(drawn)
        )
    )
    found = waived(outcome)
    assert Verdict.FAIL not in {found.verdict, *(one.verdict for one in found.workloads)}
    assert worst([found.verdict, outcome.verdict]) is outcome.verdict
    assert found == outcome or outcome.verdict is Verdict.FAIL
    assert waived(found) is found
