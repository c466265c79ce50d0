"""One side in one launch: a fresh worker, loaded, warmed up, measured window by window."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from energygate.measure.launch import Launch, Window
from energygate.measure.readings import Usage
from energygate.measure.windows import is_steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.measure.readings import Meter, Reading
    from energygate.measure.windows import Plan
    from energygate.workloads.process import Worker
    from energygate.workloads.serving import Ready, Serving

ROOM = 1.25
"""Memory that a second worker needs, over what the first one holds after loading."""

LONG_CALIBRATION_NS = 500_000_000
"""Calls this long are not interrupted by much in proportion, and looking five times would take too long."""

TOO_MANY_CALLS = 1 << 20
"""Calibration gives up growing a window here: a request that takes no time is not a request."""


class Session:
    """One side in one launch.

    Args:
        serving: How the side is served.
        meter: Reads its windows.
        tolerant: Whether failed requests are counted rather than fatal.
    """

    def __init__(self, serving: Serving, meter: Meter, *, tolerant: bool) -> None:
        self._serving = serving
        self._meter = meter
        self._tolerant = tolerant
        self._ready: Ready
        self._cpus: tuple[int, ...]
        self._cold_start: Reading
        self._windows: list[Window] = []
        self._warm_up_windows = 0
        self._warm_up_ns = 0
        self._steady = False
        self._first_failure: str | None = None
        self.frozen = False

    @contextlib.contextmanager
    def open(self, cpus: tuple[int, ...]) -> Iterator[None]:
        """Start the worker on these CPUs; its start is read as a window of its own.

        Raises:
            MeasurementError: When the worker or the meter fails; nothing of the launch may be used.
        """
        self._cpus = cpus
        self._meter.begin_window()
        try:
            with self._serving.open(cpus) as ready:
                self._ready = ready
                usage = Usage(wall_ns=ready.loaded.wall_ns, cpu_ns=ready.loaded.cpu_ns)
                self._cold_start = self._meter.end_window(usage)
                yield
        except BaseException:
            self._meter.cancel()
            raise

    @property
    def worker(self) -> Worker:
        """The worker, while the session is open."""
        return self._ready.worker

    def leaves_room(self) -> bool:
        """Whether a second worker of this size would fit into the machine's memory."""
        available_bytes = psutil.virtual_memory().available
        try:
            return bool(psutil.Process(self.worker.pid).memory_info().rss * ROOM < available_bytes)
        except psutil.Error:  # it died; what it is asked next will say how
            return True

    def freeze(self) -> None:
        """Stop the worker while the other side is measured."""
        self.worker.freeze()
        self.frozen = True

    def thaw(self) -> None:
        """Let the worker go on, if it is frozen."""
        if self.frozen:
            self.worker.thaw()
            self.frozen = False

    def call_ns(self, window_ns: float) -> float:
        """Time of one warm call: serve more and more calls until their time can be trusted, then look again.

        The plan of all launches rests on this, and a neighbour's burst can only make a call look longer, several
        times so: the shortest of five windows counts.
        """
        calls, served = 1, self.worker.run(1, tolerant=self._tolerant)
        while served.wall_ns < window_ns / 2 and calls < TOO_MANY_CALLS:
            calls *= 2
            served = self.worker.run(calls, tolerant=self._tolerant)
        if served.wall_ns > LONG_CALIBRATION_NS:
            return served.wall_ns / calls
        again = (self.worker.run(calls, tolerant=self._tolerant) for _ in range(4))
        return max(1.0, min(served.wall_ns, *(one.wall_ns for one in again)) / calls)

    def warm_up(self, plan: Plan) -> None:
        """Serve windows until they stop getting faster, or until the plan's patience ends."""
        durations: list[float] = []
        while len(durations) < plan.max_warm_up and not is_steady(durations):
            durations.append(self.worker.run(plan.calls, tolerant=self._tolerant).wall_ns)
        self._warm_up_windows = len(durations)
        self._warm_up_ns += int(sum(durations))
        self._steady = is_steady(durations)

    def settle(self, plan: Plan) -> None:
        """Serve the plan's settling calls, unmeasured."""
        if plan.settling_calls:
            self._warm_up_ns += self.worker.run(plan.settling_calls, tolerant=self._tolerant).wall_ns

    def measure(self, plan: Plan) -> None:
        """Measure one window."""
        batch_size = self._serving.workload.batch_size
        self._meter.begin_window()
        served = self.worker.run(plan.calls, tolerant=self._tolerant)
        reading = self._meter.end_window(Usage(wall_ns=served.wall_ns, cpu_ns=served.cpu_ns))
        failed = set(served.failed)
        latencies = served.latencies_ns
        self._first_failure = self._first_failure or served.first_failure
        self._windows.append(
            Window(
                requests=(plan.calls - len(failed)) * batch_size,
                failed_requests=len(failed) * batch_size,
                wall_ns=served.wall_ns,
                cpu_ns=served.cpu_ns,
                latencies_ns=tuple(one for index, one in enumerate(latencies) if index not in failed)
                if failed
                else latencies,
                reading=reading,
            )
        )

    @property
    def joules(self) -> list[float]:
        """IT energy of the measured windows so far."""
        return [window.reading.energy_joules for window in self._windows]

    @property
    def measured_ns(self) -> int:
        """Time of the measured windows so far."""
        return sum(window.wall_ns for window in self._windows)

    def finish(self, codecarbon_joules: float | None) -> Launch:
        """End the worker in good order and say what was measured."""
        loaded = self._ready.loaded
        return Launch(
            cpus=self._cpus,
            windows=tuple(self._windows),
            warm_up_windows=self._warm_up_windows,
            steady=self._steady,
            cold_start_ns=loaded.wall_ns,
            cold_start=self._cold_start,
            peak_memory_bytes=self.worker.shut_down(),
            codecarbon_joules=codecarbon_joules,
            versions=loaded.versions,
            first_failure=self._first_failure,
            warm_up_ns=self._warm_up_ns,
        )
