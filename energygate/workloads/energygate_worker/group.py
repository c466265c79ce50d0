"""The worker's own control group (cgroup v2): CPU time of everything that ever ran in it."""

from __future__ import annotations

import os
import time

TRIES = 5
"""How often two clocks are read again that were not read at the same moment."""

CLOSE_NS = 30_000
"""Readings of CPU time this near to each other were not interrupted; undisturbed they take 3 to 5 µs."""

NOISE_NS = 50_000
"""What two readings may be apart by chance. Nobody lives on so little: starting and ending alone costs more."""


class Group:
    """A control group that this process has joined, so that all it starts is in it for good.

    Whatever a process does, it stays in its group: leaving the session, the parent or this world loses nothing.

    Args:
        path: The group's directory, made by the parent.

    Raises:
        OSError: When this process may not join it.
    """

    def __init__(self, path: str) -> None:
        start_ns = time.perf_counter_ns()
        self._path = path
        with open(os.path.join(path, "cgroup.procs"), "w") as members:
            members.write("0")  # this process
        self._stat = os.open(os.path.join(path, "cpu.stat"), os.O_RDONLY | os.O_CLOEXEC)
        self._beginning_ns = self._apart_ns()
        self.joining_ns = time.perf_counter_ns() - start_ns
        """How long that took: the kernel waits for a moment in which nobody forks, some 10 ms."""

    def others_cpu_ns(self) -> int:
        """CPU time in ns of all in the group but this process, those that have ended included."""
        others_ns = self._apart_ns() - self._beginning_ns
        return others_ns if others_ns > NOISE_NS else 0

    def _apart_ns(self) -> int:
        """By how much the group's clock is ahead of this process's.

        The group's clock alone would not do: it has whole µs, and a running thread's time is booked in it only when
        that thread is interrupted or asks for its own clock, which makes it 4 ms late (measured: windows of 5 ms
        scatter by 1.7 ms). So this process's clock is read first, which books, and what it says is taken off.
        """
        closest_ns, apart_ns = -1, 0
        for _ in range(TRIES):
            own_ns = time.process_time_ns()
            all_ns = self._usage_ns()
            gap_ns = time.process_time_ns() - own_ns
            if closest_ns < 0 or gap_ns < closest_ns:
                closest_ns, apart_ns = gap_ns, all_ns - own_ns
            if gap_ns < CLOSE_NS:
                break
        return apart_ns

    def _usage_ns(self) -> int:
        for line in os.pread(self._stat, 4096, 0).splitlines():
            name, _, value = line.partition(b" ")
            if name == b"usage_usec":
                return int(value) * 1000
        raise OSError("%s/cpu.stat has no usage_usec" % self._path)

    def members(self) -> list[int]:
        """Process ids of all that live in it."""
        try:
            with open(os.path.join(self._path, "cgroup.procs")) as members:
                return [int(pid) for pid in members.read().split()]
        except OSError:
            return []
