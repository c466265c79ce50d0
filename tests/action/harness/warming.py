"""An environment for the action as an earlier run left it in the cache, made in a moment and without a network."""

from __future__ import annotations

import subprocess
import sysconfig
from typing import TYPE_CHECKING

from harness.files import StepFiles
from harness.machine import Processes

if TYPE_CHECKING:
    from pathlib import Path

    from harness.caches import CacheStore
    from harness.machine import Machine


def warm(caches: CacheStore, machine: Machine, action: Path, *, repository: str) -> str:
    """Save what the action looks for: an environment that has the libraries of the one the tests run in.

    Returns:
        The key it is saved under.

    Raises:
        AssertionError: When the action's own first step fails.
    """
    machine.prepare(repository, self_hosted=False)
    files = StepFiles.made(machine.temp / "warming")
    environment = (
        machine.environment(self_hosted=False) | files.variables | {"GITHUB_ACTION_PATH": str(action)}
    )
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
    caches.seed(repository, prepared["key"], place)
    return prepared["key"]
