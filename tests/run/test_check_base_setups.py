"""Where base comes from, and what each side runs with: directories, interpreters, set-ups, policies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from base_projects import BRIEF, QUICK, limit
from commands import REPOSITORY

INTERPRETER = f'#!/bin/sh\nWHO=$(cat who) exec {sys.executable} "$@"\n'
SETUP = "mkdir -p .venv/bin\ncp interpreter .venv/bin/python\nchmod +x .venv/bin/python\n"

APP = """
import os
import time


def make():
    def request():
        end = time.process_time_ns() + float(os.environ["WHO"]) * 1e6
        while time.process_time_ns() < end:
            pass
        return 42

    return request
"""


def energy(checked, name="app"):
    return checked.workloads[name]["metrics"]["energy_per_request"]


def own_interpreters(project, setup):
    """A project whose interpreter is made by its setup, and determines what a request costs."""
    project.write("setup.sh", setup)
    project.write("interpreter", INTERPRETER)
    project.write("app.py", APP)
    project.write("who", "4.0")
    project.write(".gitignore", ".venv/\n")
    measurement = {"python": ".venv/bin/python", "setup": "sh ./setup.sh"}
    project.policy({"app": {"python": "app:make", "budgets": limit()}}, measurement=measurement)
    project.commit(branch="change")


def test_each_side_has_an_interpreter_of_its_own(project):
    own_interpreters(project, SETUP)
    project.write("who", "8.0")
    subprocess.run(["sh", "setup.sh"], cwd=project.root, check=True)  # the check's own run then changes nothing
    found = project.check(*BRIEF, launches=1)
    assert found.workloads["app"]["error"] is None
    assert energy(found)["change"]["estimate"] == pytest.approx(1.0, abs=0.3)


def test_a_failing_setup_at_base_shows_its_output(project):
    own_interpreters(project, "echo resolving packages\necho no such wheel >&2\nexit 7\n")
    project.write("setup.sh", SETUP)
    found = project.check("--base", "main")
    assert (found.ran.code, found.ran.out, found.result) == (3, "", None)
    first, *lines = found.ran.err.splitlines()
    assert first.startswith("energygate: base: the setup command failed with exit status 7")
    assert "sh ./setup.sh" in first
    assert lines == ["  | resolving packages", "  | no such wheel"]


def test_a_missing_interpreter_is_named_with_its_side(project):
    own_interpreters(project, "true\n")
    project.write("who", "4.2")
    found = project.check("--base", "main")
    message = found.workloads["app"]["error"]["message"]
    assert found.ran.code == 3
    assert ".venv/bin/python" in message
    assert "base" in message
    assert "`setup`" in message


@pytest.fixture
def bare_python(tmp_path):
    """An interpreter that holds nothing but the standard library."""
    path = tmp_path / "bare-python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_equal_trees_with_different_interpreters_are_not_identical(project, bare_python):
    project.copy("models/digits-mlp.onnx", "model.onnx")
    project.policy({"mlp": {"onnx": "model.onnx", "budgets": limit()}})
    project.commit()
    assert project.check("--base", "main").workloads["mlp"]["state"] == "unchanged"
    found = project.check("--base", "main", "--base-python", bare_python)
    message = found.workloads["mlp"]["error"]["message"]
    assert found.ran.code == 3
    assert message.startswith("at base: ")
    assert "cannot import onnxruntime" in message


def test_interpreters_without_numpy_can_be_measured(project, bare_python):
    project.spin("app.py", 4.0)
    project.policy({"app": {"python": "app:make"}}, time_limit=QUICK)
    project.commit()
    project.spin("app.py", 4.1)
    found = project.check("--base", "main", "--python", bare_python, launches=1)
    app = found.workloads["app"]
    assert (found.ran.code, app["verdict"]) == (0, "pass")
    assert app["notes"][0].startswith("answers were not compared: ")
    assert "numpy" in app["notes"][0]


def test_two_directories_are_compared_without_git(project):
    project.spin("app.py", 4.0)
    project.policy({"app": {"python": "app:make", "budgets": limit()}})
    base = project.root.parent / "base's copy"
    shutil.copytree(project.root, base, ignore=shutil.ignore_patterns(".git"))
    project.spin("app.py", 8.0)
    without_git = os.path.dirname(sys.executable)  # noqa: PTH120 - as in `PATH`
    found = project.check("--base-dir", "../base's copy", *BRIEF[2:], launches=1, PATH=without_git)
    assert found.result["base"] == {"ref": str(base), "commit": None}
    assert energy(found)["change"]["estimate"] == pytest.approx(1.0, abs=0.3)
    again = project.check("--base-dir", project.root)
    assert again.workloads["app"]["state"] == "unchanged"


def test_an_installed_copy_of_head_is_not_accepted_for_base(project):
    project.write("src/package/__init__.py", "")
    project.spin("src/package/app.py", 4.0)
    project.policy({"app": {"python": "package.app:make", "budgets": limit()}})
    project.commit(branch="change")
    project.spin("src/package/app.py", 8.0)
    path = os.pathsep.join([str(REPOSITORY), str(project.root / "src")])  # as an editable install does
    found = project.check("--base", "main", PYTHONPATH=path)
    message = found.workloads["app"]["error"]["message"]
    assert found.ran.code == 3
    assert message.startswith("at base: package.app:make was imported from the other side's checkout")
    assert "editable install" in message


def test_without_a_policy_at_base_heads_policy_decides(project):
    project.copy("models/digits-mlp.onnx", "old.onnx")
    project.commit(branch="change")
    project.copy("models/digits-mlp.onnx", "new.onnx")
    project.copy("data/digits.npz", "data/digits.npz")
    inputs = {"inputs": "data/digits.npz", "labels": "label"}
    workloads = {
        "old": {"onnx": "old.onnx", **inputs, "budgets": limit()},
        "new": {"onnx": "new.onnx", **inputs, "budgets": {"accuracy": "97 %"}},
    }
    project.policy(workloads, time_limit=QUICK)
    found = project.check("--base", "main", launches=1)
    assert found.ran.code == 0
    states = {name: (one["state"], one["verdict"]) for name, one in found.workloads.items()}
    assert states == {"old": ("unchanged", "pass"), "new": ("added", "pass")}
    assert found.result["policy_changed"] is False
    (note,) = found.result["notes"]
    assert note == f"base {found.result['base']['commit'][:7]} has no policy; head's decides"
    assert note in found.ran.out


@pytest.mark.parametrize(
    ("rules", "name", "code", "said"),
    [
        ({}, "gone", 0, "✓ PASS  1 workload removed"),
        (
            {"removed": "fail"},
            "gone",
            1,
            "✗ FAIL  gone: removed, which base's policy does not allow; it exists at base {base}",
        ),
        ({"added": "fail"}, "come", 1, "✗ FAIL  come: added, which base's policy does not allow"),
    ],
)
def test_bases_rules_for_added_and_removed_workloads(project, rules, name, code, said):
    for one in ("gone", "come"):
        project.spin(f"{one}.py", 1.0)
    project.policy({"gone": {"python": "gone:make"}}, comparison=rules)
    project.commit(branch="change")
    project.policy({"come": {"python": "come:make"}}, comparison={"added": "judge", "removed": "list"})
    found = project.check("--base", "main", name)
    assert found.ran.code == code
    assert found.ran.out.splitlines()[0] == said.format(base=project.git("rev-parse", "--short=7", "main"))
    assert found.result["policy_changed"] is True
    assert found.workloads[name]["provenance"] is None
