"""How launches are run: on head alone, or on base and head in turns."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

import psutil

from energygate.errors import MeasurementError
from energygate.measure.launch import Launch, Launches
from energygate.measure.launch_session import LaunchSession
from energygate.measure.planning import WARM_UP_WINDOW_NS, plan_alone, plan_both
from energygate.measure.windows import (
    LAUNCH_ERROR,
    PAIRED_WINDOW_NS,
    SINGLE_WINDOW_NS,
    THREADED_WINDOW_NS,
    LaunchPlan,
    covering,
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

START_AT_ONCE_NS = 2_000_000_000
"""Sides that each take this long to start do so at once from the second launch on. Before it, nothing is known of
their memory; cold starts of faster ones are worth more than the time."""


def cpu_sets(cpus: tuple[int, ...], threads: int) -> list[tuple[int, ...]]:
    """Return the CPU sets to rotate through, each as large as the workload has threads; one empty set without CPUs."""
    size = min(threads, len(cpus))
    if size == 0:
        return [()]
    sets = [tuple(sorted(cpus[(start + i) % len(cpus)] for i in range(size))) for start in range(len(cpus))]
    return list(dict.fromkeys(sets))


class Launcher:
    """Runs the launches of one workload in fresh workers, on head alone or on both sides.

    Two sides take turns within a launch. Both are pinned to the same CPUs, only one runs at a time, and the other is
    frozen: threads of runtimes spin while they wait, and would take the CPU from the side being measured. A coin
    toss decides which side comes first, in each block and in each start.

    Two sides that do not fit into memory together alternate by whole launches instead, in the order ABBA or BAAB:
    four workers, one after another, make one launch of both. It scatters more, and `mode` says so.

    Args:
        head: How head is served.
        meter: Reads the windows.
        base: How base is served; `None` to measure head alone.
        cpu_sets: The CPU sets to rotate through; `[()]` where affinity cannot be set.
        time_limit_ns: Measuring time of the workload as a whole; sizes the launches.
        coin: The source of the order.
        clock: The time.
        at_once: Whether both sides may start at once where that saves time; their cold starts are not metered then.

    Attributes:
        plan: What every launch does; `None` before the first one.
        mode: How sides alternate.
        saved_ns: How much less time than the first launch later ones take, because both sides start at once.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        head: Serving,
        meter: Meter,
        *,
        base: Serving | None = None,
        cpu_sets: list[tuple[int, ...]],
        time_limit_ns: float,
        coin: random.Random,
        clock: Clock,
        at_once: bool = False,
    ) -> None:
        self._head = head
        self._base = base
        self._meter = meter
        self._all_cpu_sets = cpu_sets
        self._cpu_sets = itertools.cycle(cpu_sets)
        self._time_limit_ns = time_limit_ns
        self._coin = coin
        self._clock = clock
        self._launches = 0
        self._next_call = 0
        self._at_once = at_once
        self._peak_memory_bytes = 0
        self.saved_ns = 0.0
        self.plan: LaunchPlan | None = None
        self.mode: Literal["paired", "alternating"] = "paired"

    def launch(self) -> Launches:
        """Run one launch of each side, with the inputs that follow those of the last one.

        Raises:
            MeasurementError: When a worker or the meter fails; nothing of the launch may be used.
        """
        self._launches += 1
        launches = self._launch(next(self._cpu_sets))
        self._next_call = launches.head[0].calls.stop
        return launches

    def _launch(self, cpus: tuple[int, ...]) -> Launches:
        if self._base is None:
            return Launches(head=(self._one_side(self._head, cpus),))
        if self.mode == "paired":
            try:
                return self._side_by_side(self._base, cpus)
            except _DoNotFitError:
                self.mode, self.saved_ns = "alternating", 0.0
        return self._alternating(self._base, cpus)

    def _session(self, serving: Serving, *, turn: int = 0) -> LaunchSession:
        """Return a session; both sides get the same calls and arrivals, by head's seed, this launch and its turn."""
        first_call = self._next_call + (turn * self.plan.windows * self.plan.calls if self.plan else 0)
        traffic = f"{self._head.seed}/{self._launches}/{turn}"
        tolerant = "success_rate" in self._head.workload.budgets
        return LaunchSession(serving, self._meter, tolerant=tolerant, traffic=traffic, first_call=first_call)

    def _one_side(self, serving: Serving, cpus: tuple[int, ...], *, turn: int = 0) -> Launch:
        session = self._session(serving, turn=turn)
        started_ns = self._clock()
        with session.open(cpus):
            self._warm_up(session, start_ns=self._clock() - started_ns)
            if self.plan is None:
                plan = self._planned_alone(session, start_ns=self._clock() - started_ns)
                self.plan = covering(plan, session.inputs)
            self._meter.begin_launch()
            for _ in range(self.plan.windows):
                session.measure(self.plan)
            return session.finish(self._meter.end_launch())

    def _warm_up(self, session: LaunchSession, *, start_ns: float) -> None:
        """Warm a side up; before there is a plan, also measure the time of its calls."""
        if self.plan is not None:
            session.warm_up(self.plan)
            return
        window_ns = min(self._window_ns, WARM_UP_WINDOW_NS)
        session.calibrate(window_ns, time_limit_ns=self._time_limit_ns, start_ns=start_ns)

    def _alternating(self, base: Serving, cpus: tuple[int, ...]) -> Launches:
        done: dict[str, list[Launch]] = {"base": [], "head": []}
        first, second = self._in_random_order(base, self._head)
        for serving in (first, second, second, first):
            launches = done[serving.side.name]
            launches.append(self._one_side(serving, cpus, turn=len(launches)))
        return Launches(base=(_joined(done["base"]),), head=(_joined(done["head"]),))

    def _side_by_side(self, base_serving: Serving, cpus: tuple[int, ...]) -> Launches:
        base, head = self._session(base_serving), self._session(self._head)
        started_ns = self._clock()
        with contextlib.ExitStack() as stack:
            first, second = self._in_random_order(base, head)
            if self.saved_ns and 0 < self._peak_memory_bytes < psutil.virtual_memory().available:
                self._open_at_once(stack, (first, second), cpus)
            else:
                self._open_in_turn(stack, (first, second), cpus)
            start_ns = self._clock() - started_ns
            for session in self._in_random_order(base, head):
                with _thawed(session):
                    self._warm_up(session, start_ns=start_ns)
            if self.plan is None:
                start_ns = self._clock() - started_ns
                plan = self._planned((base.call_ns, head.call_ns), start_ns=start_ns, saved_ns=self.saved_ns)
                self.plan = covering(plan, max(base.inputs, head.inputs))
            plan = self.plan
            self._meter.begin_launch()
            while not _is_complete(plan, base.joules, head.joules):
                first, second = self._in_random_order(base, head)
                for session, windows in ((first, 1), (second, 2), (first, 1)):
                    with _thawed(session):
                        session.settle(plan)
                        for _ in range(windows):
                            session.measure(plan)
            codecarbon_joules = self._meter.end_launch()
            for session in (base, head):
                session.thaw()
            # codecarbon saw both sides as one: each is given its share by the time of its windows.
            whole_ns = base.measured_ns + head.measured_ns
            shares = [
                None if codecarbon_joules is None else codecarbon_joules * one.measured_ns / whole_ns
                for one in (base, head)
            ]
            launches = base.finish(shares[0]), head.finish(shares[1])
        peaks = [launch.peak_memory_bytes for launch in launches]
        self._peak_memory_bytes = sum(peaks) if all(peaks) else 0
        return Launches(base=launches[:1], head=launches[1:])

    def _open_in_turn(
        self, stack: contextlib.ExitStack, sides: tuple[LaunchSession, LaunchSession], cpus: tuple[int, ...]
    ) -> None:
        """Start one side after the other, each metered; before the first launch, note what starting at once saves."""
        first, second = sides
        times_ns = [self._clock()]
        stack.enter_context(first.open(cpus))
        first.freeze()
        times_ns.append(self._clock())
        if not first.leaves_room():
            raise _DoNotFitError
        try:
            stack.enter_context(second.open(cpus))
        except MeasurementError:
            # The first worker may be the cause; alone, the second one reports what is wrong.
            if self.plan is None:
                raise _DoNotFitError from None
            raise
        second.freeze()
        times_ns.append(self._clock())
        shorter_ns = min(after - before for before, after in itertools.pairwise(times_ns))
        if self.plan is None and self._at_once and self._cpus_beside(cpus) and shorter_ns >= START_AT_ONCE_NS:
            self.saved_ns = shorter_ns

    def _open_at_once(
        self, stack: contextlib.ExitStack, sides: tuple[LaunchSession, LaunchSession], cpus: tuple[int, ...]
    ) -> None:
        """Start both sides, one of them on other CPUs until it has loaded."""
        saved_ns, self.saved_ns = self.saved_ns, 0.0  # should this fail, its repetition starts them in turn
        for session, loading_on in zip(sides, (cpus, self._cpus_beside(cpus)), strict=True):
            stack.enter_context(session.start(loading_on))
        for session in sides:
            session.await_loaded()
            session.freeze()
            session.pin(cpus)
        self.saved_ns = saved_ns

    def _cpus_beside(self, cpus: tuple[int, ...]) -> tuple[int, ...]:
        """Return a CPU set that shares no CPU with this one; empty without one."""
        return next((one for one in self._all_cpu_sets if not set(one) & set(cpus)), ())

    def _in_random_order(self, base: T, head: T) -> tuple[T, T]:
        return (base, head) if self._coin.random() < 0.5 else (head, base)  # noqa: PLR2004 - a fair coin

    @property
    def _window_ns(self) -> int:
        """The length to plan windows for."""
        workload, shortest_ns = self._head.workload, SINGLE_WINDOW_NS
        if self._base is not None and self.mode == "paired":
            one_by_one = workload.threads == workload.load.concurrency == 1
            shortest_ns = PAIRED_WINDOW_NS if one_by_one else THREADED_WINDOW_NS
        return planned_window_ns(self._meter.facts.min_window_ns, shortest_ns)

    def _planned_alone(self, session: LaunchSession, *, start_ns: float) -> LaunchPlan:
        """Plan launches of one side at a time; with a base, the other side's calls are assumed to take as long."""
        if self._base is not None:
            return self._planned((session.call_ns, session.call_ns), start_ns=4 * start_ns)
        return plan_alone(
            self._head.workload,
            call_ns=session.call_ns,
            min_window_ns=self._window_ns,
            time_limit_ns=self._time_limit_ns,
            start_ns=start_ns,
            label=self._head.label,
        )

    def _planned(self, call_ns: tuple[float, float], *, start_ns: float, saved_ns: float = 0.0) -> LaunchPlan:
        return plan_both(
            self._head.workload,
            call_ns=call_ns,
            min_window_ns=self._window_ns,
            time_limit_ns=self._time_limit_ns,
            start_ns=start_ns,
            label=self._head.label,
            saved_ns=saved_ns,
            take_turns=self.mode == "paired",
        )


def _is_complete(plan: LaunchPlan, base: Sequence[float], head: Sequence[float]) -> bool:
    """Return whether a launch has enough windows: those of the plan, or more where its blocks disagree."""
    if len(base) < plan.windows:
        return False
    return len(base) >= plan.max_windows or launch_log_ratio(base, head).error <= LAUNCH_ERROR


class _DoNotFitError(Exception):
    """Both sides do not fit into memory together."""


def _joined(launches: list[Launch]) -> Launch:
    """Join two launches of one side."""
    first, second = launches
    joules = [launch.codecarbon_joules for launch in launches if launch.codecarbon_joules is not None]
    return replace(
        first,
        windows=first.windows + second.windows,
        warm_up_windows=first.warm_up_windows + second.warm_up_windows,
        warm_up_ns=first.warm_up_ns + second.warm_up_ns,
        steady=first.steady and second.steady,
        peak_memory_bytes=max(launch.peak_memory_bytes for launch in launches),
        codecarbon_joules=sum(joules) if joules else None,
        first_failure=first.first_failure or second.first_failure,
        calls=range(first.calls.start, second.calls.stop),
    )


@contextlib.contextmanager
def _thawed(session: LaunchSession) -> Iterator[None]:
    """Let one side run; freeze it again afterwards."""
    session.thaw()
    yield
    session.freeze()
