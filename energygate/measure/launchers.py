"""How launches are run: head alone, or base and head in turns."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from energygate.measure.launch import Launch, PairedLaunch
from energygate.measure.session import Session
from energygate.measure.windows import PAIRED_WINDOW_NS, SINGLE_WINDOW_NS, Plan, plan_launch, plan_pair

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from energygate.measure.launch import Clock
    from energygate.measure.readings import Meter
    from energygate.workloads.serving import Serving


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
        self.plan: Plan | None = None

    def launch(self) -> Launch:
        """Run one launch.

        Raises:
            MeasurementError: When the worker or the meter fails; nothing of the launch may be used.
        """
        session = Session(self._serving, self._meter, tolerant=self._tolerant)
        started_ns = self._clock()
        with session.open(next(self._cpu_sets)):
            if self.plan is None:
                start_ns = self._clock() - started_ns
                window_ns = max(self._meter.facts.min_window_ns, SINGLE_WINDOW_NS)
                self.plan = plan_launch(
                    call_ns=session.call_ns(window_ns),
                    min_window_ns=window_ns,
                    time_limit_ns=self._time_limit_ns,
                    start_ns=start_ns,
                )
            session.warm_up(self.plan)
            self._meter.begin_launch()
            for _ in range(self.plan.windows):
                session.measure(self.plan)
            return session.finish(self._meter.end_launch())


class PairLauncher:
    """Runs the launches of one workload on both sides: a fresh pair of workers that take turns.

    Both are pinned to the same CPUs, only one runs at a time, and the other is frozen: threads of runtimes spin
    while they wait, and would take the CPU from the side being measured. Which side comes first is a coin's
    throw, in each block and in each start.

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
        self.plan: Plan | None = None

    def launch(self) -> PairedLaunch:
        """Run one launch of both sides.

        Raises:
            MeasurementError: When a worker or the meter fails; nothing of the launch may be used.
        """
        cpus = next(self._cpu_sets)
        base, head = (Session(one, self._meter, tolerant=self._tolerant) for one in self._servings)
        started_ns = self._clock()
        with contextlib.ExitStack() as stack:
            for session in self._in_random_order(base, head):
                stack.enter_context(session.open(cpus))
                session.freeze()
            start_ns = self._clock() - started_ns
            plan = self.plan = self.plan or self._planned(base, head, start_ns=start_ns)
            for session in self._in_random_order(base, head):
                with _alone(session):
                    session.warm_up(plan)
            self._meter.begin_launch()
            for _ in range(plan.windows // 2):
                first, second = self._in_random_order(base, head)
                for session, windows in ((first, 1), (second, 2), (first, 1)):
                    with _alone(session):
                        for _ in range(windows):
                            session.measure(plan)
            account = self._meter.end_launch()
            for session in (base, head):
                session.thaw()
            # codecarbon saw both sides as one; half of its account is each one's share of the windows.
            share = None if account is None else account / 2
            return PairedLaunch(base=base.finish(share), head=head.finish(share))

    def _in_random_order(self, base: Session, head: Session) -> tuple[Session, Session]:
        return (base, head) if self._coin.random() < 0.5 else (head, base)  # noqa: PLR2004 - a fair coin

    def _planned(self, base: Session, head: Session, *, start_ns: float) -> Plan:
        window_ns = max(self._meter.facts.min_window_ns, PAIRED_WINDOW_NS)
        times = []
        for session in (base, head):
            with _alone(session):
                times.append(session.call_ns(window_ns))
        return plan_pair(
            call_ns=(times[0], times[1]),
            min_window_ns=window_ns,
            time_limit_ns=self._time_limit_ns,
            start_ns=start_ns,
        )


@contextlib.contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Let one side run; it is frozen again afterwards."""
    session.thaw()
    yield
    session.freeze()
