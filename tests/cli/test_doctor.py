"""`energygate doctor` on this machine, whatever it is."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest
from commands import environment, spin, write_policy

from energygate.measure.readings import Method

QUICK = ("doctor", "--no-self-test")

SHORTER = """
from energygate.run import doctor as doctoring
from energygate.cli import main

doctoring.SELF_TEST_S = 0.0  # two launches all the same, and short ones
doctoring.MINUTE_S = 30.0
main()
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("doctor")


@pytest.fixture(scope="module")
def found(directory):
    ran = subprocess.run(
        [sys.executable, "-c", SHORTER, "doctor", "--json"],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def test_the_diagnosis_follows_the_published_schema(found, directory, in_process):
    schema = json.loads(in_process("schema", "doctor", cwd=directory).out)
    jsonschema.Draft202012Validator(schema).validate(found)


def test_the_self_test_reports_the_smallest_change_that_is_detectable(found):
    test = found["self_test"]
    assert test["launches"] >= 2
    assert test["scatter"] > 0
    assert test["resolvable"] is None or 0 < test["resolvable"] < 1


def test_the_text_says_the_same_as_the_json(found, directory, in_process):
    ran = in_process(*QUICK, cwd=directory)
    assert (ran.code, ran.err) == (0, "")
    for component in found["components"]:
        assert component["source"] in ran.out
    assert all(sentence in ran.out for sentence in found["advice"])
    assert "self-test" not in ran.out


@pytest.fixture
def measured(found):
    return found["method"] == Method.MEASURED.value


@pytest.mark.parametrize("how", ["option", "policy", "default policy"])
def test_a_requirement_that_cannot_be_met_fails(measured, how, tmp_path, in_process):
    arguments = {
        "option": ("--require", "measured"),
        "policy": ("--policy", "strict.yml"),
        "default policy": (),
    }[how]
    if how != "option":
        name = "strict.yml" if how == "policy" else "energygate.yml"
        write_policy(tmp_path, {"w": spin(2)}, name=name, measurement={"require": "measured"})
    ran = in_process(*QUICK, *arguments, cwd=tmp_path)
    assert ran.code == (0 if measured else 3)
    assert ran.out.startswith("✓" if measured else "✗ `require: measured` cannot be met")


def test_the_option_takes_precedence_over_the_policy(tmp_path, in_process):
    write_policy(tmp_path, {"w": spin(2)}, measurement={"require": "measured"})
    assert in_process(*QUICK, "--require", "any", cwd=tmp_path).code == 0


def test_watts_of_the_policy_are_named(tmp_path, measured, in_process):
    if measured:
        pytest.skip("this machine has a counter: the team's watts are not used")
    own = {"idle": "0.5 W", "full": "3 W", "source": "our wall meter"}
    write_policy(tmp_path, {"w": spin(2)}, measurement={"power_model": own})
    assert "our wall meter" in in_process(*QUICK, cwd=tmp_path).out


def test_an_invalid_policy_is_a_policy_error(tmp_path, in_process):
    (tmp_path / "energygate.yml").write_text("version: 1\nworkload: {}\n", encoding="utf-8")
    ran = in_process(*QUICK, cwd=tmp_path)
    assert ran.code == 2
    assert "energygate.yml:2" in ran.err
    assert "Traceback" not in ran.err


UNREADABLE = """
import sys
from pathlib import Path
from energygate.measure.meters import rapl
from energygate.cli import main
rapl.POWERCAP = Path(sys.argv.pop(1))
main(sys.argv[1:])
"""


def test_for_counters_that_only_root_can_read_the_command_to_open_them_is_shown(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "name").write_text("package-0\n")
    (package / "energy_uj").mkdir()  # what even root cannot read as a file
    ran = subprocess.run(
        [sys.executable, "-c", UNREADABLE, tmp_path, *QUICK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sudo chmod -R a+r" in ran.stdout, ran.stdout + ran.stderr
