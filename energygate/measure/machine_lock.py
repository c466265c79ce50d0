"""One measurement at a time on a machine: two would disturb, and with counters count, each other."""

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

PATIENCE_S = 3600.0
"""Longer than any other check should take: then something hangs, and somebody has to look."""


@contextlib.contextmanager
def turn(on_wait: Callable[[], None], *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Wait until no other energygate of this user measures on this machine, and keep others waiting meanwhile.

    Those with another directory for temporary files (`TMPDIR`, a container) do not see each other.

    The turn ends with the process at the latest: the lock is the kernel's, the file that carries it may stay.

    Args:
        on_wait: Called once when there is something to wait for.
        patience_s: How long to wait.

    Raises:
        MeasurementError: When the other one is still measuring after that time.
    """
    if MEASURING.items() <= os.environ.items():  # inside of what another one measures
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(_path())
    try:
        lock.acquire(timeout=0)
    except OSError as error:  # Timeout is one of them
        if not isinstance(error, Timeout):
            raise MeasurementError(
                f"checks on this machine take turns by the file {_path()}, which cannot be used: {error.strerror}",
                hint="Remove it, or set TMPDIR to a directory of your own",
            ) from None
        on_wait()
        try:
            lock.acquire(timeout=patience_s)
        except Timeout:
            raise MeasurementError(
                f"another energygate has been measuring on this machine for {patience_s:.0f} s",
                hint="End it, or measure on a machine of its own",
            ) from None
    try:
        yield
    finally:
        lock.release()


def _path() -> Path:
    """The lock's file: one per user, since directories for temporary files rarely let users share one."""
    user = (
        os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    )  # a uid may have no name
    return Path(tempfile.gettempdir()) / f"energygate-{user}.lock"
