"""A worker's own control group (cgroup v2), where one can be created: no process can leave it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FREEZE_SECONDS = 1.0
"""Time limit for freezing; measured: 0.1 to 1 ms. What still runs then hangs in the kernel, without CPU use."""

KILL_SECONDS = 5.0
"""Time limit for all processes to end once killed; measured: 1 to 10 ms."""

POLL_SECONDS = 0.00002
"""Between two reads of a group's state: the kernel notifies at most every 10 ms (kernel/cgroup/cgroup.c)."""


class Cgroup:
    """A group of processes that includes whatever its members start; leaving it needs rights over other groups.

    Needs Linux 5.2 or later, for the freezer. It needs no controller, so an ordinary user can create one where a
    session or a service delegates its group.

    Args:
        path: Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls) -> Cgroup | None:
        """Create a group inside this process's own; `None` where the system or its rights do not allow it."""
        try:
            mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace")
            membership = Path("/proc/self/cgroup").read_text("utf-8", "replace")
        except OSError:
            return None
        for directory in own_directories(mounts, membership):
            group = cls(directory / f"energygate-{os.getpid()}-{time.monotonic_ns()}")
            try:
                group.path.mkdir()
            except OSError:
                continue
            if all((group.path / name).exists() for name in ("cgroup.freeze", "cgroup.events", "cpu.stat")):
                return group
            group.remove()
        return None

    @property
    def is_populated(self) -> bool:
        """Whether it contains processes."""
        return self._has_event("populated 1")

    def freeze(self) -> None:
        """Freeze all its processes and wait until they are frozen."""
        self._write("cgroup.freeze", "1")
        self._wait(lambda: self._has_event("frozen 1"), FREEZE_SECONDS)

    def thaw(self) -> None:
        """Let its processes run again."""
        self._write("cgroup.freeze", "0")

    def kill(self) -> None:
        """Kill all its processes, frozen or not, and wait until they are gone."""
        if not self._write("cgroup.kill", "1"):  # before Linux 5.14
            self.freeze()  # otherwise they could start others meanwhile
            for directory, _, _ in os.walk(self.path):
                for pid in _processes(Path(directory)):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
        self._wait(lambda: not self.is_populated, KILL_SECONDS)

    def remove(self) -> None:
        """Remove it and the groups inside it; it must be empty."""
        for directory, _, _ in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()

    def _has_event(self, state: str) -> bool:
        try:
            return state in (self.path / "cgroup.events").read_text("ascii").splitlines()
        except OSError:
            return False

    def _write(self, name: str, value: str) -> bool:
        try:
            (self.path / name).write_text(value, "ascii")
        except OSError:
            return False
        return True

    @staticmethod
    def _wait(is_done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_done() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def own_directories(mounts: str, membership: str) -> list[Path]:
    """List the directories of this process's cgroup v2; usually one, or none.

    Args:
        mounts: Content of `/proc/self/mountinfo`; proc(5) explains the fields.
        membership: Content of `/proc/self/cgroup`. The line of cgroup v2 begins with `0::`.
    """
    own = next((line[3:] for line in membership.splitlines() if line.startswith("0::/")), None)
    if own is None or ".." in PurePosixPath(own).parts:  # it lies outside this namespace
        return []
    directories = []
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ")[0] != "cgroup2":
            continue
        root, mount_point = (_unescape(field) for field in fields.split(" ")[3:5])
        with contextlib.suppress(ValueError):  # another part of the tree is mounted there
            directories.append(Path(mount_point) / PurePosixPath(own).relative_to(root))
    return directories


def _unescape(field: str) -> str:
    """Decode a path of mountinfo, in which blanks and the like are three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _processes(directory: Path) -> list[int]:
    try:
        return [int(pid) for pid in (directory / "cgroup.procs").read_text("ascii").split()]
    except OSError:
        return []
