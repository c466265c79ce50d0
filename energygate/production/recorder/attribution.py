"""Joules of hardware counters, which count a whole machine or card: what of them is this process's."""

from __future__ import annotations

import statistics
from collections import deque
from typing import TYPE_CHECKING, Protocol

from energygate.production.recorder.samples import SampleEnergy

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.production.recorder.cpu_time import CpuUsage
    from energygate.production.recorder.samples import SampleWindow

RESTS = 31
"""How many of the latest windows without a request tell what a counter counts at rest. A quarter of them may be
quieter than the truth, and most may be disturbed: their lower quartile counts."""


class EnergyCounter(Protocol):
    """Energy since somewhen, in joules, of one device or of several together."""

    def begin(self) -> None:
        """OwnUsage for the first time.

        Raises:
            MeasurementError: When it cannot be read.
        """

    def moved(self) -> tuple[float, float]:
        """Joules since the last look that succeeded, and the seconds since then.

        Raises:
            MeasurementError: When it cannot be read, or was reset.
        """


class IdlePower:
    """What a counter counts when nothing is served, in watts: given, or learned from windows without requests.

    Args:
        given: What the policy says; `None` to learn it.
        guess: To begin with.
    """

    def __init__(self, given: float | None, *, guess: float = 0.0) -> None:
        self._given = given
        self._guess = guess
        self._seen: deque[float] = deque(maxlen=RESTS)

    @property
    def watts(self) -> float:
        """As far as it is known."""
        if self._given is not None:
            return self._given
        if len(self._seen) < 2:  # noqa: PLR2004 - quartiles lie between two
            return self._seen[0] if self._seen else self._guess
        return statistics.quantiles(self._seen, n=4, method="inclusive")[0]

    def learn(self, watts: float) -> None:
        """Here is a window without a request."""
        self._seen.append(watts)


class MeteredCpu:
    """Counters of processors and memory.

    What the machine draws beyond its rest belongs to whoever used its CPUs, by CPU time: this process's part is its
    CPU time over that of all processes, as Kepler and Scaphandre have it, and its requests' in windows that have any.
    What the machine draws at rest is shared evenly by its recorders, and falls to requests for the time that any was
    in flight. A service that is alone on its machine so gets the counter's joules, and its requests all of them but
    the watts at rest for the time without a request.

    Args:
        counter: Of processors and memory.
        rest: What it counts at rest.
        busy_s: CPU time of all processes of the machine so far, in seconds.
    """

    def __init__(self, counter: EnergyCounter, *, rest: IdlePower, busy_s: Callable[[], float]) -> None:
        self._counter = counter
        self._rest = rest
        self._busy_s = busy_s
        self._last_busy_s = 0.0
        self._missed_cpu_ns = 0

    @property
    def idle_watts(self) -> float:
        """What the counter counts at rest."""
        return self._rest.watts

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._counter.begin()
        self._last_busy_s = self._busy_s()

    def energy(self, window: SampleWindow, spending: CpuUsage) -> SampleEnergy:
        """The joules of a window, and of those before it whose readings failed."""
        self._missed_cpu_ns += spending.cpu_ns
        joules, seconds = self._counter.moved()
        busy_s = self._busy_s()
        used_s, self._last_busy_s = busy_s - self._last_busy_s, busy_s
        cpu_s, self._missed_cpu_ns = self._missed_cpu_ns * 1e-9, 0
        if _nobody_is_served(window, spending) and seconds > 0:
            self._rest.learn(joules / seconds)
        resting = min(joules, self._rest.watts * seconds)
        part = 1.0 if used_s <= cpu_s else cpu_s / used_s
        return _shared(
            work_joules=(joules - resting) * part,
            resting_joules=resting * spending.company.share,
            window=window,
        )


class MeteredGpus:
    """Counters of GPUs.

    What they draw beyond their rest belongs to the machine's recorders, by their time with a request in flight. The
    CPU time of a process says nothing of what its kernels do. Other processes on the same GPUs are not told apart.

    Args:
        counter: Of all GPUs that the service may use.
        rest: What it counts at rest.
    """

    def __init__(self, counter: EnergyCounter, *, rest: IdlePower) -> None:
        self._counter = counter
        self._rest = rest

    @property
    def idle_watts(self) -> float:
        """What the counters count at rest."""
        return self._rest.watts

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._counter.begin()

    def energy(self, window: SampleWindow, spending: CpuUsage) -> SampleEnergy:
        """The joules of a window, and of those before it whose readings failed."""
        joules, seconds = self._counter.moved()
        if _nobody_is_served(window, spending) and seconds > 0:
            self._rest.learn(joules / seconds)
        resting = min(joules, self._rest.watts * seconds)
        together_ns = max(spending.company.in_flight_ns, window.in_flight_ns)
        part = window.in_flight_ns / together_ns if together_ns else spending.company.share
        return _shared(
            work_joules=(joules - resting) * part,
            resting_joules=resting * spending.company.share,
            window=window,
        )


def _nobody_is_served(window: SampleWindow, spending: CpuUsage) -> bool:
    return not window.serves and not spending.company.in_flight_ns


def _shared(*, work_joules: float, resting_joules: float, window: SampleWindow) -> SampleEnergy:
    """Joules of work and of rest, to requests and idle."""
    requests_joules = resting_joules * window.share_in_flight
    if window.serves:
        requests_joules += work_joules
    return SampleEnergy(
        requests_joules=requests_joules,
        idle_joules=max(0.0, work_joules + resting_joules - requests_joules),
    )
