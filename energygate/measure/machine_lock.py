"""A lock for one measurement at a time: two would disturb each other, and counters would count both."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.text import printable
from energygate.workloads.worker_environment import MEASURING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_S = 3600.0
"""Longer than any other check should take; after that, something hangs."""


@contextlib.contextmanager
def machine_lock(on_wait: Callable[[str], None], *, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of this user's energygate processes on this machine.

    Processes with a different directory for temporary files (`TMPDIR`, a container) do not share it. The kernel
    releases it when the process ends; its file may remain.

    Args:
        on_wait: Called once if there is another process to wait for, with a phrase that names it.
        timeout_s: How long to wait.

    Raises:
        MeasurementError: When another process still holds it after `timeout_s`.
    """
    if MEASURING.items() <= os.environ.items():  # inside a workload that is being measured
        yield
        return
    from filelock import FileLock, Timeout

    # Not the lock's own file, which every process that tries the lock truncates.
    lock, holder = FileLock(_path()), _path(".holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait(f"waiting for another check on this machine to end{_holder()}")
        try:
            lock.acquire(timeout=timeout_s)
        except Timeout:
            raise MeasurementError(
                f"another energygate has been measuring on this machine for {timeout_s:.0f} s{_holder()}",
                hint="End it, or measure on another machine",
            ) from None
    except OSError as error:
        raise MeasurementError(
            f"cannot use the lock file {_path()}: {error.strerror}",
            hint="Remove it, or set TMPDIR to a directory of your own",
        ) from None
    try:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
            holder.touch(0o600, exist_ok=False)  # a new file: never what another user's link points to
            holder.write_text(f"{os.getpid()} {Path.cwd()}", encoding="utf-8", errors="backslashreplace")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _holder() -> str:
    """Return a phrase that names the process that holds the lock, such as `: process 71 in /srv`; may be empty."""
    try:
        text = _path(".holder").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    process, _, directory = text.partition(" ")
    return f": process {process} in {printable(directory, max_length=200)}" if process.isdecimal() else ""


def _path(suffix: str = ".lock") -> Path:
    """Return the lock file, one per user, since users can rarely share one in a temporary directory; or its sibling."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")  # a uid may have no name
    return Path(tempfile.gettempdir()) / f"energygate-{user}{suffix}"
