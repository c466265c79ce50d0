"""A guardian: a sleeping shell that ends what a worker has left when energygate itself was killed."""

from __future__ import annotations

import contextlib
import os
import subprocess

from energygate.workloads.process_tree import MARK

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


class Guardian:
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
