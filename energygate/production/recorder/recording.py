"""What one process records: its ledger, its meter, and the threads that read the one and feed the other."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.production.recorder.forks import unforked
from energygate.production.recorder.ledger import Ledger
from energygate.production.recorder.snapshot import Snapshot
from energygate.production.recorder.workload_split import WorkloadSplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.production.recorder.samples import LiveMeter
    from energygate.production.recorder.shared_totals import SharedTotals
    from energygate.production.recorder.snapshot import Sink

LOG = logging.getLogger("energygate.recorder")

RETRY_NS = 60_000_000_000
"""A meter that could not be opened is tried again after a minute."""

OVERDUE_NS = 30_000_000_000
"""A reading that takes longer hangs, and is counted as one that could not be had."""

MAX_EARLY_WRITES = 16
"""So many requests of a forked process are told to the others at once: it may end with any of them, as those of a
server that forks for each request do, by `os._exit`. One that serves more lives long enough for its samples."""

CLOSING_SECONDS = 5.0
"""The longest that ending a service waits for a last reading and for sinks."""


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """What time it is.

    Attributes:
        steady_ns: A clock that does not step.
        cpu_ns: CPU time of this process.
        wall_seconds: Seconds since 1970.
    """

    steady_ns: Callable[[], int] = time.perf_counter_ns
    cpu_ns: Callable[[], int] = time.process_time_ns
    wall_seconds: Callable[[], float] = time.time


@dataclass(frozen=True, kw_only=True)
class RecorderConfig:
    """How a recorder works, in whichever process.

    Attributes:
        names: Workloads that are known from the start, the service's own first.
        bounds_seconds: Upper bounds of the buckets of durations.
        pue: Facility energy over IT energy.
        open_meter: Opens the meter; called by the thread that reads it.
        load: Imports what that needs.
        sinks: Take snapshots elsewhere.
        pool: Where the processes of one service bring their totals together; `None`: each for itself.
        sample_interval_ns: How often the meter is read, unless it moves more seldom.
        export_interval_ns: How often sinks are fed.
        background: Whether there are threads for that.
        clocks: What time it is.
    """

    names: tuple[str, ...]
    bounds_seconds: tuple[float, ...]
    pue: float
    open_meter: Callable[[], LiveMeter]
    load: Callable[[], object] = object
    sinks: Sequence[Sink] = ()
    pool: SharedTotals | None = None
    sample_interval_ns: int = 1_000_000_000
    export_interval_ns: int = 60_000_000_000
    background: bool = True
    clocks: Clocks = field(default_factory=Clocks)


class Recording:
    """One process's recording. Making one does nothing but look at clocks, so that a fork can.

    Args:
        plan: How it works.
        forked: Whether the process was forked from one that had a recording, and so may end without a word.

    Attributes:
        ledger: Its requests.
        started: Whether it has begun.
        last_words: How many more times `leave_word` is to be called at the end of a request.
    """

    def __init__(self, plan: RecorderConfig, *, forked: bool = False) -> None:
        self._plan = plan
        self._clock = plan.clocks.steady_ns
        self.ledger = Ledger(
            plan.names,
            bounds_seconds=plan.bounds_seconds,
            clock=plan.clocks.steady_ns,
            cpu_clock=plan.clocks.cpu_ns,
        )
        self._sharing = WorkloadSplit(plan.names[0])
        self._start_seconds = plan.clocks.wall_seconds()
        self._meter: LiveMeter | None = None
        self._finished = False
        self._retry_ns: int | None = None
        self._reading_since_ns: int | None = None
        self._meter_errors = 0
        self._internal_errors = 0
        self._said: set[str] = set()
        self._sampling = threading.Lock()
        self._exporting = threading.Lock()
        self._starting = threading.Lock()
        self._ending = threading.Event()
        self._last: dict[int, Snapshot] = {}
        self._threads: list[threading.Thread] = []
        self.started = False
        self.last_words = MAX_EARLY_WRITES if forked and plan.pool is not None else 0

    def start(self) -> None:
        """Start the threads, once; never raises."""
        with self._starting:
            if self.started:
                return
            self.started = True
            if not self._plan.background:
                return
            jobs = [self._keep_sampling]
            if self._plan.sinks:
                jobs.append(self._keep_exporting)
            for job in jobs:
                thread = threading.Thread(target=job, name=f"energygate{job.__name__}", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads to be had, or the interpreter ends
                    self.note("no thread could be started, so nothing is measured", error)
                    return
                self._threads.append(thread)

    def sample(self) -> None:
        """Read the meter and share out its joules; opens it first. Never raises."""
        try:
            with self._sampling:
                if self._finished:
                    return
                if self._meter is None:
                    self._open()
                else:
                    self._read(self._meter)
            if self._plan.pool is not None:
                self._plan.pool.write(self.snapshot)
        except Exception as error:  # noqa: BLE001 - the thread must go on, and the service with it
            self.note("a sample failed", error)

    def leave_word(self) -> None:
        """Tell the other processes what was counted so far, without waiting for the meter. Never raises."""
        self.last_words -= 1
        try:
            if self._sampling.acquire(blocking=False):
                try:
                    if self._meter is not None and not self._meter.period_ns and not self._finished:
                        self._read(self._meter)
                finally:
                    self._sampling.release()
            if self._plan.pool is not None:
                self._plan.pool.write(self.snapshot)
        except Exception as error:  # noqa: BLE001 - the request has been served
            self.note("a forked process could not tell what it counted", error)

    def export(self) -> None:
        """Feed all sinks. Never raises."""
        with self._exporting:
            if self._finished:
                return
            snapshot = self.snapshot()
            for number, sink in enumerate(self._plan.sinks):
                try:
                    sink.export(snapshot, self._last.get(number))
                    self._last[number] = snapshot
                except Exception as error:  # noqa: BLE001, PERF203 - another's code, which sends things
                    self.note(f"{type(sink).__name__} could not export", error)

    def snapshot(self) -> Snapshot:
        """All totals up to now. Waits for nobody but the requests that are being counted at this moment."""
        self._watch()
        meter = self._meter
        return Snapshot(
            workloads=self.ledger.totals(),
            meter=None if meter is None else meter.info,
            meter_errors=self._meter_errors,
            pue=self._plan.pue,
            time_seconds=self._plan.clocks.wall_seconds(),
            start_seconds=self._start_seconds,
            internal_errors=self._internal_errors,
        )

    def close(self) -> None:
        """Read and export a last time, as far as that does not take long. Never raises."""
        self._ending.set()
        if not self._threads:
            self._finish()
        deadline_s = time.monotonic() + CLOSING_SECONDS
        for thread in self._threads:  # the first of them finishes
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def note(self, what: str, error: BaseException) -> None:
        """Count a trouble that the service must not see; say it once."""
        self._internal_errors += 1
        self._say(what, error)

    def _finish(self) -> None:
        self.sample()
        self.export()
        with self._exporting:
            self._finished = True
            for sink in self._plan.sinks:
                try:
                    sink.close()
                except Exception as error:  # noqa: BLE001, PERF203 - another's code
                    self.note(f"{type(sink).__name__} could not be closed", error)
        with self._sampling:
            if self._meter is not None:
                try:
                    self._meter.close()
                except Exception as error:  # noqa: BLE001 - the process ends anyway
                    self.note("the meter could not be closed", error)

    def _keep_sampling(self) -> None:
        self.sample()
        while not self._ending.wait(self._interval_s()):
            self.sample()
        self._finish()

    def _keep_exporting(self) -> None:
        while not self._ending.wait(self._plan.export_interval_ns * 1e-9):
            self.export()

    def _interval_s(self) -> float:
        meter = self._meter
        period_ns = 0 if meter is None else meter.period_ns
        return max(self._plan.sample_interval_ns, period_ns) * 1e-9

    def _open(self) -> None:
        now_ns = self._clock()
        if self._retry_ns is not None and now_ns < self._retry_ns:
            return
        self._reading_since_ns = now_ns
        try:
            with unforked():  # opening it imports what only some machines need, encodings among them
                self._plan.load()
                meter = self._plan.open_meter()
                meter.begin()
        except Exception as error:  # noqa: BLE001 - drivers and files; the service serves without
            self._retry_ns = now_ns + RETRY_NS
            self._miss("the meter could not be opened", error)
            return
        finally:
            self._reading_since_ns = None
        self.ledger.cut()  # what was before it nobody has measured
        self._meter = meter

    def _read(self, meter: LiveMeter) -> None:
        self._reading_since_ns = self._clock()
        window = self.ledger.cut()
        try:
            energy = meter.read(window)
        except Exception as error:  # noqa: BLE001 - the same
            self._miss("the meter could not be read", error)
            return
        finally:
            self._reading_since_ns = None
        for trouble in energy.missing:
            self._miss("a part of the machine could not be read", trouble)
        if not all(
            math.isfinite(joules) and joules >= 0 for joules in (energy.requests_joules, energy.idle_joules)
        ):
            self._miss(
                "the meter's joules cannot be right", f"{energy.requests_joules} J and {energy.idle_joules} J"
            )
            return
        self.ledger.book(*self._sharing.split(energy, window))

    def _watch(self) -> None:
        """A reading that hangs is counted, once, while it hangs."""
        since_ns = self._reading_since_ns
        if since_ns is not None and self._clock() - since_ns > OVERDUE_NS:
            self._reading_since_ns = None
            self._miss("the meter hangs", f"it has not answered for {OVERDUE_NS // 1_000_000_000} s")

    def _miss(self, what: str, error: object) -> None:
        self._meter_errors += 1
        self._say(what, error)

    def _say(self, what: str, error: object) -> None:
        if what not in self._said:
            self._said.add(what)
            LOG.warning("energygate: %s: %s", what, error)
