"""Unchanged is unchanged: nothing is measured, whatever else lies around; and what does count as a change."""

from __future__ import annotations

import contextlib
import os

import commands
import pytest
from base_projects import QUICK, limit
from parallel import repeated

from energygate.policy import load_policy
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Observer, Options


@pytest.fixture
def pair(project):
    """A model and a callable, on a branch that changes neither."""
    project.copy("models/digits-mlp.onnx", "models/mlp.onnx")
    project.copy("data/digits.npz", "data/digits.npz")
    project.write("app.py", "import needed\n\n\ndef make():\n    return lambda: 42\n")
    project.write("needed.py", "")
    project.write("README.md", "# Words\n")
    workloads = {
        "mlp": {"onnx": "models/mlp.onnx", "inputs": "data/digits.npz", "budgets": limit()},
        "app": {"python": "app:make", "paths": ["*.py"], "budgets": limit()},
    }
    project.policy(workloads)
    project.commit(branch="change")
    return project


def change_nothing(project):
    project.commit()


def change_words(project):
    project.write("README.md", "# Other words\n")


def touch_everything(project):
    for path in project.root.rglob("*.*"):
        if ".git" not in path.parts:
            os.utime(path)


def move_the_model(project):
    project.git("mv", "models/mlp.onnx", "models/moved.onnx")
    policy = project.root / "energygate.yml"
    policy.write_text(policy.read_text("utf-8").replace("mlp.onnx", "moved.onnx"), encoding="utf-8")


def raise_a_limit(project):
    policy = project.root / "energygate.yml"
    policy.write_text(policy.read_text("utf-8").replace("20 %", "90 %"), encoding="utf-8")


@pytest.mark.parametrize("change", [change_nothing, change_words, touch_everything, move_the_model, raise_a_limit])
def test_what_changes_nothing_is_not_measured(pair, change):
    change(pair)
    found = pair.check("--base", "main")
    assert found.ran.code == 0
    assert found.ran.out.startswith("✓ PASS  2 workloads identical to base, not measured\n")
    assert [(one["state"], one["provenance"]) for one in found.result["workloads"]] == [("unchanged", None)] * 2


def test_the_observer_of_a_check_hears_of_each_step_and_of_what_is_not_measured(pair):
    class Recorder(Observer):
        events = ()

        @contextlib.contextmanager
        def step(self, what):
            self.events += (f"{what} ...",)
            yield
            self.events += (what,)

        def started(self, name, *, number, count):
            self.events += (f"{name} {number}/{count}",)

        def finished(self, result):
            self.events += (f"{result.name} {result.state}",)

    change_words(pair)
    path, observer = pair.root / "energygate.yml", Recorder()
    with check_out_base(pair.root, path.name, ref="main") as base:
        check(load_policy(path), pair.root, Options(setup="true", observer=observer), base=base)
    steps = ("setting up base ...", "setting up base", "setting up head ...", "setting up head")
    assert observer.events == (*steps, "mlp 1/2", "mlp unchanged", "app 2/2", "app unchanged")


def test_a_renamed_workload_is_told_though_it_is_not_measured(pair):
    policy = pair.root / "energygate.yml"
    policy.write_text(policy.read_text("utf-8").replace("  mlp:", "  perceptron:"), encoding="utf-8")
    found = pair.check("--base", "main", "perceptron")
    perceptron = found.workloads["perceptron"]
    assert (perceptron["state"], perceptron["verdict"], perceptron["metrics"]) == ("renamed", "pass", {})
    assert "perceptron: renamed from mlp, identical to base, not measured" in found.ran.out


@pytest.mark.parametrize(
    ("changed", "name"), [*repeated(("needed.py", "app")), ("new.py", "app"), ("models/mlp.onnx", "mlp")]
)
def test_what_counts_is_measured(pair, changed, name):
    pair.write(changed, "raise RuntimeError('looked at')\n")
    found = pair.check("--base", "main", name, "--time-limit", QUICK, launches=1)
    assert found.workloads[name]["state"] == "compared"


def test_what_python_compiled_beside_the_sources_is_no_change(pair):
    pair.policy({"app": {"python": "app:make", "budgets": limit()}})
    pair.commit()
    cache = pair.write("__pycache__/app.cpython-312.pyc", "compiled")
    assert "__pycache__" in pair.git("status", "--porcelain")
    result = pair.root.parent / "result.json"
    ran = commands.energygate("check", "--base", "HEAD", "--json", result, cwd=pair.root, PYTHONDONTWRITEBYTECODE=None)
    assert ran.out.startswith("✓ PASS  1 workload identical to base, not measured")
    assert cache.exists()


def test_a_note_in_the_policy_is_no_change_of_the_policy(pair):
    pair.write("energygate.yml", "# Why: see #12\n" + (pair.root / "energygate.yml").read_text("utf-8"))
    assert pair.check("--base", "main").result["policy_changed"] is False


def test_a_looser_limit_is_a_change_of_the_policy_even_where_nothing_is_measured(pair):
    raise_a_limit(pair)
    found = pair.check("--base", "main")
    assert found.result["policy_changed"] is True
    assert "this change also changes the policy: base's policy decides" in found.ran.out
