"""A lock for one measurement at a time: two would disturb each other, and counters would count both."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.workloads.worker_environment import MEASURING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_S = 3600.0
"""Longer than any other check should take; after that, something hangs."""


@contextlib.contextmanager
def machine_lock(on_wait: Callable[[], None], *, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of this user's energygate processes on this machine.

    Processes with a different directory for temporary files (`TMPDIR`, a container) do not share it. The kernel
    releases it when the process ends; its file may remain.

    Args:
        on_wait: Called once if there is another process to wait for.
        timeout_s: How long to wait.

    Raises:
        MeasurementError: When another process still holds it after `timeout_s`.
    """
    if MEASURING.items() <= os.environ.items():  # inside a workload that is being measured
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(_path())
    try:
        lock.acquire(timeout=0)
    except OSError as error:  # Timeout is one of them
        if not isinstance(error, Timeout):
            raise MeasurementError(
                f"cannot use the lock file {_path()}: {error.strerror}",
                hint="Remove it, or set TMPDIR to a directory of your own",
            ) from None
        on_wait()
        try:
            lock.acquire(timeout=timeout_s)
        except Timeout:
            raise MeasurementError(
                f"another energygate has been measuring on this machine for {timeout_s:.0f} s",
                hint="End it, or measure on another machine",
            ) from None
    try:
        yield
    finally:
        lock.release()


def _path() -> Path:
    """Return the lock file: one per user, since users can rarely share one in a temporary directory."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")  # a uid may have no name
    return Path(tempfile.gettempdir()) / f"energygate-{user}.lock"
