"""What a launch yields: windows, each with its time, its requests and its reading."""

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
        """Give the time."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Calls of one worker, timed and metered together.

    Attributes:
        requests: Requests served: calls that did not fail, times the batch size.
        failed_requests: Requests in calls that failed.
        wall_ns: Length of the window.
        cpu_ns: CPU time of the worker and its children.
        latencies_ns: Time of each call that did not fail; at a rate, from its arrival on.
        reading: IT energy of the window.
        scheduled_ns: How long the window was to be; `None` where calls do not arrive at a rate.
        units: What the requests yielded, such as tokens; `None` where that is not counted.
        first_piece_latencies_ns: The same time until the first piece of every answer that was streamed.
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
        warm_up_windows: Windows served and thrown away before.
        warm_up_ns: Time in all requests that were served and thrown away.
        steady: Whether warm-up settled before its limit.
        cold_start_ns: Time from starting the process until it could serve.
        cold_start: IT energy over the same span.
        peak_memory_bytes: Peak resident memory of the worker and its children; 0 when unknown.
        codecarbon_joules: codecarbon's own account of the windows; `None` where the readings are its own.
        versions: The interpreter's and libraries' versions.
        first_failure: The first failed request as a sentence; `None` when all were served.
        capacity_per_s: Requests a second that it served when warm, as fast as its clients could ask.
        requests_per_call: How many requests a call served by the workload's own account; not the policy's batch size.
    """

    cpus: tuple[int, ...]
    windows: tuple[Window, ...]
    warm_up_windows: int
    steady: bool
    cold_start_ns: int
    cold_start: Reading
    peak_memory_bytes: int
    codecarbon_joules: float | None
    versions: Mapping[str, str]
    first_failure: str | None
    warm_up_ns: int = 0
    capacity_per_s: float | None = None
    requests_per_call: int = 1

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
        found = [window.units for window in self.windows if window.units is not None]
        return math.fsum(found) if len(found) == len(self.windows) else None


@dataclass(frozen=True, kw_only=True)
class PairedLaunch:
    """What one launch of both sides measured.

    Both have the same number of windows with the same number of calls; windows 2i and 2i+1 of each side make up
    block i, in the order ABBA or BAAB.
    """

    base: Launch
    head: Launch
