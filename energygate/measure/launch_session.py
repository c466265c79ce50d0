"""One side of one launch: a fresh worker that is loaded, warmed up and measured window by window."""

from __future__ import annotations

import contextlib
import statistics
from typing import TYPE_CHECKING

import psutil

from energygate.measure.arrivals import poisson_arrivals
from energygate.measure.launch import Launch, Window
from energygate.measure.windows import MIN_STEADY_WINDOWS, STEADY_SPAN, is_steady, max_warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.measure.readings import Meter, Reading
    from energygate.measure.windows import LaunchPlan
    from energygate.workloads.protocol import Arrivals, ServedWindow
    from energygate.workloads.serving import ReadyWorker, Serving
    from energygate.workloads.worker import Worker

MEMORY_FACTOR = 1.25
"""Memory that a second worker may need, as a multiple of the first one's after loading."""

LONG_WINDOW_NS = 100_000_000
"""From here on a window's time depends more on which inputs it serves than on interruptions."""

STRONG_TREND = 0.8
"""A call that takes less than this share of the one before is not just faster by chance."""

MAX_CALIBRATION_CALLS = 1 << 20
"""Where calls take almost no time, calibration windows stop growing here."""


class LaunchSession:
    """One side of one launch.

    Attributes:
        call_ns: Time per warm call, from which all launches are planned; set by `calibrate`.

    Args:
        serving: How the side is served.
        meter: Reads its windows.
        tolerant: Whether failed requests are counted rather than fatal.
        traffic: Seed of the arrivals: sessions with the same seed get the same arrivals, window by window.
        first_call: The number of the first call to measure; the inputs follow each other in an order by the seed.
    """

    def __init__(self, serving: Serving, meter: Meter, *, tolerant: bool, traffic: str, first_call: int) -> None:
        self._serving = serving
        self._meter = meter
        self._tolerant = tolerant
        self._traffic = traffic
        self._calls = range(first_call, first_call)
        self._ready: ReadyWorker
        self._starting: Worker
        self._cpus: tuple[int, ...] = ()
        self._cold_start: Reading | None = None
        self._windows: list[Window] = []
        self._warm_up_call_ns: list[float] = []  # one per window
        self._warm_up_ns = 0
        self._steady = False
        self._first_failure: str | None = None
        self.frozen = False
        self.call_ns: float

    @contextlib.contextmanager
    def open(self, cpus: tuple[int, ...]) -> Iterator[None]:
        """Start the worker on these CPUs, and meter its start as a window of its own.

        Raises:
            MeasurementError: When the worker or the meter fails; the launch must be discarded.
        """
        self._meter.begin_window()
        with self.start(cpus):
            self.await_loaded()
            self._cold_start = self._meter.end_window(self._ready.loaded)
            yield

    @contextlib.contextmanager
    def start(self, cpus: tuple[int, ...]) -> Iterator[None]:
        """Start the worker on these CPUs, unmetered and without waiting until it has loaded; raises as `open` does."""
        self._cpus = cpus
        try:
            with self._serving.start(cpus) as self._starting:
                yield
        except BaseException:
            self._meter.cancel()
            raise

    def await_loaded(self) -> None:
        """Wait until the worker has loaded."""
        self._ready = self._serving.ready(self._starting)

    def pin(self, cpus: tuple[int, ...]) -> None:
        """Move the frozen worker to these CPUs."""
        if cpus != self._cpus:
            self.worker.pin(cpus)
            self._cpus = cpus

    @property
    def worker(self) -> Worker:
        """The worker, while the session is open."""
        return self._ready.worker

    @property
    def inputs(self) -> int:
        """How many different inputs its calls have; generated ones cost the same, and count as one."""
        return 1 if self._serving.workload.inputs is None else self._ready.distinct_calls

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

    def calibrate(self, window_ns: float, *, time_limit_ns: float, start_ns: float) -> None:
        """Warm up with more and more calls per window, as long as that takes, and set `call_ns`.

        Calls are served back to back, even where they will arrive at a rate.

        Args:
            window_ns: How long windows should become; those of half that time are long enough.
            time_limit_ns: Measuring time of the workload as a whole.
            start_ns: Time of starting and loading.
        """
        calls = self._clients
        while True:
            served_ns = self._warm_up_window(calls)
            if served_ns < window_ns / 2 and calls < MAX_CALIBRATION_CALLS:
                calls *= 2
                continue
            limit = max_warm_up(served_ns, time_limit_ns=time_limit_ns, start_ns=start_ns)
            halved = self._warm_up_call_ns[-1] < 0.5 * self._warm_up_call_ns[-2:][0]  # the next may be cheap
            if self._steady or (len(self._warm_up_call_ns) >= limit and not halved):
                break
        last = self._warm_up_call_ns[1:][-5:] or self._warm_up_call_ns  # without what the first call loads
        # Other load on the machine can only make calls look longer, even several times as long.
        self.call_ns = statistics.median(last) if served_ns > LONG_WINDOW_NS else max(1.0, min(last))

    def warm_up(self, plan: LaunchPlan) -> None:
        """Serve windows until they stop getting faster, at most the plan's `max_warm_up`."""
        while len(self._warm_up_call_ns) < plan.max_warm_up and not self._steady:
            self._warm_up_window(plan.warm_up_calls or plan.calls)

    def _warm_up_window(self, calls: int) -> int:
        """Serve a window of warm-up; return its time."""
        served_ns = max(1, self._serve(calls).wall_ns)
        self._warm_up_ns += served_ns
        self._warm_up_call_ns.append(served_ns / calls)
        self._steady = is_steady(self._warm_up_call_ns, window_ns=served_ns)
        return served_ns

    def settle(self, plan: LaunchPlan) -> None:
        """Serve the plan's settling calls, unmeasured."""
        if plan.settling_calls:
            self._warm_up_ns += self._serve(plan.settling_calls).wall_ns

    def measure(self, plan: LaunchPlan) -> None:
        """Measure one window. The n-th one serves the same calls on both sides, whatever was served before."""
        per_call = self._ready.requests_per_call
        number = len(self._windows)
        arrivals = self._arrivals(plan.calls, number)
        self._meter.begin_window()
        served = self._serve(plan.calls, first=self._calls.stop, arrivals=arrivals)
        self._calls = range(self._calls.start, self._calls.stop + plan.calls)
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
        loaded, warm_up_ns = self._ready.loaded, self._warm_up_call_ns
        # Two windows show no trend, and a few only a strong one of calls that are all alike.
        unclear = self.inputs > 1 or warm_up_ns[-1] > STRONG_TREND * warm_up_ns[-2:][0]
        unknown = len(warm_up_ns) < (2 * STEADY_SPAN if unclear else MIN_STEADY_WINDOWS)
        return Launch(
            cpus=self._cpus,
            windows=tuple(self._windows),
            warm_up_windows=len(warm_up_ns),
            steady=self._steady or unknown,
            cold_start_ns=loaded.wall_ns,
            cold_start=self._cold_start,
            peak_memory_bytes=self.worker.shut_down(),
            codecarbon_joules=codecarbon_joules,
            versions=loaded.versions,
            first_failure=self._first_failure,
            warm_up_ns=self._warm_up_ns,
            capacity_per_s=self._ready.requests_per_call * 1e9 / statistics.median(warm_up_ns[-STEADY_SPAN:]),
            requests_per_call=loaded.requests_per_call,
            inputs=self.inputs,
            calls=self._calls,
        )
