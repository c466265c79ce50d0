"""How launches are run: head alone, or base and head in turns."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from energygate.errors import MeasurementError
from energygate.measure.launch import Launch, PairedLaunch
from energygate.measure.planning import plan_alone, plan_both
from energygate.measure.session import Session
from energygate.measure.windows import (
    LAUNCH_ERROR,
    PAIRED_WINDOW_NS,
    SINGLE_WINDOW_NS,
    THREADED_WINDOW_NS,
    Plan,
    planned_window_ns,
)
from energygate.stats.paired import launch_log_ratio

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from energygate.measure.launch import Clock
    from energygate.measure.readings import Meter
    from energygate.workloads.serving import Serving


T = TypeVar("T")


def cpu_sets(cpus: tuple[int, ...], threads: int) -> list[tuple[int, ...]]:
    """CPU sets to rotate through, as large as the workload has threads; one empty set without affinity."""
    size = min(threads, len(cpus))
    if size == 0:
        return [()]
    sets = [tuple(sorted(cpus[(start + i) % len(cpus)] for i in range(size))) for start in range(len(cpus))]
    return list(dict.fromkeys(sets))


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
        self._launches = 0
        self.plan: Plan | None = None
        self.mode: Literal["paired", "alternating"] = "paired"

    def launch(self) -> Launch:
        """Run one launch.

        Raises:
            MeasurementError: When the worker or the meter fails; nothing of the launch may be used.
        """
        traffic = f"{self._serving.seed}/{self._launches}"
        self._launches += 1
        session = Session(self._serving, self._meter, tolerant=self._tolerant, traffic=traffic)
        started_ns = self._clock()
        with session.open(next(self._cpu_sets)):
            if self.plan is None:
                self.plan = self._planned(session, start_ns=self._clock() - started_ns)
            session.warm_up(self.plan)
            self._meter.begin_launch()
            for _ in range(self.plan.windows):
                session.measure(self.plan)
            return session.finish(self._meter.end_launch())

    def _planned(self, session: Session, *, start_ns: float) -> Plan:
        window_ns = planned_window_ns(self._meter.facts.min_window_ns, SINGLE_WINDOW_NS)
        return plan_alone(
            self._serving.workload,
            call_ns=session.call_ns(window_ns),
            min_window_ns=window_ns,
            time_limit_ns=self._time_limit_ns,
            start_ns=start_ns,
            label=self._serving.label,
        )


class PairLauncher:
    """Runs the launches of one workload on both sides: a fresh pair of workers that take turns.

    Both are pinned to the same CPUs, only one runs at a time, and the other is frozen: threads of runtimes spin
    while they wait, and would take the CPU from the side being measured. Which side comes first is a coin's
    throw, in each block and in each start.

    Two sides that do not fit into memory together take turns by whole launches instead, in the order ABBA or
    BAAB: four workers, one after another, make one paired launch. It scatters more, and `mode` says so.

    Args:
        base: How base is served.
        head: How head is served.
        meter: Reads the windows.
        cpu_sets: The CPU sets to rotate through; `[()]` where affinity cannot be set.
        time_limit_ns: Measuring time of the workload as a whole; sizes the launches.
        tolerant: Whether failed requests are counted rather than fatal.
        coin: The source of the order.
        clock: The time.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        base: Serving,
        head: Serving,
        meter: Meter,
        *,
        cpu_sets: list[tuple[int, ...]],
        time_limit_ns: float,
        tolerant: bool,
        coin: random.Random,
        clock: Clock,
    ) -> None:
        self._servings = (base, head)
        self._meter = meter
        self._cpu_sets = itertools.cycle(cpu_sets)
        self._time_limit_ns = time_limit_ns
        self._tolerant = tolerant
        self._coin = coin
        self._clock = clock
        self._launches = 0
        self.plan: Plan | None = None
        self.mode: Literal["paired", "alternating"] = "paired"

    def launch(self) -> PairedLaunch:
        """Run one launch of both sides.

        Raises:
            MeasurementError: When a worker or the meter fails; nothing of the launch may be used.
        """
        cpus = next(self._cpu_sets)
        self._launches += 1
        if self.mode == "paired":
            try:
                return self._side_by_side(cpus)
            except _DoNotFit:
                self.mode = "alternating"
        return self._in_turns(cpus)

    def _session(self, serving: Serving, *, turn: int = 0) -> Session:
        """Both sides get the same arrivals: those of base's seed, this launch, and this turn in it."""
        traffic = f"{self._servings[0].seed}/{self._launches}/{turn}"
        return Session(serving, self._meter, tolerant=self._tolerant, traffic=traffic)

    def _side_by_side(self, cpus: tuple[int, ...]) -> PairedLaunch:
        base, head = (self._session(one) for one in self._servings)
        started_ns = self._clock()
        with contextlib.ExitStack() as stack:
            first, second = self._in_random_order(base, head)
            stack.enter_context(first.open(cpus))
            first.freeze()
            if not first.leaves_room():
                raise _DoNotFit
            try:
                stack.enter_context(second.open(cpus))
            except MeasurementError:
                if self.plan is None:  # the first worker may be why; alone, the second one says what is wrong
                    raise _DoNotFit from None
                raise
            second.freeze()
            start_ns = self._clock() - started_ns
            plan = self.plan = self.plan or self._planned(base, head, start_ns=start_ns)
            for session in self._in_random_order(base, head):
                with _alone(session):
                    session.warm_up(plan)
            self._meter.begin_launch()
            while not _enough(plan, base.joules, head.joules):
                first, second = self._in_random_order(base, head)
                for session, windows in ((first, 1), (second, 2), (first, 1)):
                    with _alone(session):
                        session.settle(plan)
                        for _ in range(windows):
                            session.measure(plan)
            account = self._meter.end_launch()
            for session in (base, head):
                session.thaw()
            # codecarbon saw both sides as one: each is given its share by the time of its windows.
            whole_ns = base.measured_ns + head.measured_ns
            parts = [
                None if account is None else account * one.measured_ns / whole_ns for one in (base, head)
            ]
            return PairedLaunch(base=base.finish(parts[0]), head=head.finish(parts[1]))

    def _in_turns(self, cpus: tuple[int, ...]) -> PairedLaunch:
        done: dict[str, list[Launch]] = {serving.side.name: [] for serving in self._servings}
        first, second = self._in_random_order(*self._servings)
        for serving in (first, second, second, first):
            session = self._session(serving, turn=len(done[serving.side.name]))
            started_ns = self._clock()
            with session.open(cpus):
                start_ns = self._clock() - started_ns
                self.plan = plan = self.plan or self._planned_alone(session, start_ns=4 * start_ns)
                session.warm_up(plan)
                self._meter.begin_launch()
                for _ in range(plan.windows):
                    session.measure(plan)
                done[serving.side.name].append(session.finish(self._meter.end_launch()))
        base, head = (_joined(done[serving.side.name]) for serving in self._servings)
        return PairedLaunch(base=base, head=head)

    def _planned_alone(self, session: Session, *, start_ns: float) -> Plan:
        """A plan from one side: the other's calls are taken to be as long."""
        window_ns = planned_window_ns(self._meter.facts.min_window_ns, SINGLE_WINDOW_NS)
        call_ns = session.call_ns(window_ns)
        return self._plan((call_ns, call_ns), window_ns=window_ns, start_ns=start_ns)

    def _in_random_order(self, base: T, head: T) -> tuple[T, T]:
        return (base, head) if self._coin.random() < 0.5 else (head, base)  # noqa: PLR2004 - a fair coin

    def _planned(self, base: Session, head: Session, *, start_ns: float) -> Plan:
        workload = self._servings[0].workload
        one_by_one = workload.threads == workload.load.concurrency == 1
        shortest_ns = PAIRED_WINDOW_NS if one_by_one else THREADED_WINDOW_NS
        window_ns = planned_window_ns(self._meter.facts.min_window_ns, shortest_ns)
        times = []
        for session in (base, head):
            with _alone(session):
                times.append(session.call_ns(window_ns))
        return self._plan((times[0], times[1]), window_ns=window_ns, start_ns=start_ns)

    def _plan(self, call_ns: tuple[float, float], *, window_ns: int, start_ns: float) -> Plan:
        base, head = self._servings
        return plan_both(
            base.workload,
            call_ns=call_ns,
            min_window_ns=window_ns,
            time_limit_ns=self._time_limit_ns,
            start_ns=start_ns,
            label=head.label,
        )


def _enough(plan: Plan, base: Sequence[float], head: Sequence[float]) -> bool:
    """Whether a launch has its windows: those of the plan, or more where they do not agree."""
    if len(base) < plan.windows:
        return False
    return len(base) >= plan.max_windows or launch_log_ratio(base, head).error <= LAUNCH_ERROR


class _DoNotFit(Exception):
    """Both sides do not fit into memory together."""


def _joined(launches: list[Launch]) -> Launch:
    """Two launches of one side as one."""
    first, second = launches
    accounts = [launch.codecarbon_joules for launch in launches if launch.codecarbon_joules is not None]
    return replace(
        first,
        windows=first.windows + second.windows,
        warm_up_windows=first.warm_up_windows + second.warm_up_windows,
        warm_up_ns=first.warm_up_ns + second.warm_up_ns,
        steady=first.steady and second.steady,
        peak_memory_bytes=max(launch.peak_memory_bytes for launch in launches),
        codecarbon_joules=sum(accounts) if accounts else None,
        first_failure=first.first_failure or second.first_failure,
    )


@contextlib.contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Let one side run; it is frozen again afterwards."""
    session.thaw()
    yield
    session.freeze()
