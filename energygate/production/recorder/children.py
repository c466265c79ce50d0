"""CPU time of what a service starts: its children and theirs, except those that record for themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping


class Family(Protocol):
    """Looks at a process's descendants."""

    def ended_ns(self) -> int:
        """CPU time of all children that have ended and were waited for, with theirs."""

    def living_ns(self) -> Mapping[int, int]:
        """CPU time of each descendant that lives, by process id, with that of its own ended children."""


class ChildCpuTime:
    """CPU time of all descendants, as it grows.

    A child that records for itself (a forked worker of a server) is left out, with all of its own: while it lives,
    and when it has ended and its time turns up among that of ended children.

    Args:
        family: Looks at the descendants.
    """

    def __init__(self, family: Family) -> None:
        self._family = family
        self._own: dict[int, int] = {}
        self._recording: dict[int, int] = {}
        self._ended_ns = 0
        self._begun = False

    def moved_ns(self, recording: frozenset[int]) -> int:
        """CPU time since the last look.

        Args:
            recording: Processes that record for themselves.
        """
        ended_ns, living = self._family.ended_ns(), self._family.living_ns()
        own = {pid: spent for pid, spent in living.items() if pid not in recording}
        others = {pid: spent for pid, spent in living.items() if pid in recording}
        # What those that are gone had used is among the ended ones' now.
        gone_ns = sum(spent for pid, spent in self._own.items() if pid not in living)
        gone_others_ns = sum(spent for pid, spent in self._recording.items() if pid not in living)
        # One that began to record since the last look takes its past with it.
        grown_ns = sum(max(0, spent - self._own.get(pid, 0)) for pid, spent in own.items())
        moved_ns = grown_ns + ended_ns - self._ended_ns - gone_ns - gone_others_ns
        self._own, self._recording, self._ended_ns = own, others, ended_ns
        begun, self._begun = self._begun, True
        return max(0, moved_ns) if begun else 0


class Descendants:
    """The descendants of this process, by the system's own lists."""

    def ended_ns(self) -> int:
        """Those that were waited for."""
        times = os.times()
        return round((times.children_user + times.children_system) * 1e9)

    def living_ns(self) -> dict[int, int]:
        """Those that live; one that ends meanwhile is left out."""
        found: dict[int, int] = {}
        for process in psutil.Process().children(recursive=True):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            found[process.pid] = round((times.user + times.system + ended) * 1e9)
        return found
