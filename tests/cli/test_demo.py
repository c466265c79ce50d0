"""`demo`: the whole story in under a minute, on a machine that has nothing but Python."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch

import pytest
from commands import GENEROUS_S, Ran, environment

from energygate.policy import parse_policy
from energygate.run.demo import POLICY, demonstrate

pytestmark = [pytest.mark.measures, pytest.mark.repeats]  # test_check_base_story shows the same verdicts

PATIENT = """
from dataclasses import replace

from energygate.run import check as check_module
from energygate.cli import main

at_once = check_module._Check._measure_undecided


def for_as_long_as_it_takes(self, jobs):
    self._options = replace(self._options, total_time_limit_s=300.0)
    at_once(self, jobs)


check_module._Check._measure_undecided = for_as_long_as_it_takes
main()
"""
"""The command, which gives what its minute leaves open some more: how soon it ends says something about the machine."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The only run of the demo, on a machine that is not configured for git, and what it left behind."""
    home = tmp_path_factory.mktemp("demo")
    scratch = tmp_path_factory.mktemp("scratch")
    done = subprocess.run(
        [sys.executable, "-c", PATIENT, "demo"],
        cwd=home,
        env=environment(HOME=str(home), TMPDIR=str(scratch), GIT_CONFIG_NOSYSTEM="1"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=GENEROUS_S,
        check=False,
    )
    ran = Ran(code=done.returncode, out=done.stdout, err=done.stderr)
    return ran, [path for path in (*scratch.iterdir(), *home.iterdir()) if path.suffix != ".lock"]


def test_it_passes_without_warnings(shown):
    ran, _ = shown
    assert (ran.code, ran.err) == (0, ""), ran.said


def test_measuring_takes_less_than_a_minute():
    policy = parse_policy(POLICY)
    measured = [name for name in policy.workloads if name != "digits-cnn-heavy"]  # which is the same on both sides
    assert len(measured) * policy.measurement.time_limit.value < 60


def test_the_demo_shows_a_pass_and_a_failure_and_the_next_steps(shown):
    lines = shown[0].out.splitlines()
    assert any(line.startswith("✗ FAIL") for line in lines)
    assert any(line.strip().startswith("✓") for line in lines)
    assert any("It exits with 1" in line for line in lines)
    assert "energygate init" in lines[-1]


def test_it_leaves_nothing_behind(shown):
    assert shown[1] == []


@pytest.mark.parametrize(
    ("code", "returned", "last"),
    [
        (1, 0, "It exits with 1, so the pull request fails. By its accuracy alone it would have passed."),
        (0, 3, "It exits with 0 and not with 1: this machine was too busy for a verdict *"),
    ],
)
def test_it_says_what_the_gate_did(capsys, code, returned, last):
    assert demonstrate(lambda *_, **__: code) == returned
    *_, line, _ = capsys.readouterr().out.splitlines()
    assert fnmatch(line, last)
