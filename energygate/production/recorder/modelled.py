"""Joules of CPU time, by the power model: for machines without a counter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.production.recorder.samples import SampleEnergy

if TYPE_CHECKING:
    from energygate.production.recorder.cpu_time import CpuUsage
    from energygate.production.recorder.samples import SampleWindow


class ModelledCpu:
    """CPU time times watts.

    Requests bear the CPU time of the service and of all it has started, at the watts of full load, as a check counts
    it: with what reading requests takes, and with threads that spin in between. Idle energy is the watts at rest of
    the CPUs that nobody used, of which every recorder on the machine counts its share, and CPU time of windows
    without a request.

    Args:
        full_watts: Power of one vCPU at full load.
        idle_watts: Power at rest of all vCPUs of the machine together.
        cpus: How many vCPUs the service may use; a quota can make it a fraction.
    """

    def __init__(self, *, full_watts: float, idle_watts: float, cpus: float) -> None:
        self._full_watts = full_watts
        self.idle_watts = idle_watts
        self._cpus = cpus

    def begin(self) -> None:
        """There is nothing to look at."""

    def energy(self, window: SampleWindow, spending: CpuUsage) -> SampleEnergy:
        """The joules of a window."""
        joules = self._full_watts * spending.cpu_ns * 1e-9
        requests_joules = joules if window.serves else 0.0
        unused_ns = max(0.0, self._cpus * window.wall_ns - spending.company.cpu_ns)
        resting_joules = self.idle_watts * (unused_ns / self._cpus) * 1e-9 * spending.company.share
        return SampleEnergy(
            requests_joules=requests_joules,
            idle_joules=joules - requests_joules + resting_joules,
        )
