"""What a live service did between two looks at the meter, what the meter says of that time, and what a meter is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.recorder.snapshot import MeterInfo


@dataclass(frozen=True, kw_only=True)
class SampleWindow:
    """What a process served between two looks at the meter.

    Attributes:
        wall_ns: Its length.
        in_flight_ns: Time in it with at least one request in flight.
        cpu_ns: CPU time of the process in it, all threads.
        request_ns: By workload, the time that each request spent in it, added up: two at once count twice.
        begun: Requests that began in it.
    """

    wall_ns: int
    in_flight_ns: int
    cpu_ns: int
    request_ns: Mapping[str, int]
    begun: int = 0

    @property
    def share_in_flight(self) -> float:
        """Share of its time with a request in flight, 0 to 1."""
        return min(1.0, self.in_flight_ns / self.wall_ns) if self.wall_ns > 0 else 0.0

    @property
    def serves(self) -> bool:
        """Whether a request was in flight at any time in it."""
        return self.in_flight_ns > 0


@dataclass(frozen=True, kw_only=True)
class SampleEnergy:
    """IT energy of one window, this process's part.

    Attributes:
        requests_joules: Drawn while requests were served: their work, and the machine's rest meanwhile.
        idle_joules: All other.
        missing: Why parts of the machine could not be read, one sentence each; their joules are not in it.
    """

    requests_joules: float
    idle_joules: float
    missing: tuple[str, ...] = ()

    def __add__(self, other: SampleEnergy) -> SampleEnergy:
        return SampleEnergy(
            requests_joules=self.requests_joules + other.requests_joules,
            idle_joules=self.idle_joules + other.idle_joules,
            missing=(*self.missing, *other.missing),
        )


class LiveMeter(Protocol):
    """Reads windows, one after the other without gaps. Used by one thread at a time."""

    @property
    def info(self) -> MeterInfo:
        """How its joules come about."""

    @property
    def period_ns(self) -> int:
        """How often it moves: windows are at least as long."""

    def begin(self) -> None:
        """OwnUsage for the first time: the first window begins here.

        Raises:
            MeasurementError: When it cannot be read.
        """

    def read(self, window: SampleWindow) -> SampleEnergy:
        """OwnUsage again; returns the energy since the last look that succeeded.

        Args:
            window: What the process did since the last look.

        Raises:
            MeasurementError: When nothing at all could be read.
        """

    def close(self) -> None:
        """Release what it holds."""
