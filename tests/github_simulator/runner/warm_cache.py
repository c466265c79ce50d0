"""A warm cache: energygate's environment as an earlier run would have left it, made without a network."""

from __future__ import annotations

import subprocess
import sysconfig
from typing import TYPE_CHECKING

from github_simulator.runner.machine import Processes
from github_simulator.runner.step_files import StepFiles

if TYPE_CHECKING:
    from pathlib import Path

    from github_simulator.runner.caches import CacheStore
    from github_simulator.runner.machine import Machine


FEWER_LAUNCHES = """
import importlib.machinery
import os
import sys


def limit_launches(campaign):
    campaign.MAX_LAUNCHES = {launches}
    resume = campaign.Campaign.resume
    campaign.Campaign.resume = lambda self, seconds, **how: resume(self, 20 * seconds, **how)


def begin_on_any_cpu(launchers):
    in_order = launchers.cpu_sets

    def rotated(cpus, threads):
        sets = in_order(cpus, threads)
        first = os.getpid() % len(sets)
        return sets[first:] + sets[:first]

    launchers.cpu_sets = rotated


CHANGES = {{"energygate.measure.campaign": limit_launches, "energygate.measure.launchers": begin_on_any_cpu}}


class Changed:
    def find_spec(self, name, path, target=None):
        change = CHANGES.pop(name, None)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            change(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Changed())
"""
"""Launches end by a count, or once they decide, and stay short: in a long time limit they are long, and still too few
where the machine is busy. Checks side by side begin on any CPU, where all would begin on the first."""


def warm(caches: CacheStore, machine: Machine, action: Path, *, repository: str, launches: int | None = None) -> str:
    """Save what the action looks for: an environment that has the libraries of the one the tests run in.

    Args:
        caches: Where to save it.
        machine: The machine it is made on.
        action: The action's checkout.
        repository: Whose cache it is.
        launches: How often energygate launches a workload in it at most, in twenty times the
            policy's time; `None` for energygate as it is.

    Returns:
        The key it is saved under.

    Raises:
        AssertionError: When the action's own first step fails.
    """
    machine.prepare(repository, self_hosted=False)
    files = StepFiles.made(machine.temp / "warming")
    environment = machine.environment(self_hosted=False) | files.variables | {"GITHUB_ACTION_PATH": str(action)}
    code, said = Processes(log_folder=machine.logs).run(  # noqa: S604 - the name of a shell, not a flag
        'bash "$GITHUB_ACTION_PATH/action/prepare.sh"',
        shell="bash",
        folder=machine.temp,
        environment=environment,
        file=machine.temp / "warming-script",
    )
    if code:
        raise AssertionError(said)
    prepared = files.pairs("GITHUB_OUTPUT")
    place = machine.temp / prepared["environment"]
    subprocess.run([prepared["python"], "-I", "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n", "utf-8")
    if launches is not None:
        (site / "fewer_launches.py").write_text(FEWER_LAUNCHES.format(launches=launches), "utf-8")
        (site / "launches.pth").write_text("import fewer_launches\n", "utf-8")
    caches.seed(repository, prepared["key"], place)
    return prepared["key"]
