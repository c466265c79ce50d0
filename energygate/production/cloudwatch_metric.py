"""What CloudWatch is told of a service: facility joules per request, once for every request that was served."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.recorder.snapshot import Snapshot, WorkloadTotals

LOG = logging.getLogger("energygate.recorder")

MAX_DIMENSION = 1024
"""Characters in a dimension's value:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""


def name_fault(workload: str) -> str | None:
    """Say why a workload's name can be no value of a dimension; `None` where it can."""
    if not workload.isascii() or not workload.isprintable():
        return "CloudWatch takes only printable ASCII characters in names"
    if not workload.strip():
        return "CloudWatch takes no name without a visible character"
    if len(workload) > MAX_DIMENSION:
        return f"CloudWatch takes at most {MAX_DIMENSION} characters in a name"
    return None


@dataclass(frozen=True, kw_only=True)
class MetricPoint:
    """What one workload's requests came to over a while.

    Attributes:
        workload: The workload's name.
        requests: Requests that ended, at least 1.
        energy_joules: Facility energy of these requests, PUE included, above 0.
        idle_energy_joules: Facility energy beside that.
        time_seconds: The end of the while, in seconds since 1970.
    """

    workload: str
    requests: int
    energy_joules: float
    idle_energy_joules: float
    time_seconds: float

    @property
    def energy_per_request_joules(self) -> float:
        """The mean over the requests."""
        return self.energy_joules / self.requests


class UnsentPoints:
    """Keeps what a sink has not sent yet, by workload.

    Requests whose energy has not been read yet wait for it: told without it they would look frugal, and those after
    them wasteful. Where readings failed, the requests up to the next export without a failure are never told: their
    energy may be lost, or come with the next reading that succeeds, and no number is better than a wrong one.
    Workloads whose names CloudWatch refuses are left out, so that the others are not refused with them.
    """

    def __init__(self) -> None:
        self._settled: dict[str, WorkloadTotals] = {}
        self._meter_errors = 0
        self._doubtful = False
        self._said: set[str] = set()

    def points(self, snapshot: Snapshot, since: Snapshot | None) -> list[MetricPoint]:
        """What is to be sent now, by the workloads' names; what `settle` is not told of comes again.

        Args:
            snapshot: The totals now.
            since: As the recorder hands it to a sink; `None` makes a new beginning.
        """
        if since is None:
            self._settled, self._meter_errors, self._doubtful = {}, 0, False
        failed = snapshot.meter is None or snapshot.meter_errors > self._meter_errors
        if failed or self._doubtful:
            self._settled, self._meter_errors = dict(snapshot.workloads), snapshot.meter_errors
            self._doubtful = failed
            return []
        names = sorted(filter(self._can_be_told, snapshot.workloads))
        points = (self._point(name, snapshot) for name in names)
        return [point for point in points if point is not None]

    def settle(self, points: Sequence[MetricPoint], snapshot: Snapshot) -> None:
        """Remember that points of a snapshot were sent."""
        self._settled |= {point.workload: snapshot.workloads[point.workload] for point in points}

    def _point(self, name: str, snapshot: Snapshot) -> MetricPoint | None:
        now, before = snapshot.workloads[name], self._settled.get(name)
        requests = now.requests - (before.requests if before else 0)
        energy = (now.energy_joules - (before.energy_joules if before else 0)) * snapshot.pue
        idle = (now.idle_energy_joules - (before.idle_energy_joules if before else 0)) * snapshot.pue
        if requests < 1 or not energy > 0 or not math.isfinite(energy + idle):
            return None
        return MetricPoint(
            workload=name,
            requests=requests,
            energy_joules=energy,
            idle_energy_joules=idle,
            time_seconds=snapshot.time_seconds,
        )

    def _can_be_told(self, name: str) -> bool:
        fault = name_fault(name)
        if fault is not None and name not in self._said:
            self._said.add(name)
            LOG.warning("energygate: workload %r is not told to CloudWatch: %s", name, fault)
        return fault is None
