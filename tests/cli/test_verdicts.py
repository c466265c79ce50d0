"""What `check` decides and exits with, on workloads whose energy is known beforehand."""

from __future__ import annotations

import pytest
from commands import SPIN_KWH, by_name, energygate, read_result, spin, write_policy


@pytest.mark.parametrize(
    ("workload", "code", "word"),
    [
        ("kept", 0, "✓ PASS"),
        ("halved", 1, "✗ FAIL"),
        ("warned", 0, "! WARN"),
        ("accepted", 0, "w WAIVED"),
        ("expired", 1, "✗ FAIL"),
        ("crashing", 3, "✗ ERROR"),
    ],
)
def test_the_exit_code_is_the_verdicts_and_the_first_line_says_it(checked, workload, code, word):
    ran = checked(workload)
    assert (ran.code, ran.out.split("  ")[0]) == (code, word)
    assert ran.err == ""


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 4)])
def test_a_limit_equal_to_the_true_value_is_inconclusive_and_strict_makes_that_an_exit_code(
    checked, strict, code
):
    ran = checked("close", *strict, time_limit="4 s")
    assert ran.code == code
    assert ran.out.startswith("? INCONCLUSIVE  close: energy per request is ")


def test_halving_the_max_turns_the_same_workload_from_pass_to_fail(checked):
    assert [checked(name).code for name in ("kept", "halved")] == [0, 1]
    assert " % over the limit of " in checked("halved").out.splitlines()[0]


def test_strict_changes_nothing_for_a_pass(checked):
    assert checked("kept", "--strict").code == 0


def test_an_error_beside_a_failure_is_an_error_and_both_are_told(checked, spinning):
    ran = checked("halved", "crashing", "kept", "--json", "mixed.json")
    assert ran.code == 3
    first, *rest = ran.out.splitlines()
    assert first.startswith("✗ ERROR  crashing could not be judged: ")
    rows = [line.split()[:2] for line in rest if line.startswith("  ")]
    assert rows == [["✗", "halved"], ["✓", "kept"]]
    verdicts = {name: one["verdict"] for name, one in by_name(read_result(spinning / "mixed.json")).items()}
    assert verdicts == {"halved": "fail", "crashing": "error", "kept": "pass"}


def test_a_waiver_is_told_with_its_reason_owner_and_end(checked):
    assert "waived until 2999-01-31 by @ml: the new tokenizer" in checked("accepted").out
    assert "the waiver by @ml expired on 2020-01-31" in checked("expired").out


def test_the_report_says_how_it_was_measured_and_how_far_to_trust_it(checked):
    told = checked("kept").out.splitlines()
    assert any(line.startswith(("Estimated: ", "Measured: ")) and "± " in line for line in told)
    assert any(line.startswith("kept: 4 launches, ") for line in told)


def test_it_costs_what_four_milliseconds_cost(site_result):
    (workload,) = site_result["workloads"]
    if workload["method"] != "estimated":
        pytest.skip("this machine has an energy counter: what 4 ms cost is not known beforehand")
    assert workload["provenance"]["it_kwh_per_request"] == pytest.approx(SPIN_KWH, rel=0.03)


def test_pue_is_multiplied_exactly_once(site_result):
    (workload,) = site_result["workloads"]
    provenance, metrics = workload["provenance"], workload["metrics"]
    assert site_result["site"]["pue"] == 1.5
    assert metrics["energy_per_request"]["head"] == 1.5 * provenance["it_kwh_per_request"]


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


def test_only_the_named_workloads_are_measured_each_once(checked, spinning):
    checked("kept", "kept", "--json", "chosen.json")
    assert list(by_name(read_result(spinning / "chosen.json"))) == ["kept"]


def test_paths_and_modules_are_those_of_the_policys_directory(tmp_path, spinning):
    write_policy(spinning, {"kept": spin(1.4)}, name="elsewhere.yml")
    ran = energygate("check", "--policy", spinning / "elsewhere.yml", "--time-limit", "30 s", cwd=tmp_path)
    assert ran.code == 0, ran.said
