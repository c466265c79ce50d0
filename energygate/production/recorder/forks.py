"""Safe forks while threads run.

A forked process has a single thread. What the others were doing stays undone: modules that one was importing are
incomplete, and its locks stay locked for ever. So forks wait until such operations are over.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAX_FORK_DELAY_SECONDS = 5.0
"""A fork waits no longer."""

LOCK_TIMEOUT_SECONDS = 2.0
POLL_SECONDS = 0.005


class _Forks:
    """The lock that forks wait for; a new one in every process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mine = threading.local()
        self.callbacks: list[Callable[[], None]] = []

    def before(self) -> None:
        self.mine.has_it = self.lock.acquire(timeout=MAX_FORK_DELAY_SECONDS)

    def after_in_parent(self) -> None:
        if self.mine.has_it:
            self.lock.release()

    def after_in_child(self) -> None:
        self.lock = threading.RLock()
        for callback in self.callbacks:
            callback()


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before,
        after_in_parent=_FORKS.after_in_parent,
        after_in_child=_FORKS.after_in_child,
    )


def after_fork_in_child(callback: Callable[[], None]) -> None:
    """Call a function in every forked process, before anything else runs there; it must not raise."""
    _FORKS.callbacks.append(callback)


@contextlib.contextmanager
def forks_blocked() -> Iterator[None]:
    """Make forks wait. For short operations: imports, file locks, opening the meter."""
    with _FORKS.lock:
        yield


@contextlib.contextmanager
def locked(file: Path, *, timeout_s: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold a lock on a file, against other processes and against other threads of this one.

    Args:
        file: The file; created if need be.
        timeout_s: How long to wait for the lock.

    Raises:
        OSError: When the wait times out.
    """
    with forks_blocked(), file.open("ab") as handle:
        deadline_s = time.monotonic() + timeout_s
        while not _lock(handle):
            if time.monotonic() >= deadline_s:
                raise OSError(f"{file} stays locked")
            time.sleep(POLL_SECONDS)
        yield  # closing the file unlocks it


def _lock(handle: IO[bytes]) -> bool:
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
