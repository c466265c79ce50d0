"""Find the energy tests of a side: its own pytest collects them, in a separate process."""

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
from energygate.workloads.serving import MIN_LOAD_SECONDS
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
"""Starts as a worker does (`energygate_worker/__main__.py`): its own modules first, then the checkout's."""

MAX_OUTPUT_LINES = 20
"""Lines of pytest's output that an error quotes."""


@dataclass(frozen=True, kw_only=True)
class EnergyTests:
    """The energy tests of a side.

    Attributes:
        tests: Node ids relative to the side's directory. Tests that request the fixture only at run time are missing.
        failed: Node ids of files that could not be collected, so that their tests are unknown.
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
    """Let a side's pytest collect, and list the energy tests; no test is run.

    Args:
        side: The side.
        targets: Files, directories and node ids, relative to its directory; empty for the project's default.
        options: Options of pytest, one string each.
        other: The other side's checkout, whose configuration must not be used.
        run: Runs a command.

    Raises:
        MeasurementError: When pytest cannot be started, takes too long, or does not finish collecting.
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
                timeout_s=MIN_LOAD_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"its pytest needed more than {MIN_LOAD_SECONDS:.0f} s to collect") from None
        except OSError as error:
            raise MeasurementError(f"{side.python} cannot be started: {error.strerror}") from None
        output = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()[-MAX_OUTPUT_LINES:]
        try:
            reply = json.loads(result.read_text("utf-8"))
        except (OSError, ValueError):
            reply = {"error": f"its pytest ended with exit code {done.returncode}"}
    if "error" in reply:
        raise MeasurementError(reply["error"], detail="\n".join(output) or None)
    return EnergyTests(tests=tuple(reply["tests"]), failed=tuple(reply["failed"]))
