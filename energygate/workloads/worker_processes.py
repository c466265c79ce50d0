"""A worker and all the processes it has started: frozen, thawed and killed together."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess

from energygate.workloads.cgroup import Cgroup
from energygate.workloads.process_tree import MARK, ProcessTree


class WorkerProcesses:
    """Controls a worker's processes: through a control group where possible, else as a tree of processes.

    Create it before the worker starts, call `adopt` right after, and `end` in every case.
    """

    def __init__(self) -> None:
        self._mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._group = Cgroup.make()
        self._tree: ProcessTree | None = None
        self._watchdog: Watchdog | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Variables that the worker's environment needs."""
        return {MARK: self._mark}

    @property
    def group_path(self) -> str | None:
        """Path of the control group that the worker should join; `None` without one."""
        return None if self._group is None else str(self._group.path)

    def adopt(self, pid: int) -> None:
        """Control a worker that has just been started."""
        self._tree = ProcessTree(pid, self._mark)
        self._watchdog = Watchdog(pid, mark=self._mark, group=self.group_path or "")

    def freeze(self) -> None:
        """Stop all processes, so that spinning threads cannot disturb the other side."""
        if (members := self._members()) is not None:
            members.freeze()

    def thaw(self) -> None:
        """Let all processes run again."""
        if (members := self._members()) is not None:
            members.thaw()

    def pin(self, cpus: tuple[int, ...]) -> None:
        """Move all processes, which are frozen, to these CPUs."""
        if self._tree is not None:
            self._tree.pin(cpus)

    def remember(self) -> None:
        """Record the current members, before the worker is asked to end."""
        members = self._members()
        if isinstance(members, ProcessTree):
            members.remember()

    def end(self) -> None:
        """Kill all processes, wait until they are gone, and clean up; may be called again."""
        members = self._members()
        if members is not None:
            members.kill()
        self._tree = None  # its process id may be reused soon
        if self._group is not None:
            self._group.remove()
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None

    def _members(self) -> Cgroup | ProcessTree | None:
        """Return what controls the processes: the tree while the group is empty, which a worker may not have joined."""
        if self._group is not None and self._group.is_populated:
            return self._group
        return self._tree


SCRIPT = """
read -r line && exit
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
"""Reads a line from a pipe that only energygate holds open: no line means that energygate was killed. Arguments: the
worker's process group, the mark in its environment, and its control group (empty without one)."""


class Watchdog:
    """A sleeping shell that kills what a worker has left if energygate itself is killed by SIGKILL.

    The kernel kills the worker with its parent, but not its children, and frozen ones would stay forever.

    Args:
        pid: The worker, which leads a process group.
        mark: The value of `MARK` in the worker's environment.
        group: Directory of its control group; empty without one.
    """

    def __init__(self, pid: int, *, mark: str, group: str) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        if os.name != "posix":
            return
        with contextlib.suppress(OSError):  # without a shell there is no watchdog
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT, "energygate-watchdog", str(pid), f"{MARK}={mark}", group],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """End it: nothing is left to clean up."""
        if self._shell is not None:
            with contextlib.suppress(OSError):
                self._shell.communicate(b"done\n")
            self._shell.wait()
