"""The verdicts and exit codes of `check`, on workloads of known energy."""

from __future__ import annotations

import re

import pytest
from commands import SPIN_KWH

pytestmark = pytest.mark.measures


@pytest.mark.parametrize(
    ("workloads", "code", "word"),
    [
        (("kept",), 0, "✓ PASS"),
        (("tight", "expired"), 1, "✗ FAIL"),
        (("warned", "accepted"), 0, "! WARN"),
        (("tight", "crashing"), 3, "✗ ERROR"),
    ],
)
def test_the_exit_code_is_the_verdicts_and_the_first_line_says_it(checked, workloads, code, word):
    ran = checked(*workloads)
    assert (ran.code, ran.out.split("  ")[0]) == (code, word), ran.said
    assert ran.err == ""


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 4)])
def test_a_limit_equal_to_the_true_value_is_inconclusive_and_strict_makes_that_an_exit_code(checked, strict, code):
    ran = checked("close", *strict, launches=2)
    assert ran.code == code, ran.said
    assert ran.out.startswith("? INCONCLUSIVE  close: energy per request is ")


def test_a_tighter_max_turns_the_same_workload_from_pass_to_fail(checked):
    kept, tight = checked("kept"), checked("tight", "expired")
    assert (kept.code, tight.code) == (0, 1)
    assert "1 budget of 1 workload kept" in kept.out.splitlines()[0]
    assert " times the limit of " in tight.out.splitlines()[0]


def test_a_failure_is_reported_in_addition_to_an_error(checked):
    first, *rest = checked("tight", "crashing").out.splitlines()
    assert first.startswith("✗ ERROR  crashing could not be judged: ")
    assert [line.split()[:2] for line in rest if line.startswith("  ✗")] == [["✗", "tight"]]


def test_a_waiver_is_reported_with_its_reason_owner_and_end(checked):
    rows = checked("warned", "accepted").out.splitlines()
    assert [line.split()[:2] for line in rows if line.startswith(("  !", "  w"))] == [
        ["!", "warned"],
        ["w", "accepted"],
    ]
    assert "     waived until 2999-01-31 by @ml: the new tokenizer" in rows
    assert "     the waiver by @ml expired on 2020-01-31" in checked("tight", "expired").out.splitlines()


def test_the_report_says_how_it_was_measured_and_how_far_to_trust_it(checked):
    lines = checked("kept").out.splitlines()
    assert any(line.startswith(("Estimated: ", "Measured: ")) and "± " in line for line in lines)
    assert any(re.match(r"kept: [0-9]+ launch(es)?, ", line) for line in lines)


def test_energy_is_that_of_four_milliseconds_of_cpu_time(site_result):
    (workload,) = site_result["workloads"]
    if workload["method"] != "estimated":
        pytest.skip("this machine has an energy counter: what 4 ms cost is not known beforehand")
    # Never less than it burned by its own clock; a call and a window cost something besides, though no half of it.
    assert 1 - 1e-9 <= workload["provenance"]["it_kwh_per_request"] / SPIN_KWH < 1.45


def test_pue_is_multiplied_exactly_once(site_result):
    (workload,) = site_result["workloads"]
    provenance, metrics = workload["provenance"], workload["metrics"]
    assert site_result["site"]["pue"] == 1.5
    once = 1.5 * provenance["it_kwh_per_request"]
    assert metrics["energy_per_request"]["head"] == pytest.approx(once, rel=1e-12)


def test_carbon_and_cost_are_the_facilitys_energy_times_intensity_and_price(site_result):
    (workload,) = site_result["workloads"]
    metrics = workload["metrics"]
    energy_kwh = metrics["energy_per_request"]["head"]
    assert metrics["carbon_per_request"]["head"] == pytest.approx(380 * energy_kwh, rel=1e-12)
    assert metrics["cost_per_request"]["head"] == pytest.approx(0.25 * energy_kwh, rel=1e-12)
    assert metrics["cost_per_request"]["unit"] == "USD"


def test_energies_add_up(site_result):
    (workload,) = site_result["workloads"]
    provenance, launches = workload["provenance"], workload["provenance"]["launches"]
    assert provenance["requests"] == sum(launch["requests"] for launch in launches)
    energy_kwh = sum(launch["energy_kwh"] for launch in launches)
    assert provenance["it_energy_kwh"] == pytest.approx(energy_kwh, rel=1e-12)
    per_request = provenance["requests"] * provenance["it_kwh_per_request"]
    assert per_request == pytest.approx(energy_kwh, rel=1e-12)
