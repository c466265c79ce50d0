"""What one process records: its ledger, its meter, and the threads that read the meter and feed the sinks."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from energygate.production.recorder.forks import forks_blocked
from energygate.production.recorder.ledger import Ledger
from energygate.production.recorder.snapshot import Snapshot
from energygate.production.recorder.workload_split import WorkloadSplit

if TYPE_CHECKING:
    from energygate.production.recorder.config import RecorderConfig
    from energygate.production.recorder.samples import LiveMeter
    from energygate.production.recorder.shared_totals import SharedTotals

LOG = logging.getLogger("energygate.recorder")

RETRY_NS = 60_000_000_000
"""A meter that could not be opened is tried again after a minute."""

READ_TIMEOUT_NS = 30_000_000_000
"""A reading that takes longer counts as failed."""

MAX_EARLY_WRITES = 16
"""A forked process shares its totals at the end of this many requests: it may exit after any of them, by `os._exit`, as
in a server that forks for each request. A process that serves more lives long enough for its samples."""

CLOSING_SECONDS = 5.0
"""How long closing waits at most for a last reading and for sinks."""


class Recording:
    """One process's recording. Creating one only reads clocks, so that it can happen during a fork.

    Args:
        config: How it works.
        shared_totals: Where the processes of the service share their totals; `None`: they do not.
        forked: Whether the process was forked from one that had a recording, and so may exit without notice.

    Attributes:
        ledger: Its requests.
        started: Whether it has begun.
        early_writes_left: How many more times `write_early` is to be called at the end of a request.
    """

    def __init__(
        self, config: RecorderConfig, shared_totals: SharedTotals | None = None, *, forked: bool = False
    ) -> None:
        self._config = config
        self._shared_totals = shared_totals
        self._clock = config.clocks.steady_ns
        self.ledger = Ledger(
            config.names,
            bounds_seconds=config.bounds_seconds,
            clock=config.clocks.steady_ns,
            cpu_clock=config.clocks.cpu_ns,
        )
        self._split = WorkloadSplit(config.names[0])
        self._start_seconds = config.clocks.wall_seconds()
        self._meter: LiveMeter | None = None
        self._finished = False
        self._retry_ns: int | None = None
        self._reading_since_ns: int | None = None
        self._meter_errors = 0
        self._internal_errors = 0
        self._logged: set[str] = set()
        self._sampling = threading.Lock()
        self._exporting = threading.Lock()
        self._starting = threading.Lock()
        self._ending = threading.Event()
        self._last_exported: dict[int, Snapshot] = {}
        self._threads: list[threading.Thread] = []
        self.started = False
        self.early_writes_left = MAX_EARLY_WRITES if forked and shared_totals is not None else 0

    def start(self) -> None:
        """Start the threads, once; never raises."""
        with self._starting:
            if self.started:
                return
            self.started = True
            if not self._config.background:
                return
            jobs = [self._keep_sampling]
            if self._config.sinks:
                jobs.append(self._keep_exporting)
            for job in jobs:
                thread = threading.Thread(target=job, name=f"energygate{job.__name__}", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads are available, or the interpreter is exiting
                    self.note("no thread could be started, so nothing is measured", error)
                    return
                self._threads.append(thread)

    def sample(self) -> None:
        """Read the meter and book its joules; the first time, open it. Never raises."""
        try:
            with self._sampling:
                if self._finished:
                    return
                if self._meter is None:
                    self._open()
                else:
                    self._read(self._meter)
            self._share()
        except Exception as error:  # noqa: BLE001 - the thread must go on, and the service with it
            self.note("a sample failed", error)

    def write_early(self) -> None:
        """Share the totals so far with the other processes, without waiting for the meter. Never raises."""
        self.early_writes_left -= 1
        try:
            if self._sampling.acquire(blocking=False):
                try:
                    if self._meter is not None and not self._meter.period_ns and not self._finished:
                        self._read(self._meter)
                finally:
                    self._sampling.release()
            self._share()
        except Exception as error:  # noqa: BLE001 - the request has been served
            self.note("a forked process could not share its totals", error)

    def export(self) -> None:
        """Feed all sinks. Never raises."""
        with self._exporting:
            if self._finished:
                return
            snapshot = self.snapshot()
            for number, sink in enumerate(self._config.sinks):
                try:
                    sink.export(snapshot, self._last_exported.get(number))
                    self._last_exported[number] = snapshot
                except Exception as error:  # noqa: BLE001, PERF203 - foreign code, which uses the network
                    self.note(f"{type(sink).__name__} could not export", error)

    def snapshot(self) -> Snapshot:
        """Return all totals so far. Waits for no reading and no sink."""
        self._check_timeout()
        meter = self._meter
        return Snapshot(
            workloads=self.ledger.totals(),
            meter=None if meter is None else meter.info,
            meter_errors=self._meter_errors,
            pue=self._config.pue,
            time_seconds=self._config.clocks.wall_seconds(),
            start_seconds=self._start_seconds,
            internal_errors=self._internal_errors,
        )

    def close(self) -> None:
        """Read and export a last time, within `CLOSING_SECONDS`. Never raises."""
        self._ending.set()
        if not self._threads:
            self._finish()
        deadline_s = time.monotonic() + CLOSING_SECONDS
        for thread in self._threads:  # the first of them calls _finish
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def note(self, what: str, error: BaseException) -> None:
        """Count an internal error, which the service must not see; log it once."""
        self._internal_errors += 1
        self._log_once(what, error)

    def _share(self) -> None:
        if self._shared_totals is not None:
            self._shared_totals.write(self.snapshot)

    def _finish(self) -> None:
        self.sample()
        self.export()
        with self._exporting:
            self._finished = True
            for sink in self._config.sinks:
                try:
                    sink.close()
                except Exception as error:  # noqa: BLE001, PERF203 - foreign code
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
        while not self._ending.wait(self._config.export_interval_ns * 1e-9):
            self.export()

    def _interval_s(self) -> float:
        meter = self._meter
        period_ns = 0 if meter is None else meter.period_ns
        return max(self._config.sample_interval_ns, period_ns) * 1e-9

    def _open(self) -> None:
        now_ns = self._clock()
        if self._retry_ns is not None and now_ns < self._retry_ns:
            return
        self._reading_since_ns = now_ns
        try:
            with forks_blocked():  # opening imports what only some machines need, encodings among them
                meter = self._config.open_meter()
                meter.begin()
        except Exception as error:  # noqa: BLE001 - drivers and files; the service goes on without a meter
            self._retry_ns = now_ns + RETRY_NS
            self._count_meter_error("the meter could not be opened", error)
            return
        finally:
            self._reading_since_ns = None
        self.ledger.cut()  # the time so far was not measured
        self._meter = meter

    def _read(self, meter: LiveMeter) -> None:
        self._reading_since_ns = self._clock()
        window = self.ledger.cut()
        try:
            energy = meter.read(window)
        except Exception as error:  # noqa: BLE001 - drivers and files
            self._count_meter_error("the meter could not be read", error)
            return
        finally:
            self._reading_since_ns = None
        for why in energy.missing:
            self._count_meter_error("a part of the machine could not be read", why)
        if not all(math.isfinite(joules) and joules >= 0 for joules in (energy.requests_joules, energy.idle_joules)):
            self._count_meter_error(
                "the meter's joules are invalid", f"{energy.requests_joules} J and {energy.idle_joules} J"
            )
            return
        self.ledger.book(*self._split.split(energy, window))

    def _check_timeout(self) -> None:
        """Count a reading that takes too long, once, while it does."""
        since_ns = self._reading_since_ns
        if since_ns is not None and self._clock() - since_ns > READ_TIMEOUT_NS:
            self._reading_since_ns = None
            self._count_meter_error("the meter hangs", f"no answer for {READ_TIMEOUT_NS // 1_000_000_000} s")

    def _count_meter_error(self, what: str, error: object) -> None:
        self._meter_errors += 1
        self._log_once(what, error)

    def _log_once(self, what: str, error: object) -> None:
        if what not in self._logged:
            self._logged.add(what)
            LOG.warning("energygate: %s: %s", what, error)
