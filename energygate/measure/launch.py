"""What launches yield: windows, each with its time, its requests and its reading."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence

    from energygate.measure.readings import Reading


class Clock(Protocol):
    """A monotonic clock in nanoseconds."""

    def __call__(self) -> int:
        """Return the time."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Calls of one worker, timed and metered together.

    Attributes:
        requests: Requests served: calls that did not fail, times the batch size.
        failed_requests: Requests in calls that failed.
        wall_ns: Length of the window.
        cpu_ns: CPU time of the worker and its children.
        latencies_ns: Time of each call that did not fail, from its arrival if calls arrive at a rate.
        reading: IT energy of the window.
        scheduled_ns: Planned length of the window; `None` unless calls arrive at a rate.
        units: What the requests yielded, such as tokens; `None` where that is not counted.
        first_piece_latencies_ns: Time to the first piece of each answer that was streamed.
    """

    requests: int
    failed_requests: int
    wall_ns: int
    cpu_ns: int
    latencies_ns: tuple[int, ...] | array[int] = field(repr=False)
    reading: Reading
    scheduled_ns: int | None = None
    units: float | None = None
    first_piece_latencies_ns: Sequence[int] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What one launch of one side measured.

    Attributes:
        cpus: The CPUs it was pinned to; empty where that is impossible.
        windows: The measured windows, in order.
        warm_up_windows: Discarded windows served before.
        warm_up_ns: Time of all discarded requests.
        steady: Whether warm-up settled before its limit.
        cold_start_ns: Time from starting the process until it could serve; longer where both sides started at once.
        cold_start: IT energy over the same span; `None` where both sides started at once.
        peak_memory_bytes: Peak resident memory of the worker and its children; 0 when unknown.
        codecarbon_joules: codecarbon's own figure for the windows; `None` where the readings are codecarbon's.
        versions: The interpreter's and libraries' versions.
        first_failure: The first failed request as a sentence; `None` when all were served.
        capacity_per_s: Requests a second that it served when warm, with its clients asking as fast as they could.
        requests_per_call: Requests per call as the workload itself reports them; not the policy's batch size.
        inputs: How many different inputs its calls have.
        calls: Which calls were measured, numbered over all launches; call n has input n modulo `inputs`.
    """

    cpus: tuple[int, ...]
    windows: tuple[Window, ...]
    warm_up_windows: int
    steady: bool
    cold_start_ns: int
    cold_start: Reading | None
    peak_memory_bytes: int
    codecarbon_joules: float | None
    versions: Mapping[str, str]
    first_failure: str | None
    warm_up_ns: int = 0
    capacity_per_s: float | None = None
    requests_per_call: int = 1
    inputs: int = 1
    calls: range = range(1)

    @property
    def requests(self) -> int:
        """Requests served in the measured windows."""
        return sum(window.requests for window in self.windows)

    @property
    def energy_joules(self) -> float:
        """IT energy of the measured windows."""
        return sum(window.reading.energy_joules for window in self.windows)

    @property
    def units(self) -> float | None:
        """What the requests of the measured windows yielded; `None` where that is not counted."""
        counted = [window.units for window in self.windows if window.units is not None]
        return math.fsum(counted) if len(counted) == len(self.windows) else None


@dataclass(frozen=True, kw_only=True)
class Launches:
    """The launches of a workload, on head alone or on both sides.

    Base's launch and head's at the same position ran in turns. Both have the same number of windows with the same
    number of calls; windows 2i and 2i+1 of each side make up block i, in the order ABBA or BAAB.

    Attributes:
        head: Head's launches, in order.
        base: Base's launches, as many as head's; empty without a base.
    """

    head: tuple[Launch, ...] = ()
    base: tuple[Launch, ...] = ()

    @property
    def pairs(self) -> list[tuple[Launch, Launch]]:
        """Base's launch and head's, by position; empty without a base."""
        return list(zip(self.base, self.head, strict=True)) if self.base else []

    def __len__(self) -> int:
        return len(self.head)

    def __add__(self, later: Launches) -> Launches:
        return Launches(head=self.head + later.head, base=self.base + later.base)


def inputs_measured(launches: Launches) -> tuple[int, int]:
    """Return how many different inputs were measured on every side, and how many there are."""
    counts = []
    for side in (launches.base, launches.head):
        inputs = {call % launch.inputs for launch in side for call in launch.calls[: launch.inputs]}
        counts += [(len(inputs), launch.inputs) for launch in side[:1]]
    return min(counts, key=lambda count: count[0] / count[1], default=(0, 1))
