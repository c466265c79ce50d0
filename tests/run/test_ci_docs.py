"""What docs/ci.md shows for other CI systems works as it stands there: its scripts are run, its options exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from commands import GENEROUS_S, REPOSITORY, environment, read_result
from github_simulator.api.fake_github import ALICE, FakeGitHub

from energygate.cli import cli

TEXT = (REPOSITORY / "docs" / "ci.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
COMMAND_LINE = re.compile(r"energygate (?P<command>[a-z]+)(?P<rest>[^\n|>)\']*)")


def block(language, number=0):
    return [text for found, text in BLOCKS if found == language][number]


@pytest.fixture
def shell(project):
    """Run a script in the project as a CI system does; `energygate` and `pip` are on the path."""
    programs = project.root.parent / "programs"
    programs.mkdir()
    for name, line in {
        "energygate": f'exec {shlex.quote(sys.executable)} -m energygate "$@"',
        "pip": ":",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (programs / name).chmod(0o755)

    def run(script, **variables):
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=project.root,
            env=environment(PATH=path, **project.environment(), **variables),
            capture_output=True,
            text=True,
            timeout=GENEROUS_S,
            check=False,
        )

    return run


@pytest.fixture
def removes_one(project):
    """Build a pull request that removes a workload which base wants kept: it fails with nothing measured."""
    project.spin("light.py", 4)
    kept = {"python": "light:make", "paths": ["light.py"]}
    rules = {"comparison": {"removed": "fail"}}
    project.policy({"kept": kept, "-removed one": {**kept, "seed": 1}}, **rules)
    project.commit(branch="change")
    project.git("update-ref", "refs/remotes/origin/main", "main")
    project.policy({"kept": kept}, **rules)
    project.commit()
    return project


def verdicts(project):
    return {one["name"]: one["verdict"] for one in read_result(project.root / "result.json")["workloads"]}


BROKEN = {"kept": "pass", "-removed one": "fail"}


def test_the_plain_shell_gates_and_comments(removes_one, shell):
    ran = shell(block("sh"), TARGET_BRANCH="main")
    assert ran.returncode == 1, ran.stderr
    assert verdicts(removes_one) == BROKEN
    assert (removes_one.root / "energy.md").read_text("utf-8").startswith("### ❌ ")
    with FakeGitHub().serving() as github:
        ran = shell(
            block("sh", 1),
            REPOSITORY="o/r",
            PULL_REQUEST="1",
            RUN_URL="https://ci.example.org/7",
            GITHUB_TOKEN=github.token(ALICE),
            GITHUB_API_URL=github.api_url,
            no_proxy="*",
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        (body,) = github.bodies()
    assert "https://ci.example.org/7" in body
    assert f"sha={removes_one.git('rev-parse', 'HEAD')}" in body


@pytest.mark.usefixtures("removes_one")
def test_a_comment_that_cannot_be_posted_does_not_fail_its_job(shell):
    shell(block("sh"), TARGET_BRANCH="main")
    ran = shell(block("sh", 1), REPOSITORY="o/r", PULL_REQUEST="1", RUN_URL="x", GITHUB_TOKEN=None)
    assert ran.returncode == 0
    assert ran.stderr.endswith("energygate: the comment could not be posted; the verdict stands\n")


def test_without_a_result_the_plain_shell_exits_with_the_checks_code(removes_one, shell):
    assert shell(block("sh"), TARGET_BRANCH="gone").returncode == 2
    assert not (removes_one.root / "energy.md").exists()


def test_legs_plan_for_themselves_and_one_job_judges(removes_one, shell):
    total = 3  # one more than there are workloads
    for index in range(1, total + 1):
        ran = shell(block("bash"), TARGET_BRANCH="main", TOTAL=str(total), INDEX=str(index))
        assert ran.returncode == 0, ran.stderr
    legs = removes_one.root / "legs"
    assert sorted(path.name for path in legs.iterdir()) == ["1", "2"]
    assert shell(block("bash", 1), TARGET_BRANCH="main").returncode == 1
    assert verdicts(removes_one) == BROKEN
    (legs / "1" / "result.json").unlink()
    assert shell(block("bash", 1), TARGET_BRANCH="main").returncode == 3


def test_the_gitlab_recipe_measures_in_parallel_and_fails(project, shell):
    project.spin("light.py", 4)
    project.spin("other.py", 4)
    light = {"python": "light:make", "paths": ["light.py"]}
    rules = {"comparison": {"removed": "fail"}}
    project.policy({"kept": light, "removed": {**light, "seed": 1}}, **rules)
    project.commit(branch="change")
    added = {"python": "other:make", "budgets": {"energy_per_request": "1 Wh"}}
    project.policy({"kept": light, "added": added}, **rules)
    project.commit()
    jobs = yaml.safe_load(block("yaml"))
    base = {"BASE": project.git("rev-parse", "main"), "CI_JOB_URL": "https://gitlab.example.org/-/jobs/7"}
    for index in range(1, 3):
        script = "\n".join(jobs["energy-leg"]["script"])
        ran = shell(script, CI_NODE_TOTAL="2", CI_NODE_INDEX=str(index), **base)
        assert ran.returncode == 0, ran.stderr
    ran = shell("\n".join(jobs["energy"]["script"]), **base)
    assert ran.returncode == 1, ran.stderr
    assert verdicts(project) == {"kept": "pass", "removed": "fail", "added": "pass"}
    assert base["CI_JOB_URL"] in (project.root / "energy.md").read_text("utf-8")


@pytest.mark.parametrize("line", sorted({found[0] for _, text in BLOCKS for found in COMMAND_LINE.finditer(text)}))
def test_every_documented_option_exists(line):
    found = COMMAND_LINE.fullmatch(line)
    known = {option for one in cli.commands[found["command"]].params for option in one.opts}
    assert set(re.findall(r"(?<=\s)--[a-z-]+", found["rest"])) - {"--"} <= known


def test_the_scan_finds_options():
    assert len({found["command"] for _, text in BLOCKS for found in COMMAND_LINE.finditer(text)}) == 5


def test_the_documented_matrix_has_the_real_format(project, shell):
    model = {"onnx": "model.onnx"}
    project.policy(
        {"digits-cnn": model, "digits-mlp": model, "summariser": {**model, "runs_on": ["self-hosted", "gpu"]}}
    )
    assert json.loads(shell("energygate matrix --shards 2").stdout) == json.loads(block("json"))
