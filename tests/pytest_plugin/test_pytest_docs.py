"""The examples of docs/pytest.md work as they are, and it names every option, ini setting and keyword."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from energygate.pytest_plugin.markers import BUDGET_KEYS, ENERGY_KEYS, SETTINGS
from energygate.pytest_plugin.plugin_options import TEXTS

pytest_plugins = ["pytester"]

TEXT = Path(__file__).parent.parent.parent.joinpath("docs", "pytest.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture
def project(pytester, suite):
    """Has a module per example, a policy, and a commit that `main` and `origin/main` name."""
    pytester.mkdir("tests")
    for number, block in enumerate(blocks("python")):
        pytester.path.joinpath("tests", f"test_energy{number or ''}.py").write_text(block, "utf-8")
    (policy,) = blocks("yaml")
    pytester.path.joinpath("energygate.yml").write_text(policy, "utf-8")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        [*who, "commit", "-q", "-m", "all"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *command], cwd=pytester.path, check=True)

    def run(command, ini=""):
        return suite("", *shlex.split(command)[1:], ini=ini)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_documented_command_runs(project, command):
    found = project(command)
    found.assert_outcomes(passed=5)
    assert found.ret == 0
    is_on = "--energy" in command and "--energy-off" not in command
    assert ("energy per request" in found.stdout.str()) or not is_on
    assert ("not measured: the limits of 3 tests" in found.stdout.str()) == (not is_on)


def test_the_ini_file_alone(project):
    (ini,) = blocks("ini")
    found = project("pytest", ini=ini.removeprefix("[pytest]\n"))
    found.assert_outcomes(passed=5)
    assert "time limit 5s, PUE 1.25" in found.stdout.str()


def test_the_documented_policy_entry_names_the_test(project):
    assert re.search(r"✓  classify +energy per request .* max 0.5 mWh", project("pytest --energy").stdout.str())


def test_every_option_setting_and_keyword_is_documented():
    names = [name for name, _, _ in TEXTS]
    for option in ("energy", "energy-off", "energy-strict", *(f"energy-{name}" for name in names)):
        assert f"| `--{option}" in TEXT
        assert (
            option == "energy-base"
            or f"pytest --{option}" in COMMANDS
            or any(command.startswith(f"pytest --{option} ") for command in COMMANDS)
        )
    for name in (*names, "strict"):
        assert f"`energy_{name}`" in TEXT
    for keyword in (*ENERGY_KEYS, *SETTINGS, *BUDGET_KEYS):
        assert f"`{keyword}`" in TEXT
