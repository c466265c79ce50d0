"""A worker and all the processes it has started: frozen, thawed and killed together."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess

from energygate.workloads.cgroup import Cgroup
from energygate.workloads.process_tree import MARK, ProcessTree


class WorkerProcesses:
    """Holds a worker's processes together: in a control group where one can be had, else as a tree of processes.

    It is made before the worker starts, told of it right after, and ended in every case.
    """

    def __init__(self) -> None:
        self._mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._group = Cgroup.make()
        self._tree: ProcessTree | None = None
        self._guardian: Watchdog | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the worker's environment must hold."""
        return {MARK: self._mark}

    @property
    def group_path(self) -> str | None:
        """The control group that the worker is to join; `None` without one."""
        return None if self._group is None else str(self._group.path)

    def adopt(self, pid: int) -> None:
        """Take charge of a worker that has just been started."""
        self._tree = ProcessTree(pid, self._mark)
        self._guardian = Watchdog(pid, mark=self._mark, group=self.group_path or "")

    def freeze(self) -> None:
        """Stop all of it, so that spinning threads cannot disturb the other side."""
        if (held := self._held()) is not None:
            held.freeze()

    def thaw(self) -> None:
        """Let all of it run again."""
        if (held := self._held()) is not None:
            held.thaw()

    def remember(self) -> None:
        """Note who belongs to it, before the worker is asked to end."""
        held = self._held()
        if isinstance(held, ProcessTree):
            held.remember()

    def end(self) -> None:
        """Kill all of it, wait until it is gone, and leave no trace of it; may be called again."""
        held = self._held()
        if held is not None:
            held.kill()
        self._tree = None  # its number may be another's soon
        if self._group is not None:
            self._group.remove()
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None

    def _held(self) -> Cgroup | ProcessTree | None:
        """What holds it: a worker that may not join its group says so by not being there."""
        if self._group is not None and self._group.is_populated:
            return self._group
        return self._tree


SCRIPT = """
read -r farewell && exit
kill -s KILL -- "-$1"
if [ -n "$3" ]; then
    for round in 1 2 3 4 5; do
        echo 1 >"$3/cgroup.kill" || kill -KILL $(cat "$3/cgroup.procs")
        find "$3" -depth -type d -exec rmdir {} \\;
        [ -d "$3" ] || break
        sleep 1
    done
fi
for process in /proc/[0-9]*; do
    grep -qsF "$2" "$process/environ" && kill -KILL "${process#/proc/}"
done
"""
"""Reads a line from a pipe that only energygate holds: none comes when energygate was killed. Its arguments: the
worker's process group, the mark in its environment, and its control group (empty without one)."""


class Watchdog:
    """Waits beside a worker. Killed by SIGKILL, energygate could not end what the worker has started.

    The worker itself dies with its parent by the kernel's hand, but its children do not, and frozen ones would stay
    for ever.

    Args:
        pid: The worker, which leads a process group.
        mark: The value of `MARK` in the worker's environment.
        group: The directory of its control group; empty without one.
    """

    def __init__(self, pid: int, *, mark: str, group: str) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        if os.name != "posix":
            return
        with contextlib.suppress(OSError):  # without a shell there is no guardian
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT, "energygate-guardian", str(pid), f"{MARK}={mark}", group],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """Let it go: nothing is left to guard."""
        if self._shell is not None:
            with contextlib.suppress(OSError):
                self._shell.communicate(b"farewell\n")
            self._shell.wait()
