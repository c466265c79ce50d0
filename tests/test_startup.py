"""Start-up is a budget: what fresh interpreters have loaded once they have answered."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from energygate.cli import cli

HEAVY = {
    "codecarbon",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "psutil",
    "pydantic",
    "pytest",
    "requests",
    "rich",
    "yaml",
}

PROBE = """
import json, runpy, sys
statement, code = sys.argv.pop(1), int(sys.argv.pop(1))
try:
    exec(statement)
except SystemExit as done:
    assert (done.code or 0) == code, done.code
print(file=sys.stderr)
sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

THE_COMMAND_LINE = "runpy.run_module('energygate', run_name='__main__', alter_sys=True)"


def loaded_after(statement, *arguments, code=0):
    """Run a statement in a fresh interpreter; return what it printed and the packages it had loaded."""
    command = [sys.executable, "-c", PROBE, statement, str(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def test_help_leaves_to_each_command_what_only_that_needs():
    """Each of these takes a percent or more of the time of `--help`."""
    _, loaded = loaded_after("from energygate.cli import cli; cli(['--help'])")
    assert not loaded & {"dataclasses", "difflib", "pathlib", "shlex"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--version", "energygate "),
        ("--help", "Usage: energygate [OPTIONS] COMMAND"),
        *((f"{command} --help", f"Usage: energygate {command}") for command in cli.commands),
    ],
)
def test_help_loads_nothing_heavy(arguments, says):
    printed, loaded = loaded_after(THE_COMMAND_LINE, *arguments.split())
    assert printed.startswith(says)
    assert "energygate" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        "check --nonsense",
        "check --time-limit soon",
        "check --base main --base-dir .",
        "check --base-python python3",
        "check --total-time-limit 9s",
        "init --time-limit soon",
        "schema polcy",
        "report",
        "report x --format html",
        "merge",
        "matrix --job 0",
        "doctor --require much",
        "comment result.json --repository o/r --pull-request 0",
        "comment result.json --repository r --pull-request 1",
        "route cpu",
        "route cpu=cpu.json --latency soon",
        "route cpu=cpu.json --rates 9-1",
        "route cpu=cpu.json --warm tpu=1",
        "export prometheus --for soon",
        "export grafana --match workload=a",
        "export kubernetes --requests-per-replica cpu",
        "export json",
    ],
)
def test_a_mistake_in_the_options_loads_nothing_heavy(arguments, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")  # without it `comment` would only say that
    _, loaded = loaded_after(THE_COMMAND_LINE, *arguments.split(), code=2)
    assert "energygate" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "module",
    [
        "energygate",
        "energygate.errors",
        "energygate.stats",
        "energygate.gate",
        "energygate.policy.metrics",
        "energygate.policy.units",
    ],
)
def test_light_modules_stay_light(module):
    _, loaded = loaded_after(f"import {module}")
    assert "energygate" in loaded
    assert loaded & HEAVY == set()


def test_the_probe_detects_what_a_command_loads():
    """The control: a command that does something needs the policy's library."""
    _, loaded = loaded_after(THE_COMMAND_LINE, "schema", "policy")
    assert "pydantic" in loaded
