"""A control group (cgroup v2) of a worker's own, where one may be made: nothing leaves it, whatever it does."""

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
"""How long all may take to stand still; measured, 0.1 to 1 ms. What still does not then hangs in the kernel, where
it uses no CPU."""

KILL_SECONDS = 5.0
"""How long all may take to end once they were killed; measured, 1 to 10 ms."""

PAUSE_SECONDS = 0.00002
"""Between two looks at a group: the kernel's own notices come 10 ms apart at the least (kernel/cgroup/cgroup.c)."""


class Cgroup:
    """A group of processes: what a member starts is a member, and none can leave without rights over other groups.

    Needs Linux 5.2 or later, for the freezer. No controller is needed, so that an ordinary user can have one where a
    session or a service delegates its group.

    Args:
        path: Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls) -> Cgroup | None:
        """Make one inside this process's own group; `None` where the system or its rights do not allow it."""
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
        """Whether anything lives in it."""
        return self._has_come_to("populated 1")

    def freeze(self) -> None:
        """Stop all of it, and wait until it stands still."""
        self._write("cgroup.freeze", "1")
        self._wait(lambda: self._has_come_to("frozen 1"), FREEZE_SECONDS)

    def thaw(self) -> None:
        """Let it run again."""
        self._write("cgroup.freeze", "0")

    def kill(self) -> None:
        """Kill all of it, frozen or not, and wait until it is gone."""
        if not self._write("cgroup.kill", "1"):  # before Linux 5.14
            self.freeze()  # or they could start others meanwhile
            for directory, _, _ in os.walk(self.path):
                for pid in _processes(Path(directory)):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
        self._wait(lambda: not self.is_populated, KILL_SECONDS)

    def remove(self) -> None:
        """Remove it, with groups that were made inside it. Nothing may live in it any more."""
        for directory, _, _ in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()

    def _has_come_to(self, state: str) -> bool:
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
    def _wait(has_come: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not has_come() and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)


def own_directories(mounts: str, membership: str) -> list[Path]:
    """List the directories under which this process's group of cgroup v2 is found; usually one, or none.

    Args:
        mounts: What `/proc/self/mountinfo` says; the fields are explained in proc(5).
        membership: What `/proc/self/cgroup` says. The line of cgroup v2 begins with `0::`.
    """
    own = next((line[3:] for line in membership.splitlines() if line.startswith("0::/")), None)
    if own is None or ".." in PurePosixPath(own).parts:  # it lies outside this namespace
        return []
    found = []
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ")[0] != "cgroup2":
            continue
        root, mount_point = (_unescaped(field) for field in fields.split(" ")[3:5])
        with contextlib.suppress(ValueError):  # another part of the tree is mounted there
            found.append(Path(mount_point) / PurePosixPath(own).relative_to(root))
    return found


def _unescaped(field: str) -> str:
    """A path as mountinfo writes it: blanks and the like are three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _processes(directory: Path) -> list[int]:
    try:
        return [int(pid) for pid in (directory / "cgroup.procs").read_text("ascii").split()]
    except OSError:
        return []
