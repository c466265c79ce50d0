"""A live service's totals as one frozen value, which sinks receive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Durations:
    """A histogram of requests' durations.

    Attributes:
        bounds_seconds: Upper bounds of the buckets, rising and inclusive.
        counts: Requests in each bucket, not cumulative; one more than there are bounds: the last is unbounded.
        sum_seconds: The sum of all durations.
    """

    bounds_seconds: tuple[float, ...]
    counts: tuple[int, ...]
    sum_seconds: float = 0.0

    @property
    def count(self) -> int:
        """The number of durations."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class WorkloadTotals:
    """One workload's totals since the recorder started. They never decrease.

    Attributes:
        requests_ok: Requests that succeeded.
        requests_error: Requests that failed.
        energy_joules: IT energy of requests: drawn while they were served.
        idle_energy_joules: The workload's share of all other IT energy.
        response_bytes: Bytes of responses.
        durations: Of requests, from start to end.
        units: What requests yielded, such as tokens, by name.
    """

    requests_ok: int
    requests_error: int
    energy_joules: float
    idle_energy_joules: float
    response_bytes: int
    durations: Durations
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def requests(self) -> int:
        """Requests that have ended, successfully or not."""
        return self.requests_ok + self.requests_error

    def plus(self, other: WorkloadTotals) -> WorkloadTotals:
        """Return the sum with another process's totals of the same workload."""
        return _combined(self, other, 1)

    def minus(self, earlier: WorkloadTotals) -> WorkloadTotals:
        """Return what was added since earlier totals."""
        return _combined(self, earlier, -1)


@dataclass(frozen=True, kw_only=True)
class MeterInfo:
    """How the joules are obtained.

    Attributes:
        method: `measured` by a hardware counter, or `estimated` by a power model.
        source: Which counters, or which row of which table, in words.
        version: energygate's version.
        idle_watts: The machine's idle power; `None` while unknown.
    """

    method: str
    source: str
    version: str
    idle_watts: float | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What the metrics say of the meter."""
        return {"method": self.method, "source": self.source, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class ProcessTotals:
    """Totals of one process, or of several together.

    Attributes:
        workloads: Totals by workload; the recorder's own workload is always among them.
        meter_errors: Failed readings; their energy is in no total.
        internal_errors: Errors of the recorder itself and of its sinks, which the service never sees.
        start_seconds: When the totals were 0, in seconds since 1970; later in every forked process.
    """

    workloads: Mapping[str, WorkloadTotals]
    meter_errors: int
    internal_errors: int = 0
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class Snapshot(ProcessTotals):
    """Everything that a recorder knows at one moment: its totals, and these.

    Attributes:
        meter: How the joules are obtained; `None` until a meter is open.
        pue: Facility energy over IT energy. No total includes it: multiply once.
        time_seconds: When it was taken, in seconds since 1970.
    """

    meter: MeterInfo | None
    pue: float
    time_seconds: float

    def less(self, earlier: Snapshot | None) -> Snapshot:
        """Return what was added since an earlier snapshot of the same recorder; `None` stands for its start.

        Times stay as they are. A workload that the earlier snapshot lacks counts from 0.
        """
        if earlier is None:
            return self
        return replace(
            self,
            workloads=MappingProxyType(
                {
                    name: totals.minus(earlier.workloads[name]) if name in earlier.workloads else totals
                    for name, totals in self.workloads.items()
                }
            ),
            meter_errors=self.meter_errors - earlier.meter_errors,
            internal_errors=self.internal_errors - earlier.internal_errors,
        )


class Sink(Protocol):
    """Sends snapshots elsewhere. Called by the recorder's own thread, never by one that serves."""

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Send a snapshot.

        Exceptions are counted and logged once, and the next export comes all the same. It may be slow: other sinks
        wait for it, requests and samples do not.

        Args:
            snapshot: Totals up to now.
            since: The last snapshot that this sink exported without raising; `None` at first, and again in a forked
                process, whose totals begin at 0. `snapshot.less(since)` is what was added.
        """

    def close(self) -> None:
        """Release resources; nothing is exported afterwards."""


def _combined(one: WorkloadTotals, other: WorkloadTotals, sign: int) -> WorkloadTotals:
    """Return one plus or minus the other; a histogram with other bounds than the first one's is left out."""
    durations = one.durations
    if durations.bounds_seconds == other.durations.bounds_seconds:
        counts = zip(durations.counts, other.durations.counts, strict=True)
        durations = replace(
            durations,
            counts=tuple(mine + sign * theirs for mine, theirs in counts),
            sum_seconds=durations.sum_seconds + sign * other.durations.sum_seconds,
        )
    units = {**dict.fromkeys(other.units, 0.0), **one.units}
    return WorkloadTotals(
        requests_ok=one.requests_ok + sign * other.requests_ok,
        requests_error=one.requests_error + sign * other.requests_error,
        energy_joules=one.energy_joules + sign * other.energy_joules,
        idle_energy_joules=one.idle_energy_joules + sign * other.idle_energy_joules,
        response_bytes=one.response_bytes + sign * other.response_bytes,
        durations=durations,
        units=MappingProxyType({name: count + sign * other.units.get(name, 0) for name, count in units.items()}),
    )
