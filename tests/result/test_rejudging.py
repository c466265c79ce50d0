"""Judging again: a fork's numbers, base's budgets, and no claim that improves a verdict."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import failed_workload_result, result
from first_stage import TODAY, FirstStage, judge_again, policy, rulings

from energygate.gate import Estimate, Evidence, Verdict
from energygate.gate.estimates import shared_alpha
from energygate.policy.policy_diff import policy_digest
from energygate.result.merging import MISSING
from energygate.result.rejudging import (
    ADDITION_NOT_ALLOWED,
    AGAIN,
    NO_LIMITS,
    OTHER_POLICY,
    REMOVAL_NOT_ALLOWED,
    REMOVED,
    UNCHANGED,
)
from energygate.result.result import FindingResult

CNN, MLP, OTHER = ({"onnx": f"{name}.onnx"} for name in ("cnn", "mlp", "other"))
ENERGY = {"energy_per_request": {"max_increase": "5 %"}}


def known(low, high):
    return Estimate(value=(low + high) / 2, low=low, high=high)


def compared(change, **fields):
    exact = Estimate.exact(1.0)
    return Evidence(metric="energy_per_request", head=exact, base=exact, change=change, **fields)


RISEN = compared(known(0.2, 0.3))
SAME = compared(known(-0.01, 0.01))


def one_measured(evidence=SAME, budgets=ENERGY, **fields):
    """A policy of one workload, and what the first stage makes of it."""
    base = policy({"cnn": {**CNN, "budgets": budgets}}, **fields)
    return base, FirstStage(base, base).measured("cnn", [evidence]).result()


def verdicts(outcome):
    return {one.name: one.verdict for one in outcome.workloads}


def changed(outcome, number=0, **fields):
    """The result with another workload added by hand, its verdict unchanged."""
    workloads = list(outcome.workloads)
    workloads[number] = workloads[number].model_copy(update=fields)
    return outcome.model_copy(update={"workloads": tuple(workloads)})


def made_with(outcome, **fields):
    return changed(outcome, provenance=outcome.workloads[0].provenance.model_copy(update=fields))


def message(outcome, number=0):
    error = outcome.workloads[number].error
    assert outcome.workloads[number].verdict is Verdict.ERROR
    assert outcome.verdict is Verdict.ERROR
    return error.message


# Claims

FORGED = FindingResult(kind="max_increase", limit=9.0, limit_text="900 %", verdict=Verdict.PASS, reason="trust me")


@pytest.mark.parametrize("claimed", Verdict)
@pytest.mark.parametrize("findings", [(), (FORGED,), (FORGED.model_copy(update={"verdict": Verdict.WAIVED}),)])
@pytest.mark.parametrize("evidence", [RISEN, SAME])
def test_claimed_verdicts_have_no_influence(claimed, findings, evidence):
    base, honest = one_measured(evidence)
    metric = honest.workloads[0].metrics["energy_per_request"]
    forged = changed(
        honest,
        verdict=claimed,
        metrics={"energy_per_request": metric.model_copy(update={"findings": findings})},
    ).model_copy(update={"verdict": claimed})
    assert rulings(judge_again(forged, base)) == rulings(honest)


def test_the_policy_that_decides_is_base_s():
    """A result of the first stage judged by a looser policy, as if head's had decided."""
    loose = policy({"cnn": {**CNN, "budgets": {"energy_per_request": {"max_increase": "50 %"}}}})
    strict, _ = one_measured()
    claimed = FirstStage(loose, loose).measured("cnn", [RISEN]).result()
    assert claimed.verdict is Verdict.PASS
    again = judge_again(claimed, strict)
    assert again.verdict is Verdict.FAIL
    assert OTHER_POLICY in again.notes
    assert again.policy_digest == policy_digest(strict)


def test_the_result_notes_that_it_was_judged_again():
    base, honest = one_measured()
    again = judge_again(honest, base)
    assert again.notes == (AGAIN.format(source="policy"),)
    assert judge_again(again, base) == again


def test_existing_notes_stay_after_ours():
    base, honest = one_measured()
    assert judge_again(honest.model_copy(update={"notes": ("x",)}), base).notes[1:] == ("x",)


@pytest.mark.parametrize(
    ("budget", "expires", "verdict"),
    [
        ({"max_increase": "5 %"}, None, Verdict.FAIL),
        ({"max_increase": "5 %", "level": "warn"}, None, Verdict.WARN),
        ({"max_increase": "5 %", "level": "off"}, None, Verdict.PASS),
        ({"max_increase": "5 %"}, TODAY, Verdict.WAIVED),
        ({"max_increase": "5 %"}, TODAY - timedelta(days=1), Verdict.FAIL),
        ({"max_increase": "30 %"}, None, Verdict.PASS),
        ({"max_increase": "25 %"}, None, Verdict.INCONCLUSIVE),
        ({"max_increase": "5 %", "min_delta": "0.4 kWh"}, None, Verdict.PASS),
    ],
)
def test_levels_waivers_and_limits_are_those_of_base(budget, expires, verdict):
    waiver = {"workload": "cnn", "metric": "energy_per_request", "reason": "why", "owner": "@ml"}
    waivers = [] if expires is None else [{**waiver, "expires": expires}]
    base = policy({"cnn": {**CNN, "budgets": {"energy_per_request": budget}}}, waivers=waivers)
    _, claimed = one_measured(RISEN)
    assert judge_again(claimed, base).verdict is verdict


def test_a_limit_below_min_delta_is_explained_with_both_numbers():
    base, honest = one_measured(RISEN, {"energy_per_request": {"max_increase": "5 %", "min_delta": "0.4 kWh"}})
    for outcome in (honest, judge_again(honest, base)):
        (finding,) = outcome.workloads[0].metrics["energy_per_request"].findings
        assert (finding.limit, finding.applied) == (0.05, 0.4)
    base, honest = one_measured(RISEN)
    assert honest.workloads[0].metrics["energy_per_request"].findings[0].applied is None


def test_a_tiny_base_value_does_not_overflow():
    """A share of it is infinite, which no result can hold."""
    budget = {"energy_per_request": {"max_increase": "5 %", "min_delta": "1 kWh"}}
    base, honest = one_measured(RISEN, budget)
    metric = honest.workloads[0].metrics["energy_per_request"].model_copy(update={"base": 5e-324})
    judge_again(changed(honest, metrics={"energy_per_request": metric}), base)


def test_expensive_requests_are_found_again():
    base, honest = one_measured(compared(known(-0.01, 0.01), total=known(0.2, 0.4)))
    assert honest.verdict is Verdict.FAIL
    assert rulings(judge_again(honest, base)) == rulings(honest)


def test_incomparable_numbers_are_not_compared_again():
    base, honest = one_measured(compared(known(0.2, 0.3), incomparable="one is a guess"))
    assert honest.verdict is Verdict.INCONCLUSIVE
    assert rulings(judge_again(honest, base)) == rulings(honest)


# What is not there


def test_a_workload_missing_from_the_result_is_an_error():
    base = policy({"cnn": {**CNN, "budgets": ENERGY}, "mlp": {**MLP, "budgets": ENERGY}})
    half = FirstStage(base, base).measured("cnn", [SAME]).result()
    again = judge_again(half, base)
    assert verdicts(again) == {"cnn": Verdict.PASS, "mlp": Verdict.ERROR}
    assert message(again, 1) == MISSING


def test_a_run_may_be_limited_to_some_workloads():
    base = policy({"cnn": {**CNN, "budgets": ENERGY}, "mlp": {**MLP, "budgets": ENERGY}})
    half = FirstStage(base, base).measured("cnn", [SAME]).result()
    assert judge_again(half, base, workloads=["cnn"]).verdict is Verdict.PASS
    assert verdicts(judge_again(half, base, workloads=["mlp"]))["mlp"] is Verdict.ERROR


def test_a_budget_whose_metric_is_missing_is_an_error():
    base, honest = one_measured()
    wider = policy({"cnn": {**CNN, "budgets": {**ENERGY, "peak_memory": {"max": "1 GB"}}}})
    honest = made_with(honest, alpha=0.01)
    assert message(judge_again(honest, wider)) == "no peak memory was measured for this workload"
    bare = changed(honest, metrics={})
    assert message(judge_again(bare, base)) == "no energy per request was measured for this workload"


def test_a_missing_comparison_is_an_error_under_a_relative_limit():
    """Who leaves base out of the result escapes no limit against it."""
    base, _ = one_measured()
    alone = FirstStage(base, base).measured("cnn", [Evidence(metric="energy_per_request", head=Estimate.exact(1.0))])
    for state in ("compared", "added", "head only", "renamed", "unchanged"):
        forged = changed(
            result(*alone.workloads), state=state, error=None, base_name="x" if state == "renamed" else None
        )
        again = judge_again(forged, base)
        assert message(again) == "its energy per request was not compared with base's"


@pytest.mark.parametrize("state", ["compared", "head only", "added"])
def test_a_workload_without_numbers_and_without_a_reason_is_an_error(state):
    base, _ = one_measured()
    empty = FirstStage(base, base).unmeasured("cnn", state).result()
    assert message(judge_again(empty, base)) == (
        "it was not measured, and the result does not say why; measure it again"
    )


# What is said of both sides


def test_a_claim_of_unchanged_is_accepted_and_noted():
    base, _ = one_measured()
    same = FirstStage(base, base).unmeasured("cnn", "unchanged", note="identical to base").result()
    again = judge_again(same, base)
    assert again.verdict is Verdict.PASS
    assert again.workloads[0].notes == (UNCHANGED, "identical to base")


def test_a_claim_of_unchanged_with_numbers_is_judged_by_the_numbers():
    base, honest = one_measured(RISEN)
    assert judge_again(changed(honest, state="unchanged"), base).verdict is Verdict.FAIL


def test_a_workload_that_base_lacks_cannot_be_unchanged():
    base, _ = one_measured()
    stranger = FirstStage(base, base).unmeasured("x", "unchanged").result()
    assert "it was not measured" in message(judge_again(stranger, base, workloads=["x"]))


@pytest.mark.parametrize(
    ("rule", "verdict", "note"),
    [("list", Verdict.PASS, REMOVED), ("fail", Verdict.FAIL, REMOVAL_NOT_ALLOWED)],
)
def test_a_removed_workload_is_under_base_s_rule(rule, verdict, note):
    base = policy({"cnn": {**CNN, "budgets": ENERGY}}, comparison={"removed": rule})
    gone = FirstStage(base, base).unmeasured("cnn", "removed", base_name="cnn").result()
    again = judge_again(gone, base)
    assert again.verdict is verdict
    assert again.workloads[0].notes == (note, "a note")


def test_head_s_policy_refutes_a_removal():
    base, _ = one_measured()
    gone = FirstStage(base, base).unmeasured("cnn", "removed", base_name="cnn").result()
    assert "head's policy still has it" in message(judge_again(gone, base, head=base))
    empty = policy({"mlp": MLP})
    again = judge_again(gone, base, head=empty)
    assert again.workloads[0].notes == ("a note",)
    assert again.verdict is Verdict.PASS


def test_a_rename_reported_as_a_removal_does_not_evade_base_s_budgets():
    base, _ = one_measured()
    head = policy({"new": {**CNN, "threads": 1}})
    stage = FirstStage(base, head).unmeasured("cnn", "removed", base_name="cnn")
    claimed = stage.measured("new", [SAME], state="added", base_name=None).result()
    again = judge_again(claimed, base, head=head)
    assert message(again) == ("it claims to be removed, and head's policy runs the same as 'new'; measure it again")


def test_of_two_identical_workloads_one_may_be_removed():
    base = policy({"a": CNN, "b": CNN})
    head = policy({"c": CNN})
    honest = FirstStage(base, head).unmeasured("b", "removed", base_name="b")
    honest = honest.measured("c", [SAME], state="renamed", base_name="a").result()
    assert judge_again(honest, base, head=head).verdict is Verdict.PASS


ABSOLUTE = {"energy_per_request": {"max": "0.5 kWh"}}


@pytest.mark.parametrize(
    ("budgets", "verdict"),
    [
        (ABSOLUTE, Verdict.FAIL),
        ({"energy_per_request": {"max": "0.5 kWh", "level": "warn"}}, Verdict.WARN),
        ({"energy_per_request": {"max": "2 kWh", "max_increase": "0 %"}}, Verdict.PASS),  # there is no base
        ({}, Verdict.PASS),
    ],
)
def test_an_added_workload_is_judged_by_head_s_absolute_limits(budgets, verdict):
    base, _ = one_measured()
    head = policy({**base.workloads, "new": {**OTHER, "budgets": budgets}})
    first = FirstStage(base, head).measured("cnn", [SAME])
    alone = Evidence(metric="energy_per_request", head=Estimate.exact(1.0))
    honest = first.measured("new", [alone], state="added", base_name=None).result()
    assert honest.verdict is verdict
    assert rulings(judge_again(honest, base, head=head)) == rulings(honest)
    unread = judge_again(honest, base)
    assert (unread.verdict, unread.workloads[1].notes) == (Verdict.INCONCLUSIVE, (NO_LIMITS,))


def test_an_added_workload_may_be_forbidden():
    base = policy({"cnn": {**CNN, "budgets": ENERGY}}, comparison={"added": "fail"})
    head = policy({**base.workloads, "new": OTHER})
    alone = Evidence(metric="energy_per_request", head=Estimate.exact(1.0))
    first = FirstStage(base, head).measured("cnn", [SAME])
    measured = first.measured("new", [alone], state="added", base_name=None).result()
    first.workloads.pop()
    refused = first.unmeasured("new", "added", Verdict.FAIL, note=ADDITION_NOT_ALLOWED).result()
    for outcome in (measured, refused):
        for policy_of_head in (head, None):
            again = judge_again(outcome, base, head=policy_of_head)
            assert verdicts(again) == {"cnn": Verdict.PASS, "new": Verdict.FAIL}
            assert again.workloads[1].notes == (ADDITION_NOT_ALLOWED,)


def test_a_workload_that_neither_side_has_is_an_error():
    base, _ = one_measured()
    head = policy({**base.workloads, "new": OTHER})
    alone = Evidence(metric="energy_per_request", head=Estimate.exact(1.0))
    first = FirstStage(base, head).measured("cnn", [SAME])
    outcome = first.measured("new", [alone], state="added", base_name=None).result()
    assert "neither base's policy nor head's" in message(judge_again(outcome, base, head=base), 1)


def renamed(evidence=RISEN, *, base=None, **fields):
    base = base or policy({"old": {**CNN, "budgets": ENERGY}}, **fields)
    head = policy({"new": CNN})
    first = FirstStage(base, head).measured("new", [evidence], state="renamed", base_name="old")
    return base, head, first.result()


@pytest.mark.parametrize("give_head", [True, False])
def test_a_renamed_workload_has_the_budgets_and_waivers_of_its_base(give_head):
    waiver = {"workload": "old", "metric": "energy_per_request", "reason": "why", "owner": "@ml"}
    for waivers, verdict in (([], Verdict.FAIL), ([{**waiver, "expires": TODAY}], Verdict.WAIVED)):
        base, head, honest = renamed(waivers=waivers)
        assert honest.verdict is verdict
        again = judge_again(honest, base, head=head if give_head else None)
        assert rulings(again) == rulings(honest)


def test_a_renamed_workload_may_be_unchanged():
    base, head, _ = renamed()
    same = FirstStage(base, head).unmeasured("new", "renamed", base_name="old").result()
    assert judge_again(same, base, head=head).verdict is Verdict.PASS


def test_a_rename_that_head_s_policy_does_not_make_is_an_error():
    base, _, honest = renamed()
    for head in (policy({"new": CNN, "old": CNN}), policy({"x": CNN})):
        assert "head's policy contradicts that" in message(judge_again(honest, base, head=head))


def test_a_base_workload_is_renamed_to_one_workload_only():
    """Two that claim the same one, or one that is there still, are new ones; and the old one is missing."""
    base = policy({"old": {**CNN, "budgets": ENERGY}})
    first = FirstStage(base, base)
    for name in ("a", "b"):
        first.measured(name, [SAME], state="renamed", base_name="old")
    twins = result(*first.workloads)
    assert verdicts(judge_again(twins, base)) == {
        "a": Verdict.INCONCLUSIVE,
        "b": Verdict.INCONCLUSIVE,
        "old": Verdict.ERROR,
    }
    first = FirstStage(base, base).measured("a", [SAME], state="renamed", base_name="old")
    both = result(*first.measured("old", [SAME]).workloads)
    assert verdicts(judge_again(both, base)) == {
        "a": Verdict.INCONCLUSIVE,
        "old": Verdict.PASS,
    }


def test_a_workload_of_base_cannot_hide_another_by_a_rename():
    base = policy({"cnn": {**CNN, "budgets": ENERGY}, "mlp": {**MLP, "budgets": ENERGY}})
    first = FirstStage(base, base).measured("cnn", [SAME], state="renamed", base_name="mlp")
    assert verdicts(judge_again(first.result(), base)) == {"cnn": Verdict.PASS, "mlp": Verdict.ERROR}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (None, None, Verdict.ERROR),
        (0.9, None, Verdict.INCONCLUSIVE),
        (None, 1.1, Verdict.PASS),
        (None, 2.1, Verdict.INCONCLUSIVE),
    ],
)
def test_an_end_that_is_known_decides_and_without_any_nothing_was_judged(low, high, verdict):
    base, honest = one_measured(budgets={"energy_per_request": {"max": "2 kWh"}})
    metric = honest.workloads[0].metrics["energy_per_request"]
    half = metric.model_copy(update={"head_low": low, "head_high": high})
    again = judge_again(changed(honest, metrics={"energy_per_request": half}), base)
    assert again.verdict is verdict
    assert (again.workloads[0].error is not None) == (verdict is Verdict.ERROR)


@pytest.mark.parametrize("claimed", Verdict)
def test_errors_stay_errors(claimed):
    base, honest = one_measured()
    failed = FirstStage(base, base).failed("cnn").result()
    again = judge_again(changed(failed, verdict=claimed), base)
    assert message(again) == failed.workloads[0].error.message
    broken = changed(honest, error=failed.workloads[0].error, verdict=claimed)
    assert message(judge_again(broken, base)) == failed.workloads[0].error.message
    merged = result(failed_workload_result("cnn", message=MISSING))
    assert message(judge_again(merged, base)) == MISSING


# How it was measured

SITE = {
    "pue": 1.25,
    "carbon": {"country": "DEU"},
    "electricity_price": "0.25 USD/kWh",
    "traffic": {"requests_per_day": 200},
}


def at_site(site):
    base = policy({"cnn": {**CNN, "budgets": ENERGY}}, site=site)
    honest = FirstStage(base, base).measured("cnn", [SAME]).result()
    source = honest.site.carbon_source
    intensity = base.site.carbon.intensity.value if source == "policy" else 380.0 if source else None
    return base, honest.model_copy(update={"site": honest.site.model_copy(update={"carbon_g_per_kwh": intensity})})


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"pue": 1.0}, "with PUE 1, and base's policy says 1.25"),
        (
            {"carbon_source": "FRA"},
            "with carbon intensity FRA, 380 g/kWh, and base's policy says DEU",
        ),
        (
            {"carbon_source": None, "carbon_g_per_kwh": None},
            "with carbon intensity none, and base's policy says DEU",
        ),
        ({"carbon_g_per_kwh": None}, "with carbon intensity DEU, 0 g/kWh, and base's policy says DEU"),
        (
            {"electricity_price": "0.25 EUR/kWh"},
            "with electricity price 0.25 EUR/kWh, and base's policy says 0.25 USD/kWh",
        ),
        (
            {"electricity_price": "0.2 USD/kWh"},
            "with electricity price 0.2 USD/kWh, and base's policy says 0.25 USD/kWh",
        ),
        (
            {"electricity_price": "free\n" + "x" * 99},
            "with electricity price free\\n" + "x" * 35 + "…, and base's policy says 0.25 USD/kWh",
        ),
        (
            {"electricity_price": None},
            "with electricity price none, and base's policy says 0.25 USD/kWh",
        ),
    ],
)
def test_numbers_for_another_site_are_not_judged(other, why):
    base, honest = at_site(SITE)
    assert judge_again(honest, base).verdict is Verdict.PASS
    elsewhere = honest.model_copy(update={"site": honest.site.model_copy(update=other)})
    assert message(judge_again(elsewhere, base)) == f"it was measured {why}; measure it again"


def test_an_intensity_of_the_policy_is_compared_as_a_number():
    base, honest = at_site({"carbon": {"intensity": "380 g/kWh"}})
    assert judge_again(honest, base).verdict is Verdict.PASS
    cleaner = honest.model_copy(update={"site": honest.site.model_copy(update={"carbon_g_per_kwh": 38.0})})
    assert "with carbon intensity policy, 38 g/kWh, and base's policy says 380 g/kWh" in message(
        judge_again(cleaner, base)
    )


def test_a_site_without_carbon_differs_from_one_with_it():
    base, honest = at_site({})
    with_carbon = honest.site.model_copy(update={"carbon_g_per_kwh": 1.0, "carbon_source": "DEU"})
    assert "and base's policy says none" in message(judge_again(honest.model_copy(update={"site": with_carbon}), base))


def test_the_same_price_in_another_unit_is_the_same_site():
    base, honest = at_site(SITE)
    site = honest.site.model_copy(update={"electricity_price": "250 USD/MWh"})
    assert judge_again(honest.model_copy(update={"site": site}), base).verdict is Verdict.PASS


def test_the_cost_of_a_year_uses_base_s_traffic():
    base, honest = at_site(SITE)
    forged = honest.model_copy(update={"site": honest.site.model_copy(update={"requests_per_day": 1e9})})
    assert judge_again(forged, base).site.requests_per_day == 200.0


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("batch_size", 64, "batch_size 64, and base's policy says 1"),
        ("threads", 8, "threads 8, and base's policy says 1"),
        ("load", "50 req/s", "load 50 req/s, and base's policy says closed"),
        ("unit", "tokens", "units tokens, and base's policy says none"),
        (
            "provider",
            "CUDAExecutionProvider",
            "provider CUDAExecutionProvider, and base's policy says CPUExecutionProvider",
        ),
    ],
)
def test_numbers_measured_with_other_settings_are_not_judged(setting, value, why):
    base, honest = one_measured()
    assert message(judge_again(made_with(honest, **{setting: value}), base)) == (
        f"it was measured with {why}; measure it again"
    )


def test_head_may_be_another_kind_of_workload_without_a_provider():
    base, honest = one_measured()
    other = changed(made_with(honest, provider=None), kind="python")
    assert judge_again(other, base).verdict is Verdict.PASS


def test_an_estimate_is_refused_where_the_policy_requires_measured_energy():
    base, honest = one_measured(measurement={"require": "measured"})
    assert "base's policy requires measured energy" in message(judge_again(honest, base))
    assert judge_again(changed(honest, method="measured"), base).verdict is Verdict.PASS


@pytest.mark.parametrize("evidence", [RISEN, SAME])
def test_intervals_that_err_more_often_than_the_limits_allow_are_not_judged(evidence):
    """Not inconclusive: that would be a way out of a failure."""
    budgets = {**ENERGY, "latency_p95": {"max": "1 s", "max_increase": "9 %"}, "model_size": {"max": "1 GB"}}
    base, honest = one_measured(evidence, budgets)
    assert honest.workloads[0].provenance.alpha == pytest.approx(0.1 / 3)
    careless = made_with(honest, alpha=0.1)
    assert message(judge_again(careless, base)) == (
        "its intervals err in up to 10 % of cases, and the limits of base's policy leave 3.3 % for each; "
        "measure it again"
    )
    assert "err in up to 20 % of cases" in message(judge_again(made_with(honest, pass_alpha=0.2), base))
    surer = made_with(honest, alpha=0.001)
    assert rulings(judge_again(surer, base)) == rulings(honest)


def test_a_removed_workload_gets_no_share_of_the_error():
    base = policy({"a": {**CNN, "budgets": ENERGY}, "b": {**MLP, "budgets": ENERGY}})
    head = policy({"a": CNN})
    first = FirstStage(base, head).measured("a", [SAME]).unmeasured("b", "removed", base_name="b")
    alone = made_with(first.result(), alpha=shared_alpha([base.workloads["a"]], relative=True))
    assert judge_again(alone, base, head=head).verdict is Verdict.PASS


def test_how_the_policy_changes_is_read_where_head_s_is():
    base, honest = one_measured()
    head = policy({"cnn": {**CNN, "budgets": {"energy_per_request": {"max_increase": "50 %"}}}})
    again = judge_again(honest, base, head=head)
    assert again.policy_changed
    assert again.policy_changes == ("cnn, energy_per_request, max_increase: 5 % → 50 %",)
    assert not judge_again(again, base, head=base).policy_changed
    assert judge_again(again, base).policy_changes == again.policy_changes


@pytest.mark.parametrize(("measured", "verdict"), [(12, Verdict.INCONCLUSIVE), (20, Verdict.PASS)])
def test_nothing_passes_that_rests_on_some_of_the_inputs(measured, verdict):
    base, honest = one_measured()
    assert judge_again(made_with(honest, inputs_measured=measured, inputs=20), base).verdict is verdict
