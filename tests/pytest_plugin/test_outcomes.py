"""What the user sees: failures, errors, warnings, letters and words, the section."""

from __future__ import annotations

import json
import subprocess
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from builders import exact_metric_result, finding_result, result, workload_result

from energygate.errors import MeasurementError
from energygate.gate import Verdict
from energygate.pytest_plugin.failure_text import error_text, failure
from energygate.result.result import Result
from energygate.run import check as check_module

pytest_plugins = ["pytester"]

OVER = "@pytest.mark.energy(max='0.3 mWh')\ndef test_over(energy):\n    energy(len, '')\n"
CLOSE = "@pytest.mark.energy(max='0.4 mWh')\ndef test_close(energy):\n    energy(len, '')\n"
WARNED = "@pytest.mark.energy(max='0.3 mWh', level='warn')\ndef test_warned(energy):\n    energy(len, '')\n"
WITHIN = "@pytest.mark.energy(max='0.5 mWh')\ndef test_within(energy):\n    energy(len, '')\n"
BROKEN = "@pytest.mark.energy(max='0.5 mWh')\ndef test_breaks_the_meter(energy):\n    energy(len, '')\n"
SILENT = BROKEN.replace("breaks_the_meter", "judges_nothing")
DEAD = "@pytest.mark.energy(max='0.5 mWh')\ndef test_kills_the_worker(energy):\n    energy(len, '')\n"


def test_a_failure_reads_like_an_assertion(suite):
    found = suite(OVER, "--energy")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            "test_it.py J *",
            "*_ test_over (energy) _*",
            "energy per request 0.400 mWh (0.380 to 0.420 mWh), limit 0.3 mWh: 33 % over",
            "  estimated: power model row AMD EPYC 3rd generation, *, ± 30 % on absolute kWh; 6 launches, 9.8 s",
            "*= energy =*",
            "✗ FAIL  test_it.py::test_over: energy per request is 0.400 mWh, 33 % over the limit of 0.3 mWh*",
            "*✗  test_it.py::test_over  energy per request  0.400 mWh  0.380 to 0.420 mWh  max 0.3 mWh",
            "OVER BUDGET test_it.py::test_over - *0.400 mWh*",
        ],
    )
    assert "Traceback" not in found.stdout.str()
    assert "session.py" not in found.stdout.str()


def test_letters(suite):
    found = suite(WITHIN + OVER + CLOSE + WARNED + DEAD, "--energy")
    found.stdout.fnmatch_lines(["test_it.py .J?w.E *"])
    found.assert_outcomes(passed=4, failed=1, errors=1, warnings=2)


def test_words(suite):
    found = suite(WITHIN + OVER + CLOSE + WARNED + DEAD, "--energy", "-v")
    found.stdout.fnmatch_lines(
        [
            "test_it.py::test_within PASSED *",
            "test_it.py::test_over OVER BUDGET *",
            "test_it.py::test_close INCONCLUSIVE *",
            "test_it.py::test_warned OVER BUDGET, WARNED *",
            "test_it.py::test_kills_the_worker PASSED *",
            "test_it.py::test_kills_the_worker ERROR *",
        ]
    )


@pytest.mark.parametrize("filters", ["", "filterwarnings = error"])
@pytest.mark.parametrize("fixture", ["", ", recwarn"])
def test_inconclusive_passes_with_a_warning_whatever_the_suite_does_with_warnings(suite, filters, fixture):
    found = suite(CLOSE.replace("energy)", f"energy{fixture})"), "--energy", ini=filters)
    found.assert_outcomes(passed=1, warnings=1)
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        ["*EnergyWarning: energy per request 0.400 mWh (0.380 to 0.420 mWh), limit 0.4 mWh: inconclusive*"]
    )


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (BROKEN, ["not measured: the meter is gone. Look for it"]),
        (
            SILENT,
            ["not measured: nothing was judged: too few launches. About 20 s more would decide: --energy-time 40s"],
        ),
        (DEAD, ["not measured: the worker died", "  | last words"]),
        (
            "@pytest.mark.energy(max='0.5 mWh')\ndef test_it(energy):\n    pass\n",
            ["not measured: the test has limits but never called energy(...), *"],
        ),
        (
            "@pytest.mark.energy(max='0.5 mWh')\ndef test_it():\n    pass\n",
            ["not measured: the test has limits *"],
        ),
        (
            DEAD.replace("energy(len, '')", "energy(len, ''); assert energy.result.metrics"),
            ["not measured: the worker died"],
        ),
    ],
)
def test_an_unmeasured_test_is_an_error_and_no_failure(suite, source, lines):
    found = suite(source, "--energy")
    found.assert_outcomes(passed=1, errors=1)
    assert found.ret == 1
    found.stdout.fnmatch_lines(["*_ ERROR at teardown of test_* (energy) _*", *lines])
    assert "Traceback" not in found.stdout.str()
    suite(source.replace("assert energy.result.metrics", "pass")).assert_outcomes(passed=1)


def test_a_test_that_fails_by_itself_is_not_measured(suite):
    source = WITHIN.replace("energy(len, '')", "assert energy(len, '') == 1")
    found = suite(source, "--energy")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["*assert 0 == 1*", "*= energy =*", "not measured: the limits of 1 test"])
    found.stdout.no_fnmatch_line("*test_within (energy)*")


@pytest.mark.parametrize("how", ["pytest.skip('no')", "pytest.xfail('no')"])
def test_skipped_and_xfailed_tests_stay_so(suite, how):
    found = suite(WITHIN.replace("energy(len, '')", f"energy(len, ''); {how}"), "--energy")
    found.assert_outcomes(skipped="skip" in how, xfailed="xfail" in how)
    assert found.ret == 0


def test_a_broken_budget_can_be_expected(suite):
    found = suite("@pytest.mark.xfail\n" + OVER, "--energy")
    found.assert_outcomes(xfailed=1)
    assert found.ret == 0


def test_assertions_in_a_measured_test(suite):
    source = """
def test_it(energy):
    assert energy(len, "abc") == 3
    assert energy.result.metrics["energy_per_request"].head < LIMIT
    assert energy.result.verdict.value == "pass"
"""
    suite(source.replace("LIMIT", "5e-7"), "--energy").assert_outcomes(passed=1)
    found = suite(source.replace("LIMIT", "3e-7"), "--energy")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["E *assert 4e-07 < 3e-07", "*= energy =*", "*400 µWh*"])


def test_several_parts(suite):
    source = """
@pytest.mark.energy(max="0.5 mWh")
@pytest.mark.energy(part="decode", max="0.3 mWh")
def test_pipeline(energy):
    codes = energy(list, "abc", name="encode")
    assert energy("".join, codes, name="decode") == "abc"
"""
    found = suite(source, "--energy")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            "decode: energy per request 0.400 mWh (0.380 to 0.420 mWh), limit 0.3 mWh: 33 % over",
            "*✗  test_it.py::test_pipeline (decode) *max 0.3 mWh",
            "*✓  test_it.py::test_pipeline (encode) *max 0.5 mWh",
        ]
    )
    found.stdout.no_fnmatch_line("encode: *")
    assert "energy per request max 0.5 mWh; decode: energy per request max 0.3 mWh" in suite(source).stdout.str()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("energy(len, ''); energy(len, '')", "energy() was called twice without a name"),
        ("energy(len, '', name='a'); energy(len, '', name='a')", "called twice with the name 'a'"),
        ("energy(len(''))", "energy() takes the function to measure, then its arguments; this is 0"),
        ("energy(len, '', requests=0)", "requests=0; it must be the number of requests"),
        ("energy(len, '', name='')", "name='' must be a text"),
        ("energy.result", "energy() was not called yet, so there is no result"),
    ],
)
@pytest.mark.parametrize("switch", ["--energy", "--energy-off"])
def test_invalid_calls_fail_the_test(suite, call, says, switch):
    found = suite(f"def test_it(energy):\n    {call}\n", switch)
    found.assert_outcomes(failed=1)
    assert says in found.stdout.str()


def test_coroutines_are_run_to_their_end(suite):
    source = """
import asyncio

async def double(n):
    await asyncio.sleep(0)
    return 2 * n

def test_sync(energy):
    assert energy(double, 2) == 4

def test_inside_a_running_loop(energy):
    async def main():
        return energy(double, 3)
    assert asyncio.run(main()) == 6
"""
    suite(source).assert_outcomes(passed=2)
    suite(source, "--energy").assert_outcomes(passed=2)


def test_one_result_of_the_session(suite, pytester):
    found = suite(WITHIN + OVER + DEAD + BROKEN, "--energy-json", "out/../result.json", "-q")
    assert found.ret == 1
    written = json.loads(pytester.path.joinpath("result.json").read_text("utf-8"))
    jsonschema.validate(written, Result.published_schema())
    assert written["verdict"] == "error"
    assert [one["name"] for one in written["workloads"]] == [
        "test_it.py::test_within",
        "test_it.py::test_over",
        "test_it.py::test_kills_the_worker",
    ]
    assert [one["verdict"] for one in written["workloads"]] == ["pass", "fail", "error"]
    assert written["policy"] == "pytest"
    found.stdout.fnmatch_lines(["Details: *result.json*"])


@pytest.mark.parametrize("argument", ["", "energy"])
def test_nothing_measured_nothing_written(suite, pytester, argument):
    found = suite(f"def test_it({argument}):\n    pass\n", "--energy-json", "result.json")
    assert found.ret == 0
    assert not pytester.path.joinpath("result.json").exists()
    found.stdout.fnmatch_lines(["nothing was measured, so nothing was written to result.json"])


def test_an_unwritable_result_is_reported_and_the_verdict_stands(suite):
    found = suite(OVER, "--energy-json", "test_it.py/result.json")
    assert found.ret == 1
    found.stdout.fnmatch_lines(["cannot write the result to test_it.py/result.json: *; the verdicts stand"])


def test_an_interrupted_session_keeps_what_it_has(suite, pytester):
    source = WITHIN + "def test_interrupts(energy):\n    energy(len, '')\n" + OVER
    found = suite(source, "--energy-json", "result.json")
    assert found.ret == 2
    written = json.loads(pytester.path.joinpath("result.json").read_text("utf-8"))
    assert [one["name"] for one in written["workloads"]] == ["test_it.py::test_within"]
    assert written["notes"] == ["the session was interrupted; tests that had not ended are missing"]


def test_the_first_failure_ends_the_session_if_asked_to(suite):
    found = suite(OVER + WITHIN, "--energy", "-x")
    found.assert_outcomes(failed=1)


def test_junit_properties(suite, pytester):
    suite(WITHIN + OVER, "--energy", "--junit-xml", "junit.xml")
    cases = ET.parse(pytester.path / "junit.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    found = {case.get("name"): {one.get("name"): one.get("value") for one in case.iter("property")} for case in cases}
    assert found["test_within"]["energygate.verdict"] == "pass"
    assert found["test_over"]["energygate.verdict"] == "fail"
    assert found["test_over"]["energygate.method"] == "estimated"
    assert float(found["test_over"]["energygate.energy_per_request_kWh"]) == 4e-7


def test_the_policys_entry_that_names_a_test(suite):
    policy = """
version: 1
site: {pue: 1.5}
workloads:
  classify:
    pytest: test_it.py::test_over
    budgets: {energy_per_request: {max: 0.3 mWh}}
waivers:
  - {workload: classify, metric: energy_per_request, reason: known, owner: "@ml", expires: 2999-01-01}
"""
    source = "def test_over(energy):\n    energy(len, '')\n\ndef test_other(energy):\n    energy(len, '')\n"
    found = suite(source, "--energy", policy=policy)
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*✗  classify *max 0.3 mWh", "*classify: time limit 10 s, PUE 1.5*"])
    suite(source, "--energy-budget", "0.5 mWh", policy=policy).assert_outcomes(passed=1, failed=1)
    suite("@pytest.mark.energy(max='0.5 mWh')\n" + source, "--energy", policy=policy).assert_outcomes(passed=2)


def test_collecting_alone_measures_nothing(suite):
    # The stand-in notes nothing; the engine's own notes are tested where it measures.
    found = suite("def test_it(energy):\n    energy(len, '')\n", "--energy", "--collect-only")
    assert found.ret == 0
    assert "= energy =" not in found.stdout.str()


def test_suites_without_energy_tests_have_no_section(suite):
    found = suite("def test_it():\n    pass\n", "--energy-budget", "nonsense", ini="energy = always")
    found.assert_outcomes(passed=1)
    assert "energy" not in found.stdout.str().partition("collected")[2]


@pytest.mark.parametrize("others", ["", WITHIN])
def test_a_test_may_ask_for_the_fixture_while_it_runs(suite, others):
    source = "def test_it(request):\n    assert request.getfixturevalue('energy')(len, 'abc') == 3\n\n"
    suite(source + others).assert_outcomes(passed=1 + bool(others))
    found = suite(source + others, "--energy-budget", "0.3 mWh")
    found.assert_outcomes(failed=1, passed=bool(others))
    found.stdout.fnmatch_lines(["*_ test_it (energy) _*", "energy per request 0.400 mWh * 33 % over"])


@pytest.mark.parametrize(
    ("name", "value", "unit", "limit_text", "shown"),
    [
        ("energy_per_request", 4e-7, "kWh", "0.3 mWh", "energy per request 0.400 mWh"),
        ("energy_per_request", 4e-7, "kWh", "3e2µWh", "energy per request 400 µWh"),
        (
            "energy_per_request",
            4e-7,
            "kWh",
            "1 kWh",
            "energy per request 400 µWh",
        ),  # 0.0000004 kWh reads badly
        ("model_size", 2_500_000.0, "B", "2000 kB", "model size 2,500 kB"),
        ("monthly_cost", 6.0, "EUR", "5EUR", "monthly cost 6.00 EUR"),
    ],
)
def test_a_value_is_in_the_unit_of_its_limit(name, value, unit, limit_text, shown):
    finding = finding_result(Verdict.FAIL, limit=value / 2, limit_text=limit_text)
    metrics = {name: exact_metric_result(value, unit, finding)}
    text = failure(result(workload_result("w", metrics=metrics)), None)
    assert text.startswith(f"{shown}, limit {limit_text}: ")


LONGER = MeasurementError("it was killed", hint=lambda options: f"Raise {options.time_limit}", detail="a\nb")


def test_an_error_has_the_plugins_options_and_the_stderr_of_the_worker():
    assert error_text(LONGER, place="") == "not measured: it was killed. Raise --energy-time\n  | a\n  | b"


def test_an_error_in_a_result_names_the_plugins_options_too(pytester, monkeypatch):
    def fail(*_, **__):
        raise LONGER

    monkeypatch.setattr(check_module, "prepare", fail)
    pytester.makepyfile("def test_it(energy):\n    energy(len, '')\n")
    found = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--energy")
    found.stdout.fnmatch_lines(["not measured: it was killed. Raise --energy-time", "  | a", "  | b"])


def test_base_is_named_by_the_plugins_option(suite, pytester):
    subprocess.run(["git", "init", "--quiet"], cwd=pytester.path, check=True)
    commit = [
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.c",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    ]
    subprocess.run(commit, cwd=pytester.path, check=True)
    found = suite("def test_it(energy):\n    energy(len, '')\n", "--energy-base", "nowhere")
    assert "--energy-base: there is no commit named 'nowhere'" in found.stderr.str()
