"""Limits that were not checked are reported: a part, a test or a call that a limit names and that does not exist."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

ENTRY = "version: 1\nworkloads:\n  limited: {{pytest: '{}', budgets: {{energy_per_request: 0.3 mWh}}}}\n"
AUTOUSE = """
pytestmark = pytest.mark.energy(max='0.5 mWh')

@pytest.fixture(autouse=True)
def handed_out(energy):
    return energy

def test_it():
    pass
"""
EACH = """
@pytest.mark.parametrize("name", ["encode", "decode"])
@pytest.mark.energy(part="encode", max="0.5 mWh")
@pytest.mark.energy(part="decode", max="0.6 mWh")
def test_it(energy, name):
    energy(len, "", name=name)
"""
AB = "def test_it(energy):\n    energy(len, '', name='a')\n    energy(len, '', name='b')\n"


@pytest.mark.parametrize(
    ("source", "entry", "sentence"),
    [
        (
            f"@pytest.mark.energy(part='c', max='0.3 mWh')\n{AB}",
            None,
            "its marker names the part 'c', but the test measures 'a' and 'b', so its limits were not checked*",
        ),
        (
            AB,
            "test_it.py::test_it', part: 'c",
            "the policy's limited (energygate.yml:3) names the part 'c', but the test measures 'a' and 'b', *",
        ),
        (
            AB,
            "test_it.py::test_it",
            "the policy's limited (energygate.yml:3) names no part, but the test measures 'a' and 'b', *",
        ),
        (
            "def test_it(energy):\n    energy(len, '')\n",
            "test_it.py::test_it', part: 'c",
            "the policy's limited (energygate.yml:3) names the part 'c', but the test measures a part without *",
        ),
        (
            "def test_it(energy):\n    pass\n",
            "test_it.py::test_it",
            "the policy's limited (energygate.yml:3) limits the test, which never called energy(...), *",
        ),
        (
            "def test_it():\n    pass\n\ndef test_other(energy):\n    energy(len, '')\n",
            "test_it.py::test_it",
            None,  # said in the section: it is no energy test at all
        ),
    ],
)
def test_a_passed_test_with_unchecked_limits_is_an_error(suite, source, entry, sentence):
    found = suite(source, "--energy", policy=entry and ENTRY.format(entry))
    if sentence is None:
        assert found.ret == 0
        found.stdout.fnmatch_lines(
            ["not judged: limited (energygate.yml:3): no energy test test_it was collected from *"]
        )
        return
    assert found.ret == 1
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines([f"not measured: {sentence}"])


@pytest.mark.parametrize(
    "source",
    [
        "pytestmark = pytest.mark.energy(max='0.5 mWh')\n\ndef test_it():\n    pass\n",  # not about energy
        "@pytest.mark.energy\ndef test_it():\n    pass\n",  # a category, without limits
        f"pytestmark = pytest.mark.energy(part='c', max='0.3 mWh')\n\n{AB}",  # of another test of the module
        AUTOUSE,
    ],
)
def test_limits_of_other_tests_do_not_count(suite, source):
    found = suite(source, "--energy")
    assert found.ret == 0
    found.assert_outcomes(passed=1)


def test_each_parameter_may_have_its_own_part(suite):
    found = suite(EACH, "--energy")
    found.assert_outcomes(passed=2)
    assert found.ret == 0
    suite(EACH.replace("0.6", "0.3"), "--energy").assert_outcomes(passed=1, failed=1)


def test_other_measured_parts_are_judged(suite):
    found = suite(f"@pytest.mark.energy(part='c', max='0.5 mWh')\n{AB}", "--energy", "--energy-budget", "0.3 mWh")
    found.assert_outcomes(failed=1, errors=1)


@pytest.mark.parametrize(
    ("test", "hint"),
    [("test_typo", ""), ("test_it", "; name one of its parameters, such as test_it[[]1]")],
)
def test_an_entry_that_names_no_test_is_reported(suite, test, hint):
    source = "@pytest.mark.parametrize('n', [1, 2])\ndef test_it(energy, n):\n    energy(len, '')\n"
    policy = ENTRY.format(f"test_it.py::{test}")
    line = f"not judged: limited (energygate.yml:3): no energy test {test} was collected from test_it.py{hint}"
    suite(source, "--energy", policy=policy).stdout.fnmatch_lines([line])
    suite(source, "--energy", "-k", "2", policy=policy).stdout.fnmatch_lines([line])  # it is not there either way
    found = suite(source, "--energy", "test_it.py::test_it[1]", policy=policy)
    found.stdout.no_fnmatch_line("not judged:*")  # whether others are there was not looked for


def test_a_test_found_at_run_time_gets_its_entrys_limits(suite):
    source = "def test_it(request):\n    request.getfixturevalue('energy')(len, '')\n"
    found = suite(source, "--energy", policy=ENTRY.format("test_it.py::test_it"))
    found.assert_outcomes(failed=1)
    found.stdout.no_fnmatch_line("not judged:*")


def test_an_entry_of_a_skipped_test_is_reported_and_of_a_deselected_one_is_not(suite):
    source = "@pytest.mark.skip\ndef test_it(energy):\n    energy(len, '')\n\ndef test_other():\n    pass\n"
    policy = ENTRY.format("test_it.py::test_it")
    found = suite(source, "--energy", policy=policy)
    assert found.ret == 0
    found.stdout.fnmatch_lines(["not judged: limited (energygate.yml:3): test_it.py::test_it was skipped"])
    found = suite(source, "--energy", "-k", "other", policy=policy)
    found.stdout.no_fnmatch_line("not judged:*")


@pytest.mark.parametrize(
    "source",
    [
        "def test_it(energy, subtests):\n    energy(len, '')\n    with subtests.test('part'):\n        pytest.skip()\n",
        "def test_it(energy):\n    pass\n",
    ],
)
def test_an_entry_that_is_judged_or_has_no_limits_is_not_reported(suite, source):
    policy = ENTRY.format("test_it.py::test_it")
    if "subtests" not in source:
        policy = policy.replace(", budgets: {energy_per_request: 0.3 mWh}", "")
    found = suite(source, "--energy", policy=policy.replace("0.3", "0.5"))
    assert found.ret == 0
    found.stdout.no_fnmatch_line("not judged:*")


@pytest.mark.parametrize(
    ("end", "outcome"), [("pytest.skip()", "skipped"), ("pass", "passed"), ("pytest.xfail()", "xfailed")]
)
def test_patches_of_a_test_do_not_break_energygate(suite, end, outcome):
    source = f"""
import pathlib

def test_it(energy, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "resolve", lambda *_: 1 // 0)
    {end}
"""
    found = suite(source, "--energy", policy=ENTRY.format("test_it.py::test_it"))
    assert found.parseoutcomes()[outcome] == 1
    assert "INTERNALERROR" not in found.stdout.str()
    if outcome == "xfailed":
        found.stdout.fnmatch_lines(["not judged: limited (*): test_it.py::test_it failed as expected"])


def test_an_entry_whose_file_does_not_exist_is_reported(suite):
    source = "def test_it(energy):\n    energy(len, '')\n"
    found = suite(source, "--energy", policy=ENTRY.format("test_ti.py::test_it"))
    found.stdout.fnmatch_lines(["not judged: limited (energygate.yml:3): there is no file test_ti.py"])


def test_two_entries_for_one_test_are_refused(suite):
    twice = "version: 1\nworkloads:\n" + "".join(
        f"  {name}: {{pytest: 'test_it.py::test_it', budgets: {{energy_per_request: {limit} mWh}}}}\n"
        for name, limit in {"loose": 0.5, "strict": 0.3}.items()
    )
    found = suite("def test_it(energy):\n    energy(len, '')\n", "--energy", policy=twice)
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*energygate.yml:4: loose and strict both name test_it.py::test_it, *"])


@pytest.mark.parametrize(
    "order", ["max='9 mWh', energy_per_request='0.3 mWh'", "energy_per_request='0.3 mWh', max='9 mWh'"]
)
def test_one_limit_twice_in_a_marker_is_refused_in_either_order(suite, order):
    found = suite(f"@pytest.mark.energy({order})\ndef test_it(energy):\n    energy(len, '')\n", "--energy")
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*max of energy_per_request is given twice"])


def test_a_metric_without_a_limit_is_refused(suite):
    found = suite("@pytest.mark.energy(latency_p95={})\ndef test_it(energy):\n    energy(len, '')\n")
    assert found.ret == 4
    found.stderr.fnmatch_lines(["*latency_p95 has no limit"])


@pytest.mark.parametrize("more", ["", "@pytest.mark.parametrize('energy', [1])\n"])
def test_a_marker_of_the_same_name_from_another_project_is_left_alone(suite, more):
    source = f"{more}@pytest.mark.energy('high')\ndef test_beam({'energy' if more else ''}):\n    pass\n"
    suite(source).assert_outcomes(passed=1)
    assert suite(source, "--energy").ret == 4


def test_patches_of_a_test_do_not_break_other_tests(suite):
    source = """
def test_breaks_energygate(energy, monkeypatch):
    energy(len, "")
    from energygate.pytest_plugin.policy_builder import PolicyBuilder
    monkeypatch.setattr(PolicyBuilder, "policy", lambda *_: 1 // 0)
"""
    found = suite(source, "--energy")
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(
        [
            "not measured: measuring raised ZeroDivisionError: *. What the test has patched, *",
            "  | ZeroDivisionError: *",
        ]
    )


def test_a_subtest_is_not_a_separate_test(suite):
    source = """
@pytest.mark.energy(max="0.5 mWh")
def test_it(energy, subtests):
    energy(len, "")
    with subtests.test("part"):
        pass
"""
    found = suite(source, "--energy")
    assert found.ret == 0
    found.stdout.no_fnmatch_line("not measured: *")
