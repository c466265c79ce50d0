"""Start-up is a budget: what a pytest that measures nothing has loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "codecarbon",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "psutil",
    "pydantic",
    "requests",
    "rich",
    "yaml",
}

PROBE = """
import json, sys, pytest
code = pytest.main(sys.argv[1:])
sys.stderr.write(json.dumps([int(code), sorted(sys.modules)]))
"""

PLAIN = "def test_it():\n    pass\n"
TEST = """
import pytest

@pytest.mark.energy(max="0.5 mWh", max_increase="5 %")
def test_it(energy):
    assert energy(len, "abc") == 3
    assert energy.result is None
"""


def loaded_by(directory, *arguments):
    command = [sys.executable, "-c", PROBE, "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    code, modules = json.loads(done.stderr)
    assert code == 0, done.stdout
    return set(modules)


def ours(modules):
    return {name for name in modules if name.split(".")[0] == "energygate"}


@pytest.mark.parametrize("arguments", [[], ["-o", "energy=always"], ["--energy", "--energy-off"]])
def test_a_suite_without_energy_tests_loads_the_options_only(tmp_path, arguments):
    (tmp_path / "test_it.py").write_text(PLAIN, "utf-8")
    modules = loaded_by(tmp_path, *arguments)
    assert ours(modules) == {
        "energygate",
        "energygate.version",
        "energygate.pytest_plugin",
        "energygate.pytest_plugin.plugin_options",
    }
    assert {name.split(".")[0] for name in modules} & HEAVY == set()


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        (TEST, []),
        (TEST, ["--energy", "--collect-only"]),
        (PLAIN, ["--energy"]),
        (PLAIN, ["--energy-json", "it"]),
    ],
)
def test_without_measuring_nothing_heavy_is_loaded(tmp_path, source, arguments):
    (tmp_path / "test_it.py").write_text(source, "utf-8")
    modules = loaded_by(tmp_path, *arguments)
    assert "energygate.pytest_plugin.session" in modules
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
