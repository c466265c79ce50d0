"""Run a command to its end, and take its whole process group along when that end comes early."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 2.0
"""Between asking a process group to stop and killing it: git removes its lock files in that time."""


@dataclass(frozen=True, kw_only=True)
class CompletedCommand:
    """A command that has ended.

    Attributes:
        returncode: Its exit status; negative for the signal that ended it.
        stdout: All it wrote there.
        stderr: The same.
    """

    returncode: int
    stdout: bytes
    stderr: bytes


class CommandRunner(Protocol):
    """Runs a command and waits for it: the repository room's one way to start git."""

    def __call__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        stdin: bytes,
        timeout_s: float | None,
    ) -> CompletedCommand:
        """Return what became of it, whatever its exit status.

        Raises:
            subprocess.TimeoutExpired: When it took longer than `timeout_s` and was stopped.
            FileNotFoundError: When there is no such command.
        """
        ...


def run_command(
    arguments: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    stdin: bytes,
    timeout_s: float | None,
) -> CompletedCommand:
    """Run a command in a session of its own, so that nothing of it outlives an error, Ctrl-C or SIGTERM.

    A session of its own also has no terminal: ssh cannot ask for a passphrase there and wait for ever.
    """
    with (
        # A file, not a pipe: a background ssh connection keeps stderr open long after git is done.
        tempfile.TemporaryFile() as stderr,
        subprocess.Popen(
            arguments,
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process,
        stop_on_error(process),
    ):
        stdout, _ = process.communicate(stdin, timeout=timeout_s)
        stderr.seek(0)
        return CompletedCommand(returncode=process.returncode, stdout=stdout, stderr=stderr.read())


@contextlib.contextmanager
def stop_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process and its whole group when the block is left by an exception, of whatever kind."""
    try:
        yield
    except BaseException:
        stop_group(process)
        raise


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and all it started: first asked, then killed."""
    try:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    finally:
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    # macOS answers EPERM for a group of which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.terminate()
