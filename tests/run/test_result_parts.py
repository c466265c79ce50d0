"""From what was measured to a result: nothing is lost, nothing is invented, energy adds up."""

from __future__ import annotations

import math
from datetime import date

import pytest
from builders import component_facts, launch, meter_facts, reading, window
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError
from energygate.gate import Estimate, Evidence, Verdict, judge
from energygate.gate.estimates import Confidence, Factors, weigh
from energygate.measure.readings import Method
from energygate.measure.series import DRIFTING, series
from energygate.measure.windows import LaunchPlan
from energygate.policy import METRICS, Budget, Workload
from energygate.result.findings import metric_results, unbreakable
from energygate.run.pairing import Pairing
from energygate.run.result_parts import failed_workload, measured_workload

FACTS = meter_facts()
CONFIDENCE = Confidence(alpha=0.1, drift_sd=0.1, drifting=DRIFTING)


def workload(**fields):
    return Workload(onnx="model.onnx", **fields)


def alone(of=None, **fields):
    return Pairing(**{"name": "digits-cnn", "state": "head only", "head": of or workload(), **fields})


def built(launches, *, pue=1.0, findings=(), of=None, facts=FACTS, **fields):
    factors = Factors(pue=pue, carbon_g_per_kwh=None, price_per_kwh=None)
    return measured_workload(
        alone(of, **fields),
        launches=launches,
        evidence=weigh(series(launches), factors, CONFIDENCE),
        findings=findings,
        facts=facts,
        confidence=CONFIDENCE,
        plan=LaunchPlan(calls=10, windows=2, max_warm_up=6),
        seconds=1.0,
        currency=None,
    )


windows = st.builds(
    lambda joules, requests: window(joules, requests=requests), st.floats(1e-6, 1e4), st.integers(1, 2_000)
)
a_launch = st.lists(windows, min_size=1, max_size=5).map(lambda some: launch(*some))


@given(launches=st.lists(a_launch, min_size=1, max_size=6), pue=st.floats(1.0, 3.0))
def test_energy_adds_up_in_the_result(launches, pue):
    """Requests times kWh per request, the launches' energy and the windows' joules are one and the same."""
    found = built(launches, pue=pue)
    provenance = found.provenance
    joules = sum(part.reading.energy_joules for one in launches for part in one.windows)
    assert provenance.it_energy_kwh * 3.6e6 == pytest.approx(joules, rel=1e-12)
    assert sum(one.energy_kwh for one in provenance.launches) * 3.6e6 == pytest.approx(joules, rel=1e-12)
    per_request = found.metrics["energy_per_request"].head
    assert provenance.requests * per_request == pytest.approx(provenance.it_energy_kwh * pue, rel=1e-12)
    assert provenance.it_kwh_per_request * pue == pytest.approx(per_request, rel=1e-12)


def test_metrics_stand_in_display_order_with_their_findings():
    evidence = {name: Evidence(metric=name, head=Estimate.exact(1.0)) for name in ("model_size", "energy_per_request")}
    budgets = {"model_size": Budget(metric="model_size", max="0.5 B")}
    findings = judge(budgets, evidence, relative=False, today=date(2026, 3, 1))
    found = metric_results(evidence, findings, currency=None)
    assert list(found) == ["energy_per_request", "model_size"]
    assert [one.verdict for one in found["model_size"].findings] == [Verdict.FAIL]
    assert found["energy_per_request"].findings == ()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_its_unit(name):
    evidence = {name: Evidence(metric=name, head=Estimate.exact(1.0))}
    expected = {"money": "EUR"}.get(METRICS[name].unit, METRICS[name].unit)
    assert metric_results(evidence, (), currency="EUR")[name].unit == expected


@pytest.mark.parametrize(
    ("estimate", "low", "high"),
    [
        (Estimate.exact(1.0), 1.0, 1.0),
        (Estimate(value=1.0, low=0.9, high=1.2), 0.9, 1.2),
        (Estimate(value=1.0, low=-math.inf, high=math.inf), None, None),
        (Estimate(value=1.0, low=-math.inf, high=1.2), None, 1.2),
    ],
)
def test_an_end_that_is_not_known_is_null(estimate, low, high):
    evidence = {"throughput": Evidence(metric="throughput", head=estimate)}
    found = metric_results(evidence, (), currency=None)["throughput"]
    assert (found.head, found.head_low, found.head_high) == (1.0, low, high)
    assert (found.base, found.change) == (None, None)


def test_base_and_change_are_told_where_there_are_any():
    evidence = Evidence(
        metric="throughput",
        head=Estimate.exact(1.0),
        base=Estimate.exact(2.0),
        change=Estimate(value=-0.5, low=-0.6, high=math.inf),
    )
    found = metric_results({"throughput": evidence}, (), currency=None)["throughput"]
    assert found.base == 2.0
    assert (found.change.estimate, found.change.low, found.change.high) == (-0.5, -0.6, None)


def test_what_a_verdict_rests_on_is_kept():
    """Whoever judges again needs the sums, and why two sides are unlike."""
    exact = Estimate.exact(1.0)
    evidence = Evidence(
        metric="energy_per_request",
        head=exact,
        base=exact,
        change=exact,
        total=Estimate(value=0.2, low=0.1, high=math.inf),
        incomparable="one is a guess",
    )
    found = metric_results({"energy_per_request": evidence}, (), currency=None)["energy_per_request"]
    assert (found.total.estimate, found.total.low, found.total.high) == (0.2, 0.1, None)
    assert found.incomparable == "one is a guess"


@pytest.mark.parametrize(("min_delta", "applied"), [("1 kWh", 0.5), ("0.01 kWh", None), (None, None)])
def test_the_limit_as_applied_is_told_where_it_is_softer(min_delta, applied):
    budget = Budget(metric="energy_per_request", max_increase="5 %", min_delta=min_delta)
    exact = Estimate.exact(2.0)
    evidence = {"energy_per_request": Evidence(metric="energy_per_request", head=exact, base=exact, change=exact)}
    findings = judge({"energy_per_request": budget}, evidence, relative=True, today=date(2026, 3, 1))
    (found,) = metric_results(evidence, findings, currency=None)["energy_per_request"].findings
    assert (found.limit, found.applied) == (0.05, applied)


def test_a_name_at_base_stands_with_the_workload():
    renamed = {"state": "renamed", "base_name": "old"}
    assert built([launch()], **renamed).base_name == "old"
    assert failed_workload(alone(**renamed), MeasurementError("the worker died")).base_name == "old"


def test_codecarbons_own_account_is_per_request_and_null_where_the_readings_are_its_own():
    accounted = [launch(window(requests=10), codecarbon_joules=36.0) for _ in range(2)]
    assert built(accounted).provenance.codecarbon_kwh_per_request == pytest.approx(1e-6)
    assert built([launch()]).provenance.codecarbon_kwh_per_request is None


@pytest.mark.parametrize(
    ("launches", "of", "note"),
    [
        (
            [launch(window(requests=9, failed_requests=1), first_failure="request 3 raised OSError")],
            workload(),
            ("1 of 10 requests failed; energy is per request served. The first: request 3 raised OSError"),
        ),
        (
            [launch(steady=False), launch(steady=False), launch()],
            workload(),
            "warm-up did not settle in 2 of 3 launches",
        ),
        (
            [launch(cpus=())],
            workload(),
            "this system cannot bind processes to CPUs, so the numbers scatter more",
        ),
        (
            [launch()],
            workload(budgets={"throughput": {"max_decrease": "5 %"}}),
            "its budgets are all relative: nothing is judged without a base",
        ),
    ],
)
def test_what_a_reader_should_know_is_noted(launches, of, note):
    assert built(launches, of=of).notes == (note,)


def test_an_undisturbed_measurement_needs_no_notes():
    assert built([launch(), launch(steady=False)]).notes == ()


def test_what_is_known_of_the_workload_is_noted_first():
    found = built([launch(cpus=())], notes=("it is new here",))
    assert found.notes[0] == "it is new here"
    assert found.state == "head only"


def test_a_budget_whose_metric_was_not_measured_is_an_error_in_words():
    budgets = {"peak_memory": Budget(metric="peak_memory", max="1 GB")}
    findings = judge(budgets, {}, relative=False, today=date(2026, 3, 1))
    found = built([launch(peak_memory_bytes=0)], findings=findings)
    assert found.verdict is Verdict.ERROR
    assert found.error.message == "no peak memory was measured for this workload"


def test_a_metric_that_was_measured_on_one_side_is_not_said_to_be_missing():
    budgets = {"peak_memory": Budget(metric="peak_memory", max_increase="5 %")}
    evidence = weigh(series([launch()]), Factors(pue=1.0, carbon_g_per_kwh=None, price_per_kwh=None), CONFIDENCE)
    findings = judge(budgets, evidence, relative=True, today=date(2026, 3, 1))
    found = built([launch()], findings=findings)
    assert found.verdict is Verdict.ERROR
    assert found.error.message == "its peak memory was not compared with base's"


def test_a_workload_that_could_not_be_measured_keeps_its_error_and_invents_nothing():
    error = MeasurementError("the worker died", hint="Look at its last words", detail="Killed")
    found = failed_workload(alone(), error)
    assert (found.verdict, found.method, found.metrics, found.provenance) == (Verdict.ERROR, None, {}, None)
    assert (found.error.message, found.error.detail) == ("the worker died. Look at its last words", "Killed")


def test_failures_and_cold_starts_stay_with_their_launch():
    two = [launch(window(requests=5, failed_requests=5), first_failure="x"), launch(cold_start=reading(1.0))]
    assert [one.failed_requests for one in built(two).provenance.launches] == [5, 0]


def test_active_energy_is_what_the_idle_machine_would_not_have_drawn():
    one = launch(window(2.0, requests=4, wall_ns=500_000_000), window(4.0, requests=4, wall_ns=500_000_000))
    facts = meter_facts(component_facts(method=Method.MEASURED, active_share=None, idle_watts=3.0, period_ns=1_000_000))
    found = built([one], facts=facts).provenance
    assert found.it_kwh_per_request * 3.6e6 == pytest.approx(6.0 / 8)
    assert found.active_it_kwh_per_request * 3.6e6 == pytest.approx((6.0 - 3.0 * 1.0) / 8)


def test_what_the_meter_has_to_say_stands_with_the_workload():
    assert "GPU 0 is shared" in built([launch()], facts=meter_facts(notes=("GPU 0 is shared",))).notes


def unbroken(metric, value, budget, *, base=None, change=0.0):
    evidence = Evidence(
        metric=metric,
        head=Estimate.exact(value),
        base=None if base is None else Estimate.exact(base),
        change=None if base is None else Estimate.exact(change),
    )
    budgets = {metric: Budget(metric=metric, **budget)}
    findings = judge(budgets, {metric: evidence}, relative=base is not None, today=date(2026, 3, 1))
    return list(unbreakable(findings))


FAR = "nothing breaks `energy_per_request: {max: 0.2 Wh}`: it is a factor of 104,167 from what was measured"


@pytest.mark.parametrize(
    ("args", "notes"),
    [
        (("energy_per_request", 1.92e-9, {"max": "0.2 Wh"}), [FAR]),
        (("energy_per_request", 1.92e-9, {"max": "1.9 mWh"}), []),
        (("energy_per_request", 1.92e-9, {"max": "1 nWh"}), []),  # broken
        (("accuracy", 0.98, {"min": "0 %"}), ["nothing breaks `accuracy: {min: 0 %}`: every value keeps it"]),
        (("accuracy", 0.98, {"min": "1 %"}), []),
        (("cost_per_request", 0.0, {"max": "1 USD"}), []),  # free, at a site without a price
    ],
)
def test_a_limit_that_nothing_can_break_is_pointed_out(args, notes):
    assert unbroken(*args) == notes


@pytest.mark.parametrize(
    ("metric", "budget", "notes"),
    [
        ("energy_per_request", {"max_increase": "5 %"}, []),
        (
            "energy_per_request",
            {"max_increase": "100000 %"},
            ["nothing breaks `energy_per_request: {max_increase: 100000 %}`: it is a factor of 1,001 from base"],
        ),
        (
            "energy_per_request",
            {"max_increase": "5 %", "min_delta": "1 mWh"},
            ["nothing breaks `energy_per_request: {min_delta}`: it is a factor of 500,001 from base"],
        ),
        (
            "throughput",
            {"max_decrease": "100 %"},
            ["nothing breaks `throughput: {max_decrease: 100 %}`: every value keeps it"],
        ),
    ],
)
def test_so_is_one_that_is_far_from_base(metric, budget, notes):
    assert unbroken(metric, 2e-9, budget, base=2e-12 * 1e3 if metric == "throughput" else 2e-12) == notes


def test_such_notes_are_part_of_the_workload():
    evidence = {"peak_memory": Evidence.exact("peak_memory", head=1e6)}
    budgets = {"peak_memory": Budget(metric="peak_memory", max="1 TB")}
    findings = judge(budgets, evidence, relative=False, today=date(2026, 3, 1))
    notes = built([launch()], findings=findings).notes
    assert any(note.startswith("nothing breaks `peak_memory: {max: 1 TB}`") for note in notes)
