"""A window between two samples of the meter, the energy sampled for it, and what a live meter is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.recorder.snapshot import MeterInfo


@dataclass(frozen=True, kw_only=True)
class SampleWindow:
    """What a process served between two samples of the meter.

    Attributes:
        wall_ns: The window's length.
        in_flight_ns: Time in it with at least one request in flight.
        cpu_ns: CPU time of the process in it, all threads.
        request_ns: By workload, the time that requests spent in it, added up: two at once count twice.
        begun: Requests that began in it.
    """

    wall_ns: int
    in_flight_ns: int
    cpu_ns: int
    request_ns: Mapping[str, int]
    begun: int = 0

    @property
    def share_in_flight(self) -> float:
        """Share of the window with a request in flight, 0 to 1."""
        return min(1.0, self.in_flight_ns / self.wall_ns) if self.wall_ns > 0 else 0.0

    @property
    def serves(self) -> bool:
        """Whether a request was in flight at any time."""
        return self.in_flight_ns > 0


@dataclass(frozen=True, kw_only=True)
class SampleEnergy:
    """This process's part of the IT energy of one window.

    Attributes:
        requests_joules: Drawn while requests were served: their work, and the machine's idle power meanwhile.
        idle_joules: All other energy.
        missing: Why parts of the machine could not be read, one sentence each; their joules are not included.
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
        """How the meter obtains its joules."""

    @property
    def period_ns(self) -> int:
        """How often the meter's value changes: windows are at least as long."""

    def begin(self) -> None:
        """Take the first sample, with which the first window begins.

        Raises:
            MeasurementError: When the meter cannot be read.
        """

    def read(self, window: SampleWindow) -> SampleEnergy:
        """Take a sample; return the energy since the last one that succeeded.

        Args:
            window: What the process did since the last sample.

        Raises:
            MeasurementError: When nothing at all could be read.
        """

    def close(self) -> None:
        """Release the meter's resources."""
