"""What a live service has come to so far, as one frozen value; what sinks are handed."""

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
        bounds_seconds: Upper bounds of the buckets, rising; a bound itself belongs to its bucket.
        counts: Requests in each bucket, not cumulative; one more than there are bounds: the last has no bound.
        sum_seconds: Of all durations.
    """

    bounds_seconds: tuple[float, ...]
    counts: tuple[int, ...]
    sum_seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class WorkloadTotals:
    """One workload's totals since the recorder started. All of them only ever grow.

    Attributes:
        requests_ok: Requests that ended well.
        requests_error: Requests that ended with an error.
        energy_joules: IT energy of requests: drawn while they were served.
        idle_energy_joules: IT energy beside that, the workload's share of it.
        response_bytes: Bytes that answers took.
        durations: Of requests, from their begin to their end.
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
        """Requests that have ended, whichever way."""
        return self.requests_ok + self.requests_error

    def plus(self, other: WorkloadTotals) -> WorkloadTotals:
        """The sum of both, of two processes that serve the same workload."""
        return _combined(self, other, 1)


@dataclass(frozen=True, kw_only=True)
class MeterInfo:
    """How the joules come about.

    Attributes:
        method: `measured` by a hardware counter, or `estimated` by a power model.
        source: Which counters, or which row of which table, in words.
        version: energygate's version.
        idle_watts: What the machine draws at rest; `None` while unknown.
    """

    method: str
    source: str
    version: str
    idle_watts: float | None = None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a recorder knows at one moment.

    Attributes:
        workloads: Totals by workload; the recorder's own workload is always among them.
        meter: How the joules come about; `None` until the meter is open, or where none can be had.
        meter_errors: Readings that could not be had; their energy is in no total.
        pue: Facility energy over IT energy. No total includes it: multiply once.
        time_seconds: When it was taken, in seconds since 1970.
        start_seconds: When the totals began at 0, in seconds since 1970: later in every forked process.
        internal_errors: Troubles of the recorder itself and of its sinks, which the service never sees.
    """

    workloads: Mapping[str, WorkloadTotals]
    meter: MeterInfo | None
    meter_errors: int
    pue: float
    time_seconds: float
    start_seconds: float
    internal_errors: int = 0

    def less(self, earlier: Snapshot | None) -> Snapshot:
        """What was added after an earlier snapshot of the same recorder; `None` stands for its start.

        Times stay as they are. A workload that was not there earlier is counted from 0.
        """
        if earlier is None:
            return self
        return replace(
            self,
            workloads=MappingProxyType(
                {name: _less(totals, earlier.workloads.get(name)) for name, totals in self.workloads.items()}
            ),
            meter_errors=self.meter_errors - earlier.meter_errors,
            internal_errors=self.internal_errors - earlier.internal_errors,
        )


class Sink(Protocol):
    """Takes snapshots elsewhere. Called by the recorder's own thread, never by one that serves."""

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Send what has come to be.

        What it raises is counted and logged once, and the next export comes all the same. It may take its time: other
        sinks wait for it meanwhile, requests and samples do not.

        Args:
            snapshot: Totals up to now.
            since: The last snapshot that this sink took without raising; `None` at first, and again in a forked
                process, whose totals begin at 0. `snapshot.less(since)` is what was added.
        """

    def close(self) -> None:
        """Release what it holds; nothing is exported afterwards."""


def _less(now: WorkloadTotals, before: WorkloadTotals | None) -> WorkloadTotals:
    return now if before is None else _combined(now, before, -1)


def _combined(one: WorkloadTotals, other: WorkloadTotals, sign: int) -> WorkloadTotals:
    """One plus or minus the other. Histograms of other bounds than the first one's have no place in it."""
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
        units=MappingProxyType(
            {name: count + sign * other.units.get(name, 0) for name, count in units.items()}
        ),
    )
