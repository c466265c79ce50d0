"""What `import energygate` gives: the command's work from Python, and nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

import energygate

FIXTURES = Path(__file__).parents[1] / "fixtures"
SPIN = "version: 1\nworkloads:\n  spin: {python: 'callables:spin_1ms', budgets: {energy_per_request: 1 Wh}}\n"


def test_importing_it_imports_nothing_of_its_own(tmp_path):
    code = "import sys, energygate; print(*(name for name in sys.modules if name.startswith('energygate.')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(FIXTURES.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["energygate.version"]


@pytest.mark.parametrize("name", energygate.__all__)
def test_every_public_name_is_there(name):
    value = getattr(energygate, name)
    assert not isinstance(value, types.ModuleType)
    assert name in dir(energygate)


def test_the_public_names_are_the_ones_that_type_checkers_see():
    import ast

    tree = ast.parse(Path(energygate.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == energygate._HOMES
    assert {*seen, "__version__"} == set(energygate.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        _ = energygate.chek


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("api")
    (directory / "callables.py").write_bytes((FIXTURES / "callables.py").read_bytes())
    (directory / "policy.yml").write_text(SPIN, encoding="utf-8")
    return directory


def test_check_does_what_the_command_does(project):
    result = energygate.check(project / "policy.yml", time_limit_s=40)  # it stops as soon as that is decided
    assert isinstance(result, energygate.Result)
    assert result.verdict is energygate.Verdict.PASS
    assert result.policy == str(project / "policy.yml")
    assert result.workloads[0].metrics["energy_per_request"].head > 0


def test_a_policy_made_in_memory_runs_in_the_directory_that_is_given(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = energygate.load_policy(project / "policy.yml")
    broken = energygate.check(policy, time_limit_s=2)  # the current directory lacks the callables
    assert broken.verdict is energygate.Verdict.ERROR
    assert "callables" in broken.workloads[0].error.message
    assert energygate.check(policy, directory=project, time_limit_s=10).workloads[0].error is None


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_an_invalid_time_limit_is_refused(project, seconds):
    with pytest.raises(energygate.UsageError, match="positive number of seconds"):
        energygate.check(project / "policy.yml", time_limit_s=seconds)


def test_mistakes_are_energygates_own_errors(project):
    with pytest.raises(energygate.UsageError, match="Did you mean 'spin'") as unknown:
        energygate.check(project / "policy.yml", workloads=["spinn"])
    with pytest.raises(energygate.PolicyError, match="no such policy") as missing:
        energygate.check(project / "gone.yml")
    assert isinstance(unknown.value, energygate.EnergygateError)
    assert isinstance(missing.value, energygate.EnergygateError)


def test_a_base_is_compared_with_as_on_the_command_line(project, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "callables.py").write_bytes((FIXTURES / "callables.py").read_bytes())
    (base / "policy.yml").write_text(SPIN, encoding="utf-8")
    result = energygate.check(project / "policy.yml", base_dir=base)
    assert result.base is not None
    assert [workload.state for workload in result.workloads] == ["unchanged"]


def test_two_kinds_of_base_exclude_each_other(project):
    with pytest.raises(energygate.UsageError, match=r"^base and base_dir exclude each other$"):
        energygate.check(project / "policy.yml", base="main", base_dir=".")
