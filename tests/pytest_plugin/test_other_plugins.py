"""Beside other plugins and under other pytests, each from an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from launched_once import LAUNCHED_ONCE, TIME

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent / "fixtures" / "pytest_project"

SUITE = """
import pytest

@pytest.mark.energy(max="0.3 mWh")
def test_over(energy):
    energy(len, "")

@pytest.mark.energy(max="0.5 mWh")
def test_within(energy):
    energy(len, "")

def test_plain():
    pass
"""

OTHER_PLUGINS = "pytest-cov pytest-timeout pytest-randomly pytest-rerunfailures pytest-asyncio"

CONFTEST = """
from energygate.pytest_plugin import ENGINE
from engine_stand_in import StandIn

def pytest_configure(config):
    config.stash[ENGINE] = StandIn.open
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Installs packages into a directory for `PYTHONPATH`, once each; skips where no package index can be reached."""
    known = {}

    def install(*requirements):
        if requirements not in known:
            target = tmp_path_factory.mktemp("packages")
            uv = shutil.which("uv")
            if uv is None:
                pytest.skip("needs uv to install other plugins")
            command = [
                uv,
                "pip",
                "install",
                "-q",
                "--target",
                target,
                "--python",
                sys.executable,
                *requirements,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{' '.join(requirements)} cannot be installed here: {done.stderr.strip()[-200:]}")
            known[requirements] = target
        return known[requirements]

    return install


@pytest.fixture
def beside(pytester, installed, monkeypatch):
    """Runs a suite with other packages installed: `beside("pytest-xdist", "-n", "2", source=...)`."""

    def run(requirement, *arguments, source=SUITE, measures=True):
        path = [installed(*requirement.split()), HERE, HERE.parent]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, path)))
        if measures:
            pytester.makeconftest(CONFTEST)
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)

    return run


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.repeats), "2"])
def test_measuring_in_xdist_workers_is_refused(beside, workers):
    found = beside("pytest-xdist", "-n", workers, "--energy", measures=False)
    found.assert_outcomes(passed=3, errors=2)
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        ["not measured: energy is not measured in workers of pytest-xdist, *: pytest -n 0 -m energy --energy"]
    )


def test_xdist_without_workers_measures(beside):
    beside("pytest-xdist", "-n", "0", "--energy").assert_outcomes(passed=2, failed=1)


def test_with_xdist_disabled_everything_is_reported(beside):
    found = beside("pytest-xdist", "-n", "1", measures=False)
    found.assert_outcomes(passed=3)
    found.stdout.fnmatch_lines(["not measured: the limits of 2 tests; measure with --energy"])


def test_xdist_is_left_alone_in_suites_without_energy_tests(beside):
    source = "def test_plain():\n    pass\n"
    options = ["-n", "1", "--energy", "--energy-base", "main"]
    found = beside("pytest-xdist", *options, source=source, measures=False)
    found.assert_outcomes(passed=1)
    assert "= energy =" not in found.stdout.str()


def test_xdist_reports_an_invalid_marker(beside):
    found = beside("pytest-xdist", "-n", "1", source=SUITE.replace("max=", "most="), measures=False)
    found.assert_outcomes(passed=3, errors=2)
    assert "@pytest.mark.energy: unknown 'most'; valid are max, " in found.stdout.str()


TOGETHER = """
import asyncio
import time

import pytest

@pytest.mark.energy(max="0.3 mWh")
def test_over(energy):
    energy(len, "")

@pytest.mark.energy(max="0.5 mWh")
def test_within(energy):
    energy(len, "")

def test_takes_four_seconds(energy):
    energy(len, "")
    assert energy.result.metrics

@pytest.mark.flaky(reruns=0)
def test_is_endless(energy):
    energy(len, "")
    time.sleep(60)

def test_breaks_it_once(energy):
    energy(len, "")

runs = []

@pytest.mark.energy(max="0.3 mWh")
def test_is_skipped_the_second_time(energy):
    energy(len, "")
    runs.append(1)
    if len(runs) > 1:
        pytest.skip("enough")

set_up = []

@pytest.fixture
def once():
    set_up.append(1)
    if len(set_up) > 1:
        pytest.skip("enough")

def test_breaks_it_once_and_is_skipped(once, energy):
    energy(len, "")

async def double(n):
    await asyncio.sleep(0)
    return 2 * n

@pytest.mark.asyncio
@pytest.mark.energy(max="0.5 mWh")
async def test_on_an_event_loop(energy):
    assert energy(double, 2) == 4
    await asyncio.sleep(0)
"""
OPTIONS = [
    *("-p", "no:cacheprovider", "--energy", "--cov", ".", "--timeout", "3", "--reruns", "1"),
    *("--junitxml", "junit.xml", "-W", "ignore::pytest.PytestDeprecationWarning"),
]


@pytest.fixture(scope="module")
def together(tmp_path_factory, installed):
    """Runs a suite beside all of them: what it printed, and the test cases that it wrote, by name."""
    path = tmp_path_factory.mktemp("together")
    (path / "conftest.py").write_text(CONFTEST, "utf-8")
    (path / "test_it.py").write_text(TOGETHER, "utf-8")
    places = [installed(*OTHER_PLUGINS.split()), HERE, HERE.parent]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS],
        cwd=path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    cases = ET.parse(path / "junit.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    return done.stdout, {case.get("name"): case for case in cases}


def outcome(case):
    """Name what a case has besides output and properties: nothing if it passed."""
    return {one.tag for one in case} - {"properties", "system-out", "system-err"}


def test_other_plugins_work_beside_it(together):
    said, cases = together
    assert outcome(cases["test_within"]) == set()
    assert outcome(cases["test_over"]) == {"failure"}
    assert "_ test_over (energy) _" in said
    assert "0.400 mWh (0.380 to 0.420 mWh), limit 0.3 mWh: 33 % over" in said


def test_a_timeout_of_the_test_does_not_limit_measuring(together):
    said, cases = together
    assert outcome(cases["test_takes_four_seconds"]) == set()
    assert outcome(cases["test_is_endless"]) == {"failure"}
    assert "Timeout (>3.0s) from pytest-timeout" in said


def test_a_rerun_replaces_the_earlier_outcome(together):
    said, cases = together
    case = cases["test_breaks_it_once"]
    assert outcome(case) == set()
    assert [one.get("name") for one in case.iter("property")].count("energygate.verdict") == 1
    assert "the meter is gone" not in said


@pytest.mark.parametrize("name", ["test_is_skipped_the_second_time", "test_breaks_it_once_and_is_skipped"])
def test_a_test_that_is_skipped_when_it_runs_again_has_no_verdict(together, name):
    said, cases = together
    assert outcome(cases[name]) == {"skipped"}
    assert "energygate.verdict" not in {one.get("name") for one in cases[name].iter("property")}
    lines = [line for line in said.splitlines() if name in line]
    assert [line for line in lines if "OVER BUDGET" in line or "over the limit" in line] == []


def test_a_test_on_an_event_loop(together):
    case = together[1]["test_on_an_event_loop"]
    assert outcome(case) == set()
    assert {one.get("name"): one.get("value") for one in case.iter("property")}["energygate.verdict"] == "pass"


@pytest.mark.parametrize("version", ["8.*", pytest.param("9.*", marks=pytest.mark.repeats)])
def test_the_two_latest_pytests(beside, version):
    found = beside(f"pytest=={version}", "--energy", "-v", "--import-mode=importlib")
    assert f"pytest-{version[0]}." in found.stdout.str()
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(
        [
            "test_it.py::test_over OVER BUDGET *",
            "*_ test_over (energy) _*",
            "*0.400 mWh (0.380 to 0.420 mWh), limit 0.3 mWh: 33 % over",
            "*= energy =*",
        ]
    )


@pytest.mark.parametrize("version", ["8.*", pytest.param("9.*", marks=pytest.mark.repeats)])
def test_the_sample_project_under_the_two_latest_pytests(tmp_path, installed, version):
    shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["-p", "no:cacheprovider", "--energy", *TIME, "-k", "classify", "-v"]
    done = subprocess.run(
        [*LAUNCHED_ONCE, *options],
        cwd=tmp_path / "project",
        env={**os.environ, "PYTHONPATH": str(installed(f"pytest=={version}"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"pytest-{version[0]}." in done.stdout
    assert "1 passed" in done.stdout
    assert "energy per request " in done.stdout.partition("= energy =")[2]
