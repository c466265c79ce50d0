"""A user's project, measured: fixtures/pytest_project as it is, alone and beside its own past."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from launched_once import LAUNCHED_ONCE, TIME

from energygate.policy import load_policy
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Options

PROJECT = Path(__file__).parent.parent.parent / "fixtures" / "pytest_project"
PASSED, FAILED = 0, 1


@pytest.fixture
def project(tmp_path):
    """A copy of the project, with a past that `main` names."""
    path = tmp_path / "project"
    shutil.copytree(PROJECT, path, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    commit(path, "begin")
    return path


def git(path, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *arguments], cwd=path, check=True, capture_output=True)


def commit(path, message):
    if not (path / ".git").exists():
        git(path, "init", "-q", "-b", "main")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", message)


def run(path, *arguments):
    command = [*LAUNCHED_ONCE, "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=path, env=environment, capture_output=True, text=True, check=False)


def results(path):
    found = json.loads((path / "result.json").read_text("utf-8"))
    return {one["name"].rpartition("::")[2]: one for one in found["workloads"]}


def edit(path, before, after):
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def test_off(project):
    done = run(project)
    assert done.returncode == PASSED, done.stdout
    assert "6 passed" in done.stdout
    assert "not measured: the limits of 4 tests; measure with --energy" in done.stdout


# One launch leaves everything open: with --energy-strict a test that is far over its limit fails all the same, as over
# it or as inconclusive.
OVER, WITHIN = {"fail", "inconclusive"}, {"pass", "inconclusive"}


def test_alone(project):
    edit(project / "tests" / "test_energy.py", 'part="score", max="1 mWh"', 'part="score", max="1 nWh"')
    options = ["--energy-strict", *TIME, "--energy-json", "result.json"]
    done = run(project, *options, "-k", "pipeline")
    assert done.returncode == FAILED, done.stdout + done.stderr
    found = results(project)
    assert found.keys() == {"test_pipeline (tokens)", "test_pipeline (score)"}
    assert found["test_pipeline (tokens)"]["verdict"] in WITHIN, done.stdout
    assert found["test_pipeline (score)"]["verdict"] in OVER, done.stdout
    energies = [one["metrics"]["energy_per_request"]["head"] for one in found.values()]
    assert all(1e-13 < energy < 1e-9 for energy in energies)  # kWh: microseconds of a few watts
    assert "_ test_pipeline (energy) _" in done.stdout
    assert "score: energy per request " in done.stdout


def test_beside_its_past(project):
    tests = project / "tests" / "test_energy.py"
    edit(project / "src" / "reviews.py", "score(tokens(text))", "score(tokens(text * 2))")
    edit(tests, 'max="1 mWh", latency_p95="1 s"', 'max_increase="20 %", strict=True')
    new = '@pytest.mark.energy(max="1 mWh")\ndef test_new(energy):\n    energy(score, ["good"])\n\n\nasync'
    edit(tests, "async", new)
    options = ["--energy-base", "main", *TIME, "--energy-json", "result.json"]
    done = run(project, *options, "-k", "classify or new")
    assert done.returncode == FAILED, done.stdout + done.stderr
    found = results(project)
    assert found["test_classify"]["verdict"] in OVER, done.stdout
    assert found["test_classify"]["metrics"]["energy_per_request"]["change"]["estimate"] > 0.5
    assert ", limit +20 %: " in done.stdout
    assert found["test_new"]["state"] == "added", done.stdout
    assert found["test_new"]["verdict"] in WITHIN
    assert "added: base " in done.stdout
    trees = subprocess.run(["git", "worktree", "list"], cwd=project, check=True, capture_output=True, text=True)
    assert len(trees.stdout.splitlines()) == 1


def test_nothing_changed(project):
    done = run(project, "--energy-base", "main")
    assert done.returncode == PASSED, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert "= identical to base, not measured: tests/test_energy.py::test_classify, " in done.stdout


def test_used_up_patience_still_allows_the_first_launch(tmp_path):
    policy = "version: 1\nmeasurement: {time_limit: 1 s}\nworkloads: {w: {python: 'app:make'}}\n"
    for side in ("base", "head"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "energygate.yml").write_text(policy, "utf-8")
        (tmp_path / side / "app.py").write_text(f"def make():\n    return lambda: '{side}'\n", "utf-8")
    head = tmp_path / "head"
    with check_out_base(head, "energygate.yml", base_dir=str(tmp_path / "base")) as base:
        impatient = Options(patience_s=0.0)  # preparation has used it up: the first launch runs all the same
        (found,) = check(load_policy(head / "energygate.yml"), head, impatient, base=base).workloads
    assert found.error is None, found.error
    assert len(found.provenance.launches) == 1
