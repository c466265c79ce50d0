"""A process's own joules: its part of what counters count for a whole machine or card, or CPU time by a power model."""

from __future__ import annotations

import statistics
from collections import deque
from typing import TYPE_CHECKING

from energygate.production.recorder.samples import SampleEnergy

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.production.recorder.cpu_time import CpuUsage
    from energygate.production.recorder.hardware_counters import NvidiaCounter, RaplCounter
    from energygate.production.recorder.samples import SampleWindow

MAX_IDLE_WINDOWS = 31
"""How many of the latest windows without a request determine the idle power. A quarter of them may be too quiet, and
most may be disturbed: their lower quartile counts."""


class IdlePower:
    """A counter's power while nothing is served, in watts: given, or learned from windows without requests.

    Args:
        given: The policy's value; `None` to learn it.
        guess: The value until the first such window.
    """

    def __init__(self, given: float | None, *, guess: float = 0.0) -> None:
        self._given = given
        self._guess = guess
        self._seen: deque[float] = deque(maxlen=MAX_IDLE_WINDOWS)

    @property
    def watts(self) -> float:
        """The best value so far."""
        if self._given is not None:
            return self._given
        if len(self._seen) < 2:  # noqa: PLR2004 - quartiles need two values
            return self._seen[0] if self._seen else self._guess
        return statistics.quantiles(self._seen, n=4, method="inclusive")[0]

    def learn(self, watts: float) -> None:
        """Add the power of a window without a request."""
        self._seen.append(watts)


class _Metered:
    """Counters of a part of the machine.

    Args:
        counter: Counts the energy of the whole part.
        idle: Its idle power.
    """

    def __init__(self, counter: RaplCounter | NvidiaCounter, *, idle: IdlePower) -> None:
        self._counter = counter
        self._idle = idle

    @property
    def idle_watts(self) -> float:
        """The part's idle power."""
        return self._idle.watts

    def begin(self) -> None:
        """Take the first reading."""
        self._counter.begin()

    def energy(self, window: SampleWindow, usage: CpuUsage) -> SampleEnergy:
        """Return the joules of a window, and of earlier ones whose readings failed."""
        joules, seconds = self._counter.growth()
        if not window.serves and not usage.machine.in_flight_ns and seconds > 0:  # no recorder serves
            self._idle.learn(joules / seconds)
        idle_joules = min(joules, self._idle.watts * seconds)
        work_joules = (joules - idle_joules) * self._share_of_work(window, usage)
        idle_joules *= usage.machine.share
        requests_joules = idle_joules * window.share_in_flight
        if window.serves:
            requests_joules += work_joules
        return SampleEnergy(
            requests_joules=requests_joules,
            idle_joules=max(0.0, work_joules + idle_joules - requests_joules),
        )

    def _share_of_work(self, window: SampleWindow, usage: CpuUsage) -> float:
        """Return this process's share of the energy above idle."""
        raise NotImplementedError


class MeteredCpu(_Metered):
    """Counters of processors and memory.

    The machine's energy above idle belongs to whoever used its CPUs, by CPU time: this process's part is its CPU time
    over that of all processes, as in Kepler and Scaphandre, and belongs to its requests in windows that have any. The
    machine's idle energy is shared evenly by its recorders, and belongs to requests for the time that any was in
    flight. A service alone on its machine thus gets all of the counter's joules, and its requests all of these except
    the idle energy of the time without a request.

    Args:
        counter: Of processors and memory.
        idle: Its idle power.
        busy_s: Returns the CPU time of all processes of the machine so far, in seconds.
    """

    def __init__(self, counter: RaplCounter, *, idle: IdlePower, busy_s: Callable[[], float]) -> None:
        super().__init__(counter, idle=idle)
        self._busy_s = busy_s
        self._last_busy_s = 0.0
        self._unread_cpu_ns = 0

    def begin(self) -> None:
        """Take the first reading."""
        super().begin()
        self._last_busy_s = self._busy_s()

    def energy(self, window: SampleWindow, usage: CpuUsage) -> SampleEnergy:
        """Return the joules of a window, and of earlier ones whose readings failed."""
        self._unread_cpu_ns += usage.cpu_ns
        return super().energy(window, usage)

    def _share_of_work(self, window: SampleWindow, usage: CpuUsage) -> float:  # noqa: ARG002 - by CPU time alone
        busy_s = self._busy_s()
        used_s, self._last_busy_s = busy_s - self._last_busy_s, busy_s
        cpu_s, self._unread_cpu_ns = self._unread_cpu_ns * 1e-9, 0
        return 1.0 if used_s <= cpu_s else cpu_s / used_s


class MeteredGpus(_Metered):
    """Counters of all GPUs that the service may use.

    Their energy above idle belongs to the machine's recorders, by their time with a request in flight: the CPU time of
    a process does not show what its kernels do. Other processes on the same GPUs are not distinguished.
    """

    def _share_of_work(self, window: SampleWindow, usage: CpuUsage) -> float:
        together_ns = max(usage.machine.in_flight_ns, window.in_flight_ns)
        return window.in_flight_ns / together_ns if together_ns else usage.machine.share


class ModelledCpu:
    """CPU time times watts, for machines without a counter.

    Requests bear the CPU time of the service and of all it has started, at the watts of full load, as a check counts
    it: this includes reading requests, and threads that spin in between. Idle energy is the idle power of the CPUs
    that nobody used, of which every recorder on the machine counts its share, and CPU time of windows without a
    request.

    Args:
        full_watts: Power of one vCPU at full load.
        idle_watts: Idle power of all vCPUs of the machine together.
        cpus: How many vCPUs the service may use; a quota can make it a fraction.
    """

    def __init__(self, *, full_watts: float, idle_watts: float, cpus: float) -> None:
        self._full_watts = full_watts
        self.idle_watts = idle_watts
        self._cpus = cpus

    def begin(self) -> None:
        """Do nothing: there is no counter to read."""

    def energy(self, window: SampleWindow, usage: CpuUsage) -> SampleEnergy:
        """Return the joules of a window."""
        joules = self._full_watts * usage.cpu_ns * 1e-9
        requests_joules = joules if window.serves else 0.0
        unused_ns = max(0.0, self._cpus * window.wall_ns - usage.machine.cpu_ns)
        idle_joules = self.idle_watts * (unused_ns / self._cpus) * 1e-9 * usage.machine.share
        return SampleEnergy(
            requests_joules=requests_joules,
            idle_joules=joules - requests_joules + idle_joules,
        )
