"""A worker and its descendants, controlled by signals where there is no control group."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.workloads.energygate_worker.resource_usage import descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LINUX = sys.platform.startswith("linux")

STOP_SECONDS = 1.0
"""Time limit for a process to stop; measured: 0.2 to 1 ms. One that takes longer hangs in the kernel."""

KILL_SECONDS = 5.0
"""Time limit for all processes to end once killed."""

POLL_SECONDS = 0.00005

MARK = "ENERGYGATE_WORKER"
"""Variable that identifies processes with a worker's environment once the worker itself is dead."""


class ProcessTree:
    """A worker, its process group, and on Linux all its descendants, including those that left the group.

    On Linux the worker is a subreaper (`energygate_worker/resource_usage.py`): while it lives, a descendant stays a
    descendant. Elsewhere only the process group is controlled, and nothing on Windows.

    Args:
        pid: The worker, which leads a process group.
        mark: The value of `MARK` in the worker's environment.
    """

    def __init__(self, pid: int, mark: str) -> None:
        self._pid = pid
        self._mark = os.fsencode(f"{MARK}={mark}")
        self._stopped: set[int] = set()
        self._known: dict[int, str] = {}

    def remember(self) -> None:
        """Record the current members: orphans of a worker that has ended are no longer its descendants."""
        self._known = {pid: _status(pid)[1] for pid in self._descendants()}

    def freeze(self) -> None:
        """Stop all processes, repeating until no new ones appear, and wait until they have stopped."""
        self._stop(self._descendants)

    def thaw(self) -> None:
        """Let all processes run again."""
        self._signal_group("SIGCONT")
        for pid in self._stopped:
            _signal(pid, "SIGCONT")
        self._stopped.clear()

    def pin(self, cpus: tuple[int, ...]) -> None:
        """Move all threads of all processes to these CPUs; only where affinity can be set."""
        for pid in self._descendants():
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names
                    with contextlib.suppress(OSError):  # it has just ended
                        os.sched_setaffinity(int(thread), cpus)

    def kill(self) -> None:
        """Kill all processes, and wait until they are gone."""
        self._stop(self._descendants)  # otherwise they could start others meanwhile
        self._stop(self._orphans)
        self._signal_group("SIGKILL")
        for pid in self._stopped:
            _signal(pid, "SIGKILL")
        _wait(self._stopped, lambda state: state in "ZX", KILL_SECONDS)
        self._stopped.clear()

    def _stop(self, find: Callable[[], list[int]]) -> None:
        self._signal_group("SIGSTOP")
        deadline = time.monotonic() + KILL_SECONDS
        while (new := set(find()) - self._stopped) and time.monotonic() < deadline:
            for pid in new:
                _signal(pid, "SIGSTOP")
            # A process that has not stopped yet may be starting another.
            _wait(new, lambda state: state not in "RS", STOP_SECONDS)
            self._stopped |= new

    def _descendants(self) -> list[int]:
        """Return the worker and its descendants."""
        return _with_descendants([self._pid] if LINUX else [])

    def _orphans(self) -> list[int]:
        """Return remembered members, members of the group, processes with the mark, and all their descendants."""
        known = [pid for pid, started in self._known.items() if _status(pid)[1] == started]
        processes = [int(name) for name in os.listdir("/proc") if name.isdigit()] if LINUX else []  # noqa: PTH208
        return _with_descendants([*known, *filter(self._is_member, processes)])

    def _is_member(self, pid: int) -> bool:
        with contextlib.suppress(OSError):  # another user's, or gone
            return os.getpgid(pid) == self._pid or self._mark in _environment(pid)
        return False

    def _signal_group(self, name: str) -> None:
        if sys.platform == "win32":
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, getattr(signal, name))


def _with_descendants(roots: list[int]) -> list[int]:
    """Return these processes and all their descendants."""
    return list(dict.fromkeys(pid for root in roots for pid in (root, *descendants(root))))


def _signal(pid: int, name: str) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, getattr(signal, name))


def _wait(pids: Iterable[int], is_expected: Callable[[str], bool], seconds: float) -> None:
    """Wait until all have an expected state; the letters are those of proc(5)."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        while not is_expected(_status(pid)[0]) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _environment(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def _status(pid: int) -> tuple[str, str]:
    """Return a process's state (`X` when it is gone) and start time: process ids are reused."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "X", ""
