"""Which tests of a side are about energy: its own pytest collects them, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.repository.processes import run_command
from energygate.workloads.serving import LOAD_SECONDS
from energygate.workloads.worker_environment import worker_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.repository.processes import CommandRunner
    from energygate.workloads.serving import Side

START = """
import os, sys
sys.path[0] = sys.argv.pop(1)
from energygate_worker.pytest_collection import main
sys.path[0] = os.getcwd()
main(sys.argv.pop(1))
"""
"""Begins as a worker does (`energygate_worker/__main__.py`): its own modules first, then the checkout's."""

LAST_LINES = 20
"""Of what pytest wrote, where it failed."""


@dataclass(frozen=True, kw_only=True)
class EnergyTests:
    """The tests of a side.

    Attributes:
        tests: Node ids of those about energy, relative to the side's directory. One that asks for the fixture only
            while it runs is not among them.
        failed: Node ids of files that could not be collected, whose tests are not known.
    """

    tests: tuple[str, ...]
    failed: tuple[str, ...]


def collect_energy_tests(
    side: Side,
    targets: Sequence[str],
    options: Sequence[str],
    *,
    other: Path,
    run: CommandRunner = run_command,
) -> EnergyTests:
    """Let a side's pytest collect, and list what is about energy. Nothing is run but what collecting imports.

    Args:
        side: Where.
        targets: Files, directories and node ids, relative to its directory; none for all that its project says.
        options: Of pytest, each in one piece.
        other: The other side's checkout, whose configuration is not this side's.
        run: Runs a command.

    Raises:
        MeasurementError: When it cannot be started, takes too long, or does not come to collecting.
    """
    with tempfile.TemporaryDirectory(prefix="energygate-") as name:
        result = Path(name) / "tests.json"
        spec = {
            "targets": [*targets],
            "options": [*options],
            "seed": 0,
            "scratch": name,
            "other": str(other),
            "result": str(result),
        }
        command = [side.python, "-c", START, str(Path(__file__).parent), json.dumps(spec)]
        try:
            done = run(
                command,
                directory=side.directory,
                environment=worker_environment(os.environ, threads=1),
                stdin=b"",
                timeout_s=LOAD_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"its pytest took longer than {LOAD_SECONDS:.0f} s to collect") from None
        except OSError as error:
            raise MeasurementError(f"{side.python} cannot be started: {error.strerror}") from None
        words = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()[-LAST_LINES:]
        try:
            found = json.loads(result.read_text("utf-8"))
        except (OSError, ValueError):
            found = {"trouble": f"its pytest ended with exit code {done.returncode}"}
    if "trouble" in found:
        raise MeasurementError(found["trouble"], detail="\n".join(words) or None)
    return EnergyTests(tests=tuple(found["tests"]), failed=tuple(found["failed"]))
