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
statement = sys.argv.pop(1)
try:
    exec(statement)
except SystemExit as done:
    assert not done.code, done.code
sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

THE_COMMAND_LINE = "runpy.run_module('energygate', run_name='__main__', alter_sys=True)"


def loaded_after(statement, *arguments):
    """Run a statement in a fresh interpreter; gives what it printed and the packages it had loaded."""
    command = [sys.executable, "-c", PROBE, statement, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr))


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


def test_the_probe_sees_what_a_command_loads():
    """The control: a command that does something needs the policy's library."""
    _, loaded = loaded_after(THE_COMMAND_LINE, "schema", "policy")
    assert "pydantic" in loaded
