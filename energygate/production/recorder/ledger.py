"""Requests of one process: those in flight, those that have ended, and the joules they took. Thread-safe."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.production.recorder.labels import add_units, bounded_name, label
from energygate.production.recorder.samples import SampleWindow
from energygate.production.recorder.snapshot import Durations, WorkloadTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(slots=True)
class WorkloadCounters:
    """One workload's counters. They belong to a ledger, which holds the lock."""

    since_ns: int
    counts: list[int]
    sum_ns: int = 0
    in_flight: int = 0
    request_ns: int = 0
    ok: int = 0
    errors: int = 0
    energy_joules: float = 0.0
    idle_joules: float = 0.0
    response_bytes: int = 0
    units: dict[str, float] = field(default_factory=dict)

    def advance(self, now_ns: int) -> None:
        """Add the time of requests in flight up to now; a clock that stepped back adds nothing."""
        if now_ns > self.since_ns:
            self.request_ns += self.in_flight * (now_ns - self.since_ns)
        self.since_ns = now_ns


class Ledger:
    """Counts requests as they begin and end, in memory that does not grow with them.

    The lock is held for a microsecond or two. It is re-entrant, because a garbage collector can end an abandoned
    request at any moment, within these methods too.

    Args:
        names: Workloads known from the start, the service's own first. Others appear with their first request.
        bounds_seconds: Upper bounds of the duration buckets, rising.
        clock: A monotonic clock in ns.
        cpu_clock: CPU time of this process in ns.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        bounds_seconds: tuple[float, ...],
        clock: Callable[[], int],
        cpu_clock: Callable[[], int],
    ) -> None:
        self._lock = threading.RLock()
        self.now_ns = clock
        self._cpu_clock = cpu_clock
        self._bounds_seconds = bounds_seconds
        self._bounds_ns = [round(bound * 1e9) for bound in bounds_seconds]
        self._known = frozenset(names)
        self._workloads: dict[str, WorkloadCounters] = {}
        self._counters(names[0])
        self._in_flight = 0
        self._begun = 0
        self._cut_ns = now_ns = clock()
        self._cut_cpu_ns = cpu_clock()
        self._flight_since_ns = now_ns
        self._in_flight_ns = 0

    def begin(self, name: object) -> tuple[WorkloadCounters, int]:
        """Begin a request; return what `end` needs: its workload's counters, and the time."""
        with self._lock:
            counters = self._workloads.get(name) if isinstance(name, str) else None
            if counters is None:
                counters = self._counters(label(name))
            now_ns = self.now_ns()
            counters.advance(now_ns)
            counters.in_flight += 1
            self._begun += 1
            if self._in_flight == 0:
                self._flight_since_ns = now_ns
            self._in_flight += 1
        return counters, now_ns

    def end(  # noqa: PLR0913 - everything that is known of a request at its end
        self,
        counters: WorkloadCounters,
        began_ns: int,
        *,
        ok: bool,
        answered_ns: int | None = None,
        response_bytes: int = 0,
        units: Mapping[str, float] | None = None,
    ) -> None:
        """End a request.

        Args:
            counters: From `begin`.
            began_ns: From `begin`.
            ok: Whether the request succeeded.
            answered_ns: When the response was complete; `None`: now.
            response_bytes: Bytes of the response.
            units: What the request yielded, by name.
        """
        with self._lock:
            now_ns = self.now_ns()
            counters.advance(now_ns)
            counters.in_flight -= 1
            self._in_flight -= 1
            if self._in_flight == 0:
                self._in_flight_ns += max(0, now_ns - self._flight_since_ns)
            if ok:
                counters.ok += 1
            else:
                counters.errors += 1
            duration_ns = max(0, (now_ns if answered_ns is None else answered_ns) - began_ns)
            counters.counts[bisect_left(self._bounds_ns, duration_ns)] += 1
            counters.sum_ns += duration_ns
            counters.response_bytes += response_bytes
            if units:
                add_units(counters.units, units)

    def cut(self) -> SampleWindow:
        """End the window and begin the next one."""
        with self._lock:
            now_ns, cpu_ns = self.now_ns(), self._cpu_clock()
            if self._in_flight:
                self._in_flight_ns += max(0, now_ns - self._flight_since_ns)
                self._flight_since_ns = now_ns
            request_ns = {}
            for name, counters in self._workloads.items():
                counters.advance(now_ns)
                request_ns[name], counters.request_ns = counters.request_ns, 0
            window = SampleWindow(
                wall_ns=max(0, now_ns - self._cut_ns),
                in_flight_ns=self._in_flight_ns,
                cpu_ns=max(0, cpu_ns - self._cut_cpu_ns),
                request_ns=request_ns,
                begun=self._begun,
            )
            self._cut_ns, self._cut_cpu_ns = now_ns, cpu_ns
            self._in_flight_ns = self._begun = 0
        return window

    def book(self, requests_joules: Mapping[str, float], idle_joules: Mapping[str, float]) -> None:
        """Add the joules of a window, by workload."""
        with self._lock:
            for name, joules in requests_joules.items():
                self._counters(name).energy_joules += joules
            for name, joules in idle_joules.items():
                self._counters(name).idle_joules += joules

    def totals(self) -> Mapping[str, WorkloadTotals]:
        """Return all totals so far, by workload."""
        with self._lock:
            return MappingProxyType({name: self._totals(counters) for name, counters in self._workloads.items()})

    def _totals(self, counters: WorkloadCounters) -> WorkloadTotals:
        return WorkloadTotals(
            requests_ok=counters.ok,
            requests_error=counters.errors,
            energy_joules=counters.energy_joules,
            idle_energy_joules=counters.idle_joules,
            response_bytes=counters.response_bytes,
            durations=Durations(
                bounds_seconds=self._bounds_seconds,
                counts=tuple(counters.counts),
                sum_seconds=counters.sum_ns * 1e-9,
            ),
            units=MappingProxyType(dict(counters.units)),
        )

    def _counters(self, name: str) -> WorkloadCounters:
        """Return a workload's counters, or those of `OTHER` once there are too many."""
        name = bounded_name(name, self._workloads.keys(), self._known)
        counters = self._workloads.get(name)
        if counters is None:
            counters = WorkloadCounters(self.now_ns(), [0] * (len(self._bounds_seconds) + 1))
            self._workloads[name] = counters
        return counters
