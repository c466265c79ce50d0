"""One side of one launch: a fresh worker that is loaded, warmed up and measured window by window."""

from __future__ import annotations

import contextlib
import statistics
from typing import TYPE_CHECKING

import psutil

from energygate.measure.arrivals import poisson_arrivals
from energygate.measure.launch import Launch, Window
from energygate.measure.windows import STEADY_SPAN, is_steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.measure.readings import Meter, Reading
    from energygate.measure.windows import LaunchPlan
    from energygate.workloads.protocol import Arrivals, ServedWindow
    from energygate.workloads.serving import ReadyWorker, Serving
    from energygate.workloads.worker import Worker

MEMORY_FACTOR = 1.25
"""Memory that a second worker may need, as a multiple of the first one's after loading."""

LONG_CALIBRATION_NS = 500_000_000
"""Calibration windows this long are hardly affected by interruptions, and repeating them would take too long."""

MAX_CALIBRATION_CALLS = 1 << 20
"""Where calls take almost no time, calibration windows stop growing here."""


class LaunchSession:
    """One side of one launch.

    Args:
        serving: How the side is served.
        meter: Reads its windows.
        tolerant: Whether failed requests are counted rather than fatal.
        traffic: Seed of the arrivals: sessions with the same seed get the same arrivals, window by window.
    """

    def __init__(self, serving: Serving, meter: Meter, *, tolerant: bool, traffic: str) -> None:
        self._serving = serving
        self._meter = meter
        self._tolerant = tolerant
        self._traffic = traffic
        self._ready: ReadyWorker
        self._cpus: tuple[int, ...]
        self._cold_start: Reading
        self._windows: list[Window] = []
        self._warm_up_windows = 0
        self._warm_up_ns = 0
        self._steady = False
        self._capacity_per_s: float | None = None
        self._first_failure: str | None = None
        self.frozen = False

    @contextlib.contextmanager
    def open(self, cpus: tuple[int, ...]) -> Iterator[None]:
        """Start the worker on these CPUs, and meter its start as a window of its own.

        Raises:
            MeasurementError: When the worker or the meter fails; the launch must be discarded.
        """
        self._cpus = cpus
        self._meter.begin_window()
        try:
            with self._serving.open(cpus) as ready:
                self._ready = ready
                self._cold_start = self._meter.end_window(ready.loaded)
                yield
        except BaseException:
            self._meter.cancel()
            raise

    @property
    def worker(self) -> Worker:
        """The worker, while the session is open."""
        return self._ready.worker

    def leaves_room(self) -> bool:
        """Return whether a second worker of this size would fit into the machine's memory."""
        available_bytes = psutil.virtual_memory().available
        try:
            worker = psutil.Process(self.worker.pid)
            family = [worker, *worker.children(recursive=True)]  # the server of an endpoint holds the model
            return bool(sum(one.memory_info().rss for one in family) * MEMORY_FACTOR < available_bytes)
        except psutil.Error:  # one of them died; the worker's next command reports how
            return True

    def freeze(self) -> None:
        """Stop the worker while the other side is measured."""
        self.worker.freeze()
        self.frozen = True

    def thaw(self) -> None:
        """Let the worker run again, if it is frozen."""
        if self.frozen:
            self.worker.thaw()
            self.frozen = False

    def call_ns(self, window_ns: float) -> float:
        """Measure the time per warm call: serve more and more calls until they take long enough, then repeat.

        Calls are served back to back here, even where they will arrive at a rate.

        All launches are planned from this time. Other load on the machine can only make calls look longer, even
        several times as long, so the shortest of five windows counts.
        """
        calls = self._clients
        served = self._serve(calls)
        while served.wall_ns < window_ns / 2 and calls < MAX_CALIBRATION_CALLS:
            calls *= 2
            served = self._serve(calls)
        if served.wall_ns > LONG_CALIBRATION_NS:
            return served.wall_ns / calls
        again = (self._serve(calls) for _ in range(4))
        return max(1.0, min(served.wall_ns, *(one.wall_ns for one in again)) / calls)

    def warm_up(self, plan: LaunchPlan) -> None:
        """Serve windows until they stop getting faster, at most the plan's `max_warm_up`."""
        durations: list[float] = []
        calls = plan.warm_up_calls or plan.calls
        while len(durations) < plan.max_warm_up and not is_steady(durations):
            durations.append(self._serve(calls).wall_ns)
        self._warm_up_windows = len(durations)
        self._warm_up_ns += int(sum(durations))
        self._steady = is_steady(durations)
        requests = calls * self._ready.requests_per_call
        self._capacity_per_s = requests * 1e9 / statistics.median(durations[-STEADY_SPAN:])

    def settle(self, plan: LaunchPlan) -> None:
        """Serve the plan's settling calls, unmeasured."""
        if plan.settling_calls:
            self._warm_up_ns += self._serve(plan.settling_calls).wall_ns

    def measure(self, plan: LaunchPlan) -> None:
        """Measure one window. The n-th one serves the same calls in every session, whatever was served before."""
        per_call = self._ready.requests_per_call
        number = len(self._windows)
        arrivals = self._arrivals(plan.calls, number)
        self._meter.begin_window()
        served = self._serve(plan.calls, first=number * plan.calls, arrivals=arrivals)
        reading = self._meter.end_window(served)
        failed = set(served.failed)
        latencies = served.latencies_ns
        self._first_failure = self._first_failure or served.first_failure
        self._windows.append(
            Window(
                requests=(plan.calls - len(failed)) * per_call,
                failed_requests=len(failed) * per_call,
                wall_ns=served.wall_ns,
                cpu_ns=served.cpu_ns,
                latencies_ns=tuple(one for index, one in enumerate(latencies) if index not in failed)
                if failed
                else latencies,
                reading=reading,
                scheduled_ns=None if arrivals is None else arrivals.span_ns,
                units=served.units,
                first_piece_latencies_ns=served.first_piece_latencies_ns,
            )
        )

    def _arrivals(self, calls: int, number: int) -> Arrivals | None:
        rate = self._serving.workload.load.rate
        if rate is None:
            return None
        return poisson_arrivals(rate_per_s=rate.value, count=calls, seed=f"{self._traffic}/{number}")

    @property
    def _clients(self) -> int:
        return self._serving.workload.load.concurrency

    def _serve(self, calls: int, *, first: int | None = None, arrivals: Arrivals | None = None) -> ServedWindow:
        return self.worker.run(calls, tolerant=self._tolerant, first=first, clients=self._clients, arrivals=arrivals)

    @property
    def joules(self) -> list[float]:
        """IT energy of the measured windows so far."""
        return [window.reading.energy_joules for window in self._windows]

    @property
    def measured_ns(self) -> int:
        """Time of the measured windows so far."""
        return sum(window.wall_ns for window in self._windows)

    def finish(self, codecarbon_joules: float | None) -> Launch:
        """Shut the worker down and return what was measured."""
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
            capacity_per_s=self._capacity_per_s,
            requests_per_call=loaded.requests_per_call,
        )
