"""Run a command and wait for it; when the wait ends early, stop its whole process group."""

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
"""Between SIGTERM and SIGKILL: time for git to remove its lock files."""


@dataclass(frozen=True, kw_only=True)
class CompletedCommand:
    """The result of a command that has ended.

    Attributes:
        returncode: Its exit status; negative for the signal that ended it.
        stdout: Everything it wrote to stdout.
        stderr: Everything it wrote to stderr.
    """

    returncode: int
    stdout: bytes
    stderr: bytes


class CommandRunner(Protocol):
    """Runs a command and waits for it: the only way in which git is started."""

    def __call__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        stdin: bytes,
        timeout_s: float | None,
    ) -> CompletedCommand:
        """Return the result, whatever its exit status.

        Raises:
            subprocess.TimeoutExpired: When it exceeded `timeout_s` and was stopped.
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
    """Run a command in its own session, so that no process of it survives an error, Ctrl-C or SIGTERM.

    A session of its own has no terminal either, so ssh cannot hang while it asks for a passphrase.
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
    """Stop a process and its whole group when the block raises."""
    try:
        yield
    except BaseException:
        stop_group(process)
        raise


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a session leader and everything it started: SIGTERM first, then SIGKILL."""
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
