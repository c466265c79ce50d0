"""Tests that base lacks or has in another form, by the real engine."""

from __future__ import annotations

import json
import subprocess

import pytest
from builders import metric_result, result, workload_result
from launched_once import TIME

from energygate.measure import campaign
from energygate.pytest_plugin import engine

pytest_plugins = ["pytester"]

PLAIN = "def test_it():\n    assert len('') == 0\n"
MEASURED = "def test_it(energy):\n    assert energy(len, '') == 0\n"
SKIPPED = f"import pytest\n\n@pytest.mark.skip\n{MEASURED}"
ONE_PART = "def test_it(energy):\n    energy(len, '', name='a')\n"
TWO_PARTS = f"{ONE_PART}    energy(len, 'b', name='b')\n"
NEW = "\ndef test_new(energy):\n    energy(len, '')\n"
POLICY = "version: 1\n{}workloads:\n  it: {{pytest: 'test_it.py::test_it', budgets: {{energy_per_request: 1 Wh}}}}\n"


@pytest.fixture(scope="module", autouse=True)
def _numpy_is_loaded():
    """No process can load it twice, and `pytester` forgets what was loaded meanwhile."""
    import pandas as pd  # noqa: F401


@pytest.fixture
def unmeasured(monkeypatch):
    """Let every check pass without measuring: for what the session makes of two policies."""

    def check(policy, *_, **__):
        (name,) = policy.workloads
        return result(workload_result(name, kind="pytest", metrics={"energy_per_request": metric_result()}))

    monkeypatch.setattr(engine, "check", check)


@pytest.fixture
def beside(pytester, monkeypatch):
    """Commits one text of a file of tests, writes another, and runs it beside the first: the workloads by name."""
    monkeypatch.setattr(campaign, "MAX_LAUNCHES", 1)

    def run(base, head, *arguments, policy=None, head_policy=None):
        file = pytester.path / "test_it.py"
        file.write_text(base, "utf-8")
        if policy is not None:
            (pytester.path / "energygate.yml").write_text(policy, "utf-8")
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        for command in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "base"]):
            subprocess.run(["git", *command], cwd=pytester.path, check=True)
        file.write_text(head, "utf-8")
        if head_policy is not None:
            (pytester.path / "energygate.yml").write_text(head_policy, "utf-8")
        options = ["-p", "no:cacheprovider", "--energy-base", "main", "--energy-json", "result.json"]
        found = pytester.runpytest_inprocess(*options, *TIME, *arguments)
        written = json.loads((pytester.path / "result.json").read_text("utf-8"))
        return found, {one["name"]: one for one in written["workloads"]}

    return run


@pytest.mark.parametrize(
    ("base", "head", "name", "others"),
    [
        pytest.param(PLAIN, MEASURED, "test_it.py::test_it", [], marks=pytest.mark.repeats),
        (ONE_PART, TWO_PARTS, "test_it.py::test_it (b)", ["test_it.py::test_it (a)"]),
    ],
)
def test_a_test_that_begins_to_measure_is_added_and_no_error(beside, base, head, name, others):
    found, workloads = beside(base, head)
    assert found.ret == 0
    assert workloads.keys() == {name, *others}
    assert (workloads[name]["state"], workloads[name]["verdict"]) == ("added", "pass")
    assert {workloads[one]["state"] for one in others} <= {"compared"}
    found.stdout.fnmatch_lines([f"{name}: added: base * has no such test, or does not measure it"])


@pytest.mark.parametrize(
    ("comparison", "code"),
    [("comparison: {added: fail}\n", 1), pytest.param("", 0, marks=pytest.mark.repeats)],
)
def test_bases_policy_may_forbid_added_tests(beside, comparison, code):
    found, workloads = beside(MEASURED, MEASURED + NEW, "-k", "new", policy=POLICY.format(comparison))
    assert found.ret == code
    assert workloads["test_it.py::test_new"]["verdict"] == ("fail" if code else "pass")
    if code:
        found.assert_outcomes(failed=1)
        found.stdout.fnmatch_lines(["*_ test_new (energy) _*", "added, which base's policy does not allow"])


@pytest.mark.usefixtures("unmeasured")
def test_an_equal_marker_overrides_nothing(beside):
    same = MEASURED.replace("def", "@pytest.mark.energy(max='1000 mWh', level='error')\ndef")
    found, workloads = beside(MEASURED, f"import pytest\n\n{same}", policy=POLICY.format(""))
    assert found.ret == 0
    assert not [one for one in workloads["it"]["notes"] if one.startswith("overridden")]


@pytest.mark.usefixtures("unmeasured")
def test_a_test_may_be_split_into_parts_with_its_entry(beside):
    split = POLICY.format("").replace("test_it'", "test_it', part: b")
    found, _ = beside(MEASURED, TWO_PARTS, policy=POLICY.format(""), head_policy=split)
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        ["not judged: the policy's it (energygate.yml at *) names no part, *; head's policy differs"]
    )


@pytest.mark.usefixtures("unmeasured")
def test_an_entry_protected_by_base_cannot_be_removed_with_its_limits(beside):
    split = POLICY.format("").replace("test_it'", "test_it', part: b")
    kept = POLICY.format("comparison: {removed: fail}\n")
    found, _ = beside(MEASURED, TWO_PARTS, policy=kept, head_policy=split)
    found.assert_outcomes(passed=1, errors=1)


@pytest.mark.usefixtures("unmeasured")
def test_a_limit_of_base_applies_without_the_entry(beside):
    found, _ = beside(MEASURED, TWO_PARTS, policy=POLICY.format(""))
    found.assert_outcomes(passed=1, errors=1)


@pytest.mark.usefixtures("unmeasured")
def test_a_marker_that_loosens_bases_policy_is_noted(beside):
    looser = MEASURED.replace("def", "@pytest.mark.energy(max='2 Wh', level='warn')\ndef")
    found, workloads = beside(MEASURED, f"import pytest\n\n{looser}", policy=POLICY.format(""))
    assert found.ret == 0
    (note,) = [one for one in workloads["it"]["notes"] if one.startswith("overridden")]
    assert note.startswith(
        "overridden by the marker: energy_per_request max 2 Wh instead of 1 Wh, "
        "energy_per_request level warn instead of error (energygate.yml at "
    )
