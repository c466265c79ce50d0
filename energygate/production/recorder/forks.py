"""Forks, and what they must not fall into.

A forked process has one thread, and of the others only what they left behind: modules that one of them was just
importing are half there, and their locks and files stay locked for ever. So forks wait for such moments to pass.
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

PATIENCE_SECONDS = 5.0
"""A fork waits no longer than that."""

LOCK_SECONDS = 2.0
PAUSE_SECONDS = 0.005


class _Forks:
    """The lock that forks wait for; a new one in every process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mine = threading.local()
        self.children: list[Callable[[], None]] = []

    def before(self) -> None:
        self.mine.has_it = self.lock.acquire(timeout=PATIENCE_SECONDS)

    def after_in_parent(self) -> None:
        if self.mine.has_it:
            self.lock.release()

    def after_in_child(self) -> None:
        self.lock = threading.RLock()
        for begin_anew in self.children:
            begin_anew()


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before,
        after_in_parent=_FORKS.after_in_parent,
        after_in_child=_FORKS.after_in_child,
    )


def in_every_child(begin_anew: Callable[[], None]) -> None:
    """Call this in every forked process, before anything else runs there; it must not raise."""
    _FORKS.children.append(begin_anew)


@contextlib.contextmanager
def unforked() -> Iterator[None]:
    """Let forks wait meanwhile. For imports, for locks of files, and for opening the meter: for what is over soon."""
    with _FORKS.lock:
        yield


@contextlib.contextmanager
def locked(file: Path, *, patience_s: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold a lock on a file, against other processes and against other threads of this one.

    Args:
        file: The file; made if need be.
        patience_s: How long to wait for it.

    Raises:
        OSError: When it cannot be had in that time.
    """
    with unforked(), file.open("ab") as handle:
        deadline_s = time.monotonic() + patience_s
        while not _lock(handle):
            if time.monotonic() >= deadline_s:
                raise OSError(f"{file} is locked for long")
            time.sleep(PAUSE_SECONDS)
        yield  # closing it unlocks it


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
