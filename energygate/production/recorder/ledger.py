"""Requests of one process: which are in flight, what has ended, and what became of the joules. Safe under threads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.production.recorder.labels import add_units, label, place
from energygate.production.recorder.samples import SampleWindow
from energygate.production.recorder.snapshot import Durations, WorkloadTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


MAX_LATENCY_BOUNDS = 8
"""Of a policy's limits on latency that become buckets: each is a time series per workload."""

MAX_BOUND_SECONDS = 1e8
"""Three years: no request reaches a limit beyond it."""

ABOVE = 2.5


class WorkloadCounters:
    """One workload's numbers. Belongs to its ledger, which holds the lock."""

    __slots__ = (
        "counts",
        "energy_joules",
        "errors",
        "idle_joules",
        "in_flight",
        "name",
        "ok",
        "request_ns",
        "response_bytes",
        "since_ns",
        "sum_ns",
        "units",
    )

    def __init__(self, name: str, buckets: int, now_ns: int) -> None:
        self.name = name
        self.in_flight = 0
        self.since_ns = now_ns
        self.request_ns = 0
        self.ok = 0
        self.errors = 0
        self.energy_joules = 0.0
        self.idle_joules = 0.0
        self.response_bytes = 0
        self.counts = [0] * buckets
        self.sum_ns = 0
        self.units: dict[str, float] = {}

    def advance(self, now_ns: int) -> None:
        """Count the time of what is in flight up to now; a clock that stepped back counts for nothing."""
        if now_ns > self.since_ns:
            self.request_ns += self.in_flight * (now_ns - self.since_ns)
        self.since_ns = now_ns


class Ledger:
    """Counts requests as they begin and end, in memory that does not grow with them.

    The lock is held for a microsecond or two, and may be taken again by the thread that holds it: a garbage
    collector can end an abandoned request at any moment, within these methods too.

    Args:
        names: Workloads that are known, the service's own first. The others appear with their first requests.
        bounds_seconds: Upper bounds of the buckets of durations, rising.
        clock: A clock in ns that does not step.
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
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._bounds_seconds = bounds_seconds
        self._bounds_ns = [round(bound * 1e9) for bound in bounds_seconds]
        self._known = frozenset(names)
        now_ns = clock()
        self._accounts = {names[0]: WorkloadCounters(names[0], len(bounds_seconds) + 1, now_ns)}
        self._in_flight = 0
        self._begun = 0
        self._cut_ns = now_ns
        self._cut_cpu_ns = cpu_clock()
        self._flight_since_ns = now_ns
        self._in_flight_ns = 0

    def begin(self, name: object) -> tuple[WorkloadCounters, int]:
        """A request begins; returns what `end` needs: its account, and the time."""
        with self._lock:
            account = self._accounts.get(name) if isinstance(name, str) else None
            if account is None:
                account = self._account(label(name))
            now_ns = self._clock()
            account.advance(now_ns)
            account.in_flight += 1
            self._begun += 1
            if self._in_flight == 0:
                self._flight_since_ns = now_ns
            self._in_flight += 1
        return account, now_ns

    def end(  # noqa: PLR0913 - what a request has to say at its end
        self,
        account: WorkloadCounters,
        began_ns: int,
        *,
        ok: bool,
        answered_ns: int | None = None,
        response_bytes: int = 0,
        units: Mapping[str, float] | None = None,
    ) -> None:
        """A request ends.

        Args:
            account: From `begin`.
            began_ns: From `begin`.
            ok: Whether it ended well.
            answered_ns: When its answer was complete; `None`: now.
            response_bytes: Bytes of its answer.
            units: What it yielded, by name.
        """
        with self._lock:
            now_ns = self._clock()
            account.advance(now_ns)
            account.in_flight -= 1
            self._in_flight -= 1
            if self._in_flight == 0:
                self._in_flight_ns += max(0, now_ns - self._flight_since_ns)
            if ok:
                account.ok += 1
            else:
                account.errors += 1
            duration_ns = max(0, (now_ns if answered_ns is None else answered_ns) - began_ns)
            account.counts[bisect_left(self._bounds_ns, duration_ns)] += 1
            account.sum_ns += duration_ns
            account.response_bytes += response_bytes
            if units:
                add_units(account.units, units)

    def now_ns(self) -> int:
        """The ledger's clock."""
        return self._clock()

    def cut(self) -> SampleWindow:
        """End the window and begin the next one."""
        with self._lock:
            now_ns, cpu_ns = self._clock(), self._cpu_clock()
            if self._in_flight:
                self._in_flight_ns += max(0, now_ns - self._flight_since_ns)
                self._flight_since_ns = now_ns
            request_ns = {}
            for name, account in self._accounts.items():
                account.advance(now_ns)
                request_ns[name], account.request_ns = account.request_ns, 0
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
        """Add the joules of a window, shared out by workload."""
        with self._lock:
            for name, joules in requests_joules.items():
                self._account(name).energy_joules += joules
            for name, joules in idle_joules.items():
                self._account(name).idle_joules += joules

    def totals(self) -> Mapping[str, WorkloadTotals]:
        """Everything so far, by workload."""
        with self._lock:
            return MappingProxyType({name: self._totals(account) for name, account in self._accounts.items()})

    def _totals(self, account: WorkloadCounters) -> WorkloadTotals:
        return WorkloadTotals(
            requests_ok=account.ok,
            requests_error=account.errors,
            energy_joules=account.energy_joules,
            idle_energy_joules=account.idle_joules,
            response_bytes=account.response_bytes,
            durations=Durations(
                bounds_seconds=self._bounds_seconds,
                counts=tuple(account.counts),
                sum_seconds=account.sum_ns * 1e-9,
            ),
            units=MappingProxyType(dict(account.units)),
        )

    def _account(self, name: str) -> WorkloadCounters:
        """A workload's account; that of `OTHER` once there are too many."""
        name = place(name, self._accounts.keys(), self._known)
        account = self._accounts.get(name)
        if account is None:
            account = WorkloadCounters(name, len(self._bounds_seconds) + 1, self._clock())
            self._accounts[name] = account
        return account


def bounds_with(limits_seconds: Iterable[float], usual: Sequence[float]) -> tuple[float, ...]:
    """Bounds of a histogram, with a policy's own limits among them, so that keeping to one can be counted exactly.

    The longest `MAX_LATENCY_BOUNDS` of them, and one bound well above: no quantile read from a histogram is above
    its last bound, so that without it the longest limit could never be seen to be broken.
    """
    limits = sorted({limit for limit in limits_seconds if 0 < limit <= MAX_BOUND_SECONDS})[
        -MAX_LATENCY_BOUNDS:
    ]
    bounds = {*usual, *limits}
    if limits and max(usual) < ABOVE * limits[-1]:
        bounds.add(ABOVE * limits[-1])
    return tuple(sorted(bounds))
