"""One launch: a fresh worker, loaded, warmed up and measured in windows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from energygate.measure.readings import Usage
from energygate.measure.windows import Plan, is_steady, plan_launch

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from energygate.measure.readings import Meter, Reading
    from energygate.workloads.process import Worker
    from energygate.workloads.serving import Serving


class Clock(Protocol):
    """A monotonic clock in nanoseconds."""

    def __call__(self) -> int:
        """Give the time."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Consecutive calls of one worker, timed and metered together.

    Attributes:
        requests: Requests served: calls that did not fail, times the batch size.
        failed_requests: Requests in calls that failed.
        wall_ns: Length of the window.
        cpu_ns: CPU time of the worker and its children.
        latencies_ns: Time of each call that did not fail.
        reading: IT energy of the window.
    """

    requests: int
    failed_requests: int
    wall_ns: int
    cpu_ns: int
    latencies_ns: tuple[int, ...] | array[int] = field(repr=False)
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What one launch of one side measured.

    Attributes:
        cpus: The CPUs it was pinned to; empty where that is impossible.
        windows: The measured windows, in order.
        warm_up_windows: Windows served and thrown away before.
        steady: Whether warm-up settled before its limit.
        cold_start_ns: Time from starting the process until it could serve.
        cold_start: IT energy over the same span.
        peak_memory_bytes: Peak resident memory of the worker and its children; 0 when unknown.
        codecarbon_joules: codecarbon's own account of the windows; `None` where the readings are its own.
        versions: The interpreter's and libraries' versions.
        first_failure: The first failed request as a sentence; `None` when all were served.
    """

    cpus: tuple[int, ...]
    windows: tuple[Window, ...]
    warm_up_windows: int
    steady: bool
    cold_start_ns: int
    cold_start: Reading
    peak_memory_bytes: int
    codecarbon_joules: float | None
    versions: Mapping[str, str]
    first_failure: str | None

    @property
    def requests(self) -> int:
        """Requests served in the measured windows."""
        return sum(window.requests for window in self.windows)

    @property
    def energy_joules(self) -> float:
        """IT energy of the measured windows."""
        return sum(window.reading.energy_joules for window in self.windows)


class Launcher:
    """Runs the launches of one workload on one side, each in a fresh worker.

    Args:
        serving: How to start a worker that serves the workload.
        meter: Reads the windows.
        cpu_sets: The CPU sets to rotate through; `[()]` where affinity cannot be set.
        time_limit_ns: Measuring time of the workload as a whole; sizes the launches.
        tolerant: Whether failed requests are counted (a `success_rate` budget) rather than fatal.
        clock: The time.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        serving: Serving,
        meter: Meter,
        *,
        cpu_sets: list[tuple[int, ...]],
        time_limit_ns: float,
        tolerant: bool,
        clock: Clock,
    ) -> None:
        self._serving = serving
        self._meter = meter
        self._cpu_sets = itertools.cycle(cpu_sets)
        self._time_limit_ns = time_limit_ns
        self._tolerant = tolerant
        self._clock = clock
        self.plan: Plan | None = None

    def launch(self) -> Launch:
        """Run one launch.

        Raises:
            MeasurementError: When the worker or the meter fails; nothing of the launch may be used.
        """
        cpus = next(self._cpu_sets)
        started_ns = self._clock()
        self._meter.begin_window()
        try:
            with self._serving.open(cpus) as ready:
                loaded = ready.loaded
                cold_start = self._meter.end_window(Usage(wall_ns=loaded.wall_ns, cpu_ns=loaded.cpu_ns))
                plan = self._planned(ready.worker, start_ns=self._clock() - started_ns)
                warm_up, steady = self._warm_up(ready.worker, plan)
                self._meter.begin_launch()
                measured = [self._window(ready.worker, plan) for _ in range(plan.windows)]
                codecarbon_joules = self._meter.end_launch()
                return Launch(
                    cpus=cpus,
                    windows=tuple(window for window, _ in measured),
                    warm_up_windows=warm_up,
                    steady=steady,
                    cold_start_ns=loaded.wall_ns,
                    cold_start=cold_start,
                    peak_memory_bytes=ready.worker.shut_down(),
                    codecarbon_joules=codecarbon_joules,
                    versions=loaded.versions,
                    first_failure=next((failure for _, failure in measured if failure), None),
                )
        except BaseException:
            self._meter.cancel()
            raise

    def _planned(self, worker: Worker, *, start_ns: float) -> Plan:
        """The plan, made in the first launch: serve more and more calls until their time can be trusted."""
        if self.plan is None:
            minimum_ns = self._meter.facts.min_window_ns
            calls, served = 1, worker.run(1, tolerant=self._tolerant)
            while served.wall_ns < minimum_ns / 2 and calls < 1 << 20:
                calls *= 2
                served = worker.run(calls, tolerant=self._tolerant)
            self.plan = plan_launch(
                call_ns=max(1.0, served.wall_ns / calls),
                min_window_ns=minimum_ns,
                time_limit_ns=self._time_limit_ns,
                start_ns=start_ns,
            )
        return self.plan

    def _warm_up(self, worker: Worker, plan: Plan) -> tuple[int, bool]:
        """Serve windows until they stop getting faster; says how many, and whether they did."""
        durations: list[float] = []
        while len(durations) < plan.max_warm_up:
            durations.append(worker.run(plan.calls, tolerant=self._tolerant).wall_ns)
            if is_steady(durations):
                return len(durations), True
        return len(durations), False

    def _window(self, worker: Worker, plan: Plan) -> tuple[Window, str | None]:
        batch_size = self._serving.workload.batch_size
        self._meter.begin_window()
        served = worker.run(plan.calls, tolerant=self._tolerant)
        reading = self._meter.end_window(Usage(wall_ns=served.wall_ns, cpu_ns=served.cpu_ns))
        failed = set(served.failed)
        latencies = served.latencies_ns
        window = Window(
            requests=(plan.calls - len(failed)) * batch_size,
            failed_requests=len(failed) * batch_size,
            wall_ns=served.wall_ns,
            cpu_ns=served.cpu_ns,
            latencies_ns=tuple(value for index, value in enumerate(latencies) if index not in failed)
            if failed
            else latencies,
            reading=reading,
        )
        return window, served.first_failure
