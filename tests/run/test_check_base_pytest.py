"""Tests as workloads of `check --base`: each side runs its own, and what is on one side only is said."""

from __future__ import annotations

import os

import pytest
from base_projects import BRIEF, QUICK, limit
from commands import REPOSITORY
from parallel import repeated

APP = """
import time


def classify(milliseconds={milliseconds}):
    end = time.process_time_ns() + milliseconds * 1e6
    while time.process_time_ns() < end:
        pass
    return 42
"""

TEST = """
from app import classify


def test_classify(energy):
    assert energy(classify{more}) == 42
"""

NODE = "tests/test_energy.py::test_classify"


@pytest.fixture
def tested(project):
    """A project whose test is its workload, on a branch."""

    def make(*, budgets=None, branch="change", **workload):
        project.write("src/app.py", APP.format(milliseconds=4.0))
        project.write("tests/test_energy.py", TEST.format(more=""))
        project.write("pytest.ini", "[pytest]\npythonpath = src\naddopts = -m 'not slow' --strict-config -W error\n")
        project.policy({"w": {"pytest": NODE, "budgets": budgets or limit(), **workload}}, time_limit=QUICK)
        if branch:
            project.commit(branch=branch)
        return project

    return make


def test_each_side_runs_its_own_and_their_answers_are_compared(tested):
    project = tested(budgets={"output_agreement": "100 %"})
    project.write("src/app.py", APP.format(milliseconds=8.0).replace("42", "43"))
    project.write("tests/test_energy.py", TEST.format(more="").replace("42", "43"))
    found = project.check(*BRIEF)
    assert found.ran.code == 1, found.ran.said
    metrics = found.workloads["w"]["metrics"]
    assert metrics["energy_per_request"]["change"]["estimate"] == pytest.approx(1.0, abs=0.3)
    assert metrics["output_agreement"]["head"] == 0.0
    assert found.workloads["w"]["kind"] == "pytest"
    assert "pytest" in found.workloads["w"]["provenance"]["versions"]


def test_energy_is_per_request_whatever_a_call_serves(tested):
    project = tested(budgets=limit("60 %"))
    project.write("tests/test_energy.py", TEST.format(more=", requests=4"))
    found = project.check(*BRIEF)
    assert found.ran.code == 0, found.ran.said
    workload = found.workloads["w"]
    assert workload["metrics"]["energy_per_request"]["change"]["estimate"] == pytest.approx(-0.75, abs=0.1)
    assert "a call serves 4 requests at head and 1 at base; energy is per request" in workload["notes"]


def test_unchanged_tests_are_not_measured_even_under_a_new_entry_name(tested):
    project = tested(paths=["src", "tests"])
    project.write("README.md", "words")
    project.policy({"renamed": {"pytest": NODE, "paths": ["src", "tests"], "budgets": limit()}})
    found = project.check("--base", "main")
    assert found.ran.code == 0
    assert (found.workloads["renamed"]["state"], found.workloads["renamed"]["provenance"]) == (
        "renamed",
        None,
    )


def test_an_installed_copy_of_head_is_not_accepted_for_base(tested):
    project = tested()
    (project.root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--amend", "--no-edit")
    project.git("branch", "--force", "main")
    project.write("src/app.py", APP.format(milliseconds=9.0))
    path = os.pathsep.join([str(REPOSITORY), str(project.root / "src")])  # as an editable install does
    found = project.check("--base", "main", PYTHONPATH=path)
    message = found.workloads["w"]["error"]["message"]
    assert found.ran.code == 3
    assert message.startswith("at base: app.py was imported from the other side's checkout")
    assert "editable install" in message


@pytest.mark.parametrize("missing", [*repeated("tests/test_energy.py"), "test_classify"])
def test_a_test_that_only_head_has_is_added(project, tested, missing):
    project.write("README.md", "words")
    if missing == "test_classify":
        project.write("tests/test_energy.py", "def test_other(): ...\n")
    project.commit(branch="change")
    tested(budgets={"energy_per_request": {"max": "1 Wh", "max_increase": "5 %"}}, branch=None)
    found = project.check(*BRIEF)
    assert found.workloads["w"]["state"] == "added", found.ran.said
    assert found.ran.code == 0


def test_removing_a_test_does_not_evade_its_limit(tested):
    project = tested()
    project.write("tests/test_energy.py", "def test_other(): ...\n")
    found = project.check("--base", "main")
    assert found.ran.code == 3
    assert f"there is no test {NODE}" in found.workloads["w"]["error"]["message"]
