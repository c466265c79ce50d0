"""What this process spent in a window, its children's part and its neighbours' included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.production.recorder.peers import OwnUsage

if TYPE_CHECKING:
    from energygate.production.recorder.children import ChildCpuTime
    from energygate.production.recorder.peers import MachineUsage, Peers
    from energygate.production.recorder.samples import SampleWindow


@dataclass(frozen=True, kw_only=True)
class CpuUsage:
    """CPU time of a window.

    Attributes:
        cpu_ns: Of this process and of all that it has started.
        company: All recorders of the machine.
    """

    cpu_ns: int
    company: MachineUsage


class CpuTimeTracker:
    """Adds up what a process spends, window by window.

    Args:
        children: Counts what it has started.
        neighbours: The machine's other recorders.
    """

    def __init__(self, children: ChildCpuTime, neighbours: Peers) -> None:
        self._children = children
        self._neighbours = neighbours
        self._look = OwnUsage(cpu_ns=0, in_flight_ns=0, begun=0)
        self._recording: frozenset[int] = frozenset()

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._children.moved_ns(frozenset())
        self._recording = self._neighbours.meet(self._look).pids

    def spent(self, window: SampleWindow) -> CpuUsage:
        """What was spent in a window."""
        cpu_ns = window.cpu_ns + self._children.moved_ns(self._recording)
        last = self._look
        self._look = OwnUsage(
            cpu_ns=last.cpu_ns + cpu_ns,
            in_flight_ns=last.in_flight_ns + window.in_flight_ns,
            begun=last.begun + window.begun,
        )
        company = self._neighbours.meet(self._look)
        self._recording = company.pids
        return CpuUsage(cpu_ns=cpu_ns, company=company)

    def close(self) -> None:
        """Tell the others that this process is gone."""
        self._neighbours.leave()
