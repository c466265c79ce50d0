"""CPU time of a window: of the process and all it has started, and of the machine's other recorders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from energygate.production.recorder.peers import NO_USAGE, OwnUsage

if TYPE_CHECKING:
    from energygate.production.recorder.peers import MachineUsage, NoPeers, PeerTable
    from energygate.production.recorder.samples import SampleWindow


@dataclass(frozen=True, kw_only=True)
class CpuUsage:
    """CPU time of a window.

    Attributes:
        cpu_ns: Of this process and of all that it has started.
        machine: Usage of all recorders of the machine.
    """

    cpu_ns: int
    machine: MachineUsage


class CpuTimeTracker:
    """Determines the CPU time of a process, window by window.

    Args:
        children: CPU time of what the process has started.
        peers: The machine's other recorders.
    """

    def __init__(self, children: ChildCpuTime, peers: PeerTable | NoPeers) -> None:
        self._children = children
        self._peers = peers
        self._usage = NO_USAGE
        self._recording: frozenset[int] = frozenset()

    def begin(self) -> None:
        """Start at the current CPU times."""
        self._children.growth_ns(frozenset())
        self._recording = self._peers.exchange(self._usage).pids

    def usage(self, window: SampleWindow) -> CpuUsage:
        """Return the CPU time of a window, which ends now."""
        cpu_ns = window.cpu_ns + self._children.growth_ns(self._recording)
        last = self._usage
        self._usage = OwnUsage(
            cpu_ns=last.cpu_ns + cpu_ns,
            in_flight_ns=last.in_flight_ns + window.in_flight_ns,
            begun=last.begun + window.begun,
        )
        machine = self._peers.exchange(self._usage)
        self._recording = machine.pids
        return CpuUsage(cpu_ns=cpu_ns, machine=machine)

    def close(self) -> None:
        """Tell the peers that this process is gone."""
        self._peers.leave()


class Descendants:
    """The descendants of this process, as the system lists them."""

    def ended_ns(self) -> int:
        """Return the CPU time of all children that have ended and were waited for, and of theirs."""
        times = os.times()
        return round((times.children_user + times.children_system) * 1e9)

    def living_ns(self) -> dict[int, int]:
        """Return the CPU time of each living descendant and its ended children, by process id.

        A descendant that ends meanwhile is left out.
        """
        found: dict[int, int] = {}
        for process in psutil.Process().children(recursive=True):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            found[process.pid] = round((times.user + times.system + ended) * 1e9)
        return found


class ChildCpuTime:
    """CPU time of all descendants, as it grows.

    A child that records for itself (a forked worker of a server) is left out, with all of its own: while it lives,
    and when it has ended and its time appears among that of ended children.

    Args:
        descendants: Lists them.
    """

    def __init__(self, descendants: Descendants) -> None:
        self._descendants = descendants
        self._own: dict[int, int] = {}
        self._recording: dict[int, int] = {}
        self._ended_ns = 0
        self._begun = False

    def growth_ns(self, recording: frozenset[int]) -> int:
        """Return the CPU time since the last call.

        Args:
            recording: Processes that record for themselves.
        """
        ended_ns, living = self._descendants.ended_ns(), self._descendants.living_ns()
        own = {pid: cpu_ns for pid, cpu_ns in living.items() if pid not in recording}
        others = {pid: cpu_ns for pid, cpu_ns in living.items() if pid in recording}
        # The time of processes that are gone is now among that of ended ones.
        gone = {pid: cpu_ns for pid, cpu_ns in [*self._own.items(), *self._recording.items()] if pid not in living}
        # A process that began to record since the last call takes its past with it.
        grown_ns = sum(max(0, cpu_ns - self._own.get(pid, 0)) for pid, cpu_ns in own.items())
        growth_ns = grown_ns + ended_ns - self._ended_ns - sum(gone.values())
        self._own, self._recording, self._ended_ns = own, others, ended_ns
        begun, self._begun = self._begun, True
        return max(0, growth_ns) if begun else 0
