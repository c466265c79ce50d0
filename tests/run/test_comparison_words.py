"""The sentences of a comparison: what moved, what would settle it, and headlines that have no number."""

from __future__ import annotations

import pytest
from builders import (
    exact_metric_result,
    finding_result,
    metric_result,
    provenance,
    result,
    workload_result,
)
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError, PolicyError
from energygate.gate import Verdict
from energygate.policy import Workload
from energygate.pytest_plugin.failure_text import OPTIONS
from energygate.report.explanations import against, interval_words, more_time, what_moved
from energygate.report.headline import headline, improvement
from energygate.report.phrases import agreement_text, numbers, percent
from energygate.result.result import BaseResult, Change, ComparisonResult
from energygate.run.pairing import Pairing
from energygate.run.result_parts import failed_workload
from energygate.workloads.agreement import AgreementResult
from energygate.workloads.operators import ModelResult, OperatorResult

MINUS = "\N{MINUS SIGN}"


def comparison(**fields):
    defaults = {
        "mode": "paired",
        "blocks_per_launch": 10,
        "log_ratios": (0.0,) * 6,
        "seconds_to_decide": None,
        "agreement": None,
        "operators": (),
        "base_model": None,
        "head_model": None,
        "base_versions": {"python": "3.12.1", "onnxruntime": "1.22.0"},
    }
    return ComparisonResult(**{**defaults, **fields})


def operator(name, contribution, *, base_share=0.5, is_new=False, is_gone=False):
    return OperatorResult(
        operator=name, base_share=base_share, contribution=contribution, is_new=is_new, is_gone=is_gone
    )


def agreement(share, *, compared=360, how="classes", largest=0.5):
    return AgreementResult(share=share, compared=compared, how=how, largest_difference=largest)


def changed(estimate, low, high, verdict=Verdict.PASS, *, kind="max_increase", limit=0.05, limit_text="5 %", **fields):
    finding = finding_result(verdict, kind=kind, limit=limit, limit_text=limit_text)
    change = Change(estimate=estimate, low=low, high=high)
    metric = metric_result(finding).model_copy(update={"base": 1.5e-9, "change": change})
    return workload_result(
        metrics={"energy_per_request": metric}, **{"comparison": comparison(), "state": "compared", **fields}
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (0.0, "0 %"),
        (0.338, "+33.8 %"),
        (-0.338, f"{MINUS}33.8 %"),
        (0.0024, "+0.24 %"),
        (0.00004, "0 %"),  # no "+0.00 %"
        (-0.00004, "0 %"),
        (0.0099999, "+1.00 %"),
        (0.999, "+99.9 %"),
        (0.9996, "+100.0 %"),
        (1.0, "+100 %"),
        (27.4, "+2,740 %"),
        (-1.0, f"{MINUS}100 %"),
    ],
)
def test_percent(change, text):
    assert percent(change) == text


@given(change=st.floats(-1, 1e4))
def test_a_percentage_never_has_the_wrong_sign(change):
    text = percent(change)
    assert text == "0 %" or text.startswith("+" if change > 0 else MINUS)
    size = float(text.strip(f"+{MINUS} %").replace(",", ""))
    half_a_digit = 0.5 if size >= 100 else 0.05 if size >= 1 else 0.005
    assert abs(size - abs(change) * 100) <= half_a_digit * 1.001


@pytest.mark.parametrize(
    ("base", "head", "text"),
    [(0.983, 0.989, "+0.6 points"), (0.98, 0.97, f"{MINUS}1.0 points"), (0.98, 0.98, "=")],
)
def test_shares_change_by_points(base, head, text):
    metric = exact_metric_result(head, "ratio").model_copy(update={"base": base})
    assert numbers(metric).change == text


def test_a_change_that_is_not_known_is_no_text():
    assert numbers(metric_result()).change == ""


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (agreement(1.0), "all 360 answers agree with base's"),
        (agreement(1.0, compared=1, how="values"), "the value agrees with base's"),
        (agreement(1.0, compared=2, how="values"), "both values agree with base's"),
        (agreement(0.0, compared=1, largest=None), "the answer differs from base's"),
        (agreement(0.983), "98.3 % of 360 answers agree with base's"),
        (
            agreement(0.5, compared=3600, how="values", largest=0.123),
            "50.0 % of 3,600 values agree with base's, the largest difference is 0.123",
        ),
        (agreement(0.0, compared=8, how="values", largest=None), "0 % of 8 values agree with base's"),
        (agreement(1.0, compared=0, largest=None), "both sides answer with nothing"),
    ],
)
def test_how_far_answers_agree(found, text):
    assert agreement_text(found) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        (
            {
                "operators": (
                    operator("Conv", 0.31),
                    operator("Cast", 0.04, base_share=0, is_new=True),
                    operator("Relu", -0.02, is_gone=True),
                    operator("Gemm", 0.015),  # next to nothing beside the first
                )
            },
            f"Conv +31.0 %, new Cast +4.0 %, Relu gone, {MINUS}2.0 % of base's operator time",
        ),
        (
            {"operators": tuple(operator(name, 0.1) for name in "abcdefg")},
            ", ".join(f"{name} +10.0 %" for name in "abcde") + " of base's operator time",
        ),
        (
            {
                "base_model": ModelResult(nodes=7, parameters=57418, opset=17),
                "head_model": ModelResult(nodes=9, parameters=57418, opset=18),
            },
            "nodes 7 → 9; opset 17 → 18",
        ),
        ({"base_versions": {"python": "3.12.1", "onnxruntime": "1.19.2"}}, "onnxruntime 1.19.2 → 1.22.0"),
        ({"agreement": agreement(1.0)}, "all 360 answers agree with base's"),
        ({"mode": "alternating"}, "the two sides cannot run side by side, so whole launches alternated"),
    ],
    ids=["nothing", "operators", "only the first five", "model", "versions", "answers", "mode"],
)
def test_what_moved(fields, text):
    assert what_moved(workload_result(comparison=comparison(**fields))) == text


def test_head_alone_moved_nothing():
    assert what_moved(workload_result()) == more_time(workload_result()) == ""


def still_open(*, kind="max_increase", seconds=9.84, limit=0.05, windows=20, **fields):
    launches = tuple(one.model_copy(update={"windows": windows}) for one in provenance().launches)
    return changed(
        0.04,
        0.02,
        0.06,
        Verdict.INCONCLUSIVE,
        kind=kind,
        limit=limit,
        comparison=comparison(**fields),
        provenance=provenance(seconds=seconds, launches=launches),
    )


def with_reason(workload):
    metric = workload.metrics["energy_per_request"]
    findings = tuple(one.model_copy(update={"reason": "the total rose by about 10 %"}) for one in metric.findings)
    return workload.model_copy(
        update={"metrics": {"energy_per_request": metric.model_copy(update={"findings": findings})}}
    )


@pytest.mark.parametrize(
    ("workload", "text"),
    [
        (still_open(seconds_to_decide=90.2), "about 91 s more would decide: `time_limit: 130 s`"),
        (still_open(seconds_to_decide=0.1), "about 1 s more would decide: `time_limit: 20 s`"),
        (
            still_open(),
            "more time would hardly decide it: launches scatter too much this close to the limit",
        ),
        (
            still_open(kind="max", limit=2.2e-9),
            "more time would hardly decide it: the limit is closer than this machine's own drift",
        ),
        (
            still_open(kind="max", limit=2.5e-9),
            "more time would hardly decide it: launches scatter too much this close to the limit",
        ),
        (
            still_open(windows=2, seconds=60.0),
            (
                "launches of 2,000 requests scatter too much this close to the limit; "
                "`time_limit: 300 s` makes them longer"
            ),
        ),
        (with_reason(still_open()), ""),
        (
            still_open(seconds_to_decide=12.0).model_copy(update={"verdict": Verdict.ERROR}),
            "about 12 s more would decide: `time_limit: 30 s`",
        ),
        (
            still_open().model_copy(update={"seconds_to_decide": 30.0}),
            "about 30 s more would decide: `time_limit: 50 s`",
        ),
        (changed(0.1, 0.09, 0.11, Verdict.FAIL, seconds_to_decide=9.0), ""),
        (changed(0.0, 0.0, 0.01, Verdict.PASS), ""),
    ],
    ids=[
        "a while",
        "a moment",
        "never",
        "the drift is 16 %",
        "an absolute limit outside of it",
        "short launches",
        "a reason of its own",
        "nothing was judged",
        "the workload's own estimate",
        "failed",
        "passed",
    ],
)
def test_what_would_settle_it(workload, text):
    assert more_time(workload) == text


@pytest.mark.parametrize(
    "fields", [{"alpha": 0.0}, {"alpha": 7.0}, {"launches": ()}, {"drift_sd": -1.0}, {"requests": 0}]
)
@pytest.mark.parametrize("limit", [-1.0, 0.0, 2e-9])
def test_a_strangers_numbers_stop_no_report(fields, limit):
    forged = still_open(kind="max", limit=limit)
    assert more_time(forged.model_copy(update={"provenance": provenance(**fields)})).startswith("more time would")


def test_it_is_written_as_the_reader_sets_it():
    text = more_time(still_open(seconds_to_decide=90.2), OPTIONS)
    assert text == "about 91 s more would decide: --energy-time 130s"


@given(more_s=st.floats(0.01, 1e4), spent_s=st.floats(0.1, 1e4))
def test_the_time_limit_that_is_advised_has_room_for_both(more_s, spent_s):
    text = more_time(still_open(seconds_to_decide=more_s, seconds=spent_s))
    advised_s = float(text.rpartition("time_limit: ")[2].removesuffix(" s`"))
    assert advised_s >= spent_s + more_s


@pytest.mark.parametrize(
    ("workloads", "text"),
    [
        ([changed(0.2, 0.1, 0.3)], ""),
        ([changed(-0.2, -0.4, 0.01)], ""),  # not shown
        ([changed(-0.2, None, None)], ""),  # nor is this
        ([changed(-0.41, -0.43, -0.4)], "digits-cnn needs 41.0 % less energy per request"),
        (
            [changed(-0.41, -0.43, -0.4, comparison=comparison(agreement=agreement(1.0)))],
            "digits-cnn needs 41.0 % less energy per request, answers unchanged",
        ),
        (
            [changed(-0.41, -0.43, -0.4, comparison=comparison(agreement=agreement(0.75)))],
            "digits-cnn needs 41.0 % less energy per request, but only 75.0 % of 360 answers agree with base's",
        ),
        (
            [changed(-0.1, -0.2, -0.05, name="small"), changed(-0.5, -0.6, -0.4, name="large")],
            "large needs 50.0 % less energy per request; 1 more workload needs less, too",
        ),
    ],
)
def test_a_saving_is_told_with_what_became_of_the_answers(workloads, text):
    assert improvement(result(*workloads)) == text


def unmeasured(name, state, verdict=Verdict.PASS, note="identical to base, not measured"):
    return workload_result(name, metrics={}, provenance=None, method=None, state=state, verdict=verdict, notes=(note,))


REMOVED = "removed, which base's policy does not allow; it exists at base 3f2a9c1"
ADDED = "added, which base's policy does not allow"


@pytest.mark.parametrize(
    ("workloads", "text"),
    [
        ([unmeasured("a", "unchanged")], "1 workload identical to base, not measured"),
        ([unmeasured("a", "removed")], "1 workload removed"),
        (
            [unmeasured("a", "unchanged"), unmeasured("b", "unchanged"), unmeasured("c", "removed")],
            "2 workloads identical to base, not measured; 1 workload removed",
        ),
        (
            [unmeasured("a", "unchanged"), changed(0.002, -0.004, 0.01)],
            f"digits-cnn needs as much energy per request as before ({MINUS}0.40 to +1.0 %, limit +5 %)",
        ),
        (
            [changed(0.02, 0.01, 0.03)],
            "digits-cnn needs 2.0 % more energy per request (limit +5 %)",
        ),
        (
            [changed(-0.41, -0.43, -0.4), changed(0.0, -0.01, 0.01, name="other")],
            "digits-cnn needs 41.0 % less energy per request; all 2 budgets kept",
        ),
        ([unmeasured("a", "removed", Verdict.WAIVED, REMOVED)], f"a: {REMOVED}, waived"),
        ([unmeasured("a", "removed", Verdict.FAIL, REMOVED)], f"a: {REMOVED}"),
        (
            [
                changed(0.0, 0.0, 0.01),
                unmeasured("a", "removed", Verdict.FAIL, REMOVED),
                unmeasured("b", "added", Verdict.FAIL, ADDED),
            ],
            f"a: {REMOVED} (and 1 more workload)",
        ),
        (  # a number says more than a state
            [unmeasured("a", "removed", Verdict.FAIL, REMOVED), changed(0.2, 0.1, 0.3, Verdict.FAIL)],
            "digits-cnn needs 20.0 % more energy per request (limit +5 %)",
        ),
        (
            [changed(-0.2, -0.3, -0.1, Verdict.FAIL, kind="max_decrease")],
            f"digits-cnn needs 20.0 % less energy per request (limit {MINUS}5 %)",
        ),
        (
            [changed(0.04, 0.018, 0.061, Verdict.INCONCLUSIVE)],
            "digits-cnn: energy per request changed by +1.8 to +6.1 %, undecided (limit +5 %)",
        ),
        (
            [changed(-0.41, -0.43, -0.4)],
            "digits-cnn needs 41.0 % less energy per request",
        ),
    ],
)
def test_headlines(workloads, text):
    assert headline(result(*workloads)) == text


@pytest.mark.parametrize(
    ("base", "changed_policy", "text"),
    [
        (None, False, ""),
        (
            BaseResult(ref="origin/main", commit="3f2a9c1" + "0" * 33),
            False,
            "Compared with base 3f2a9c1 (merge base with origin/main)",
        ),
        (BaseResult(ref="/ci/base", commit=None), False, "Compared with base /ci/base"),
        (
            BaseResult(ref="/ci/base", commit=None),
            True,
            "Compared with base /ci/base; this change also changes the policy: base's policy decides",
        ),
    ],
)
def test_what_it_was_held_against(base, changed_policy, text):
    assert against(result(base=base, policy_changed=changed_policy)) == text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MeasurementError("it died", where="workload 'cnn'"), "it died"),
        (MeasurementError("it died", where="workload 'cnn' at base"), "at base: it died"),
        (
            MeasurementError("it died", where="workload 'cnn' at base", hint="Wake it"),
            "at base: it died. Wake it",
        ),
        (PolicyError("no such file", where="energygate.yml:3"), "energygate.yml:3: no such file"),
        (MeasurementError("it died"), "it died"),
    ],
)
def test_an_error_says_which_side_it_is_about(error, message):
    found = failed_workload(Pairing(name="cnn", state="head only", head=Workload(onnx="cnn.onnx")), error)
    assert (found.verdict, found.error.message) == (Verdict.ERROR, message)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, []),
        (
            {"launches": provenance().launches[:3]},
            ["Before the fourth launch intervals allow for several times the recorded scatter."],
        ),
        ({"decision_rule": 1}, ["These intervals are of an earlier energygate, which waited for four launches."]),
    ],
)
def test_a_reader_learns_which_rule_made_the_intervals(fields, said):
    _, *more = interval_words([workload_result(), workload_result(provenance=provenance(**fields))])
    assert more == said
