"""Run a side's `setup:` command before anything is measured; it is silent unless it fails."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.repository.git import output_tail, without_repository
from energygate.repository.processes import stop_on_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_OUTPUT_LINES = 40
"""Lines of a failed command's output that an error quotes."""

SETUP_SECONDS = 900.0

_MAX_KEPT_BYTES = 128 * 1024
_DRAIN_SECONDS = 1.0


def run_setup(command: str, directory: Path, *, label: str, timeout_s: float = SETUP_SECONDS) -> None:
    """Run a `setup:` command in a side's directory, in a shell that stops at the first failing line.

    The command comes from the policy at base. It has no stdin, and sees neither the virtual environment that
    energygate runs in nor, in a git hook, the variables that select the hook's repository.

    Args:
        command: One or several lines.
        directory: The checkout of the side.
        label: What errors call the side, such as `base`.
        timeout_s: Time limit in seconds.

    Raises:
        MeasurementError: When it fails or exceeds the time limit. The end of its output is the detail, and
            everything it started is stopped, as on Ctrl-C.
    """
    tail = _Tail()
    try:
        status = _run(command, directory, tail, timeout_s)
    except subprocess.TimeoutExpired:
        raise MeasurementError(
            f"{label}: the setup command did not finish within {timeout_s:g} s",
            hint="Nothing was measured; make it faster, or do its work before energygate runs",
            detail=tail.text(),
        ) from None
    except OSError as error:
        raise MeasurementError(f"{label}: the setup command cannot start: {error.strerror}") from None
    if status != 0:
        ended = f"failed with exit status {status}" if status > 0 else f"was ended by signal {-status}"
        raise MeasurementError(
            f"{label}: the setup command {ended}",
            hint=f"Nothing was measured; it ran in {directory}: {_one_line(command)}",
            detail=tail.text(),
        )


class _Tail:
    """The last part of a command's output, in bounded memory."""

    def __init__(self) -> None:
        self._kept = b""

    def read(self, stream: IO[bytes]) -> None:
        with stream:
            while piece := os.read(stream.fileno(), _MAX_KEPT_BYTES):
                self._kept = (self._kept + piece)[-_MAX_KEPT_BYTES:]

    def text(self) -> str | None:
        return output_tail(self._kept, max_lines=MAX_OUTPUT_LINES)


def _run(command: str, directory: Path, tail: _Tail, timeout_s: float) -> int:
    shell: list[str] | str = ["/bin/sh", "-e", "-c", "--", command] if os.name == "posix" else command
    process = subprocess.Popen(
        shell,
        shell=os.name != "posix",
        cwd=directory,
        env=_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    # A thread, because a process that setup leaves running may keep the pipe open.
    reader = threading.Thread(target=tail.read, args=(process.stdout,), daemon=True)
    try:
        with stop_on_error(process):
            reader.start()
            return process.wait(timeout_s)
    finally:
        reader.join(_DRAIN_SECONDS)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    # With VIRTUAL_ENV set, `uv pip install` would install base's packages into the environment of energygate or head.
    return {name: value for name, value in without_repository(environment).items() if name != "VIRTUAL_ENV"}


def _one_line(command: str) -> str:
    return "; ".join(line.strip() for line in command.splitlines() if line.strip())
