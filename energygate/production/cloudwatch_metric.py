"""CloudWatch's metric of a service: facility joules per request, every request counted once."""

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
"""Characters of a dimension's value:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""


def name_fault(workload: str) -> str | None:
    """Return why a workload's name is not a valid dimension value; `None` when it is."""
    if not workload.isascii() or not workload.isprintable():
        return "CloudWatch accepts only printable ASCII characters in names"
    if not workload.strip():
        return "CloudWatch accepts no name without a visible character"
    if len(workload) > MAX_DIMENSION:
        return f"CloudWatch accepts at most {MAX_DIMENSION} characters in a name"
    return None


@dataclass(frozen=True, kw_only=True)
class MetricPoint:
    """One workload's requests over a period.

    Attributes:
        workload: The workload's name.
        requests: Requests that ended, at least 1.
        energy_joules: Facility energy of these requests, PUE included, above 0.
        idle_energy_joules: All other facility energy.
        time_seconds: The end of the period, in seconds since 1970.
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
    """Tracks what a sink has not sent yet, by workload.

    Requests wait until their energy has been read: sent without it they would look too cheap, and later ones too
    expensive. Where readings failed, the requests up to the next export without a failure are never sent: their energy
    may be lost, or come with the next successful reading, and no number is better than a wrong one. Workloads whose
    names CloudWatch rejects are left out, so that the others are not rejected with them.
    """

    def __init__(self) -> None:
        self._sent: dict[str, WorkloadTotals] = {}
        self._meter_errors = 0
        self._uncertain = False
        self._logged: set[str] = set()

    def points(self, snapshot: Snapshot, since: Snapshot | None) -> list[MetricPoint]:
        """Return the points to send now, by workload name; those not passed to `mark_sent` come again.

        Args:
            snapshot: The totals now.
            since: As passed to a sink; `None` starts anew.
        """
        if since is None:
            self._sent, self._meter_errors, self._uncertain = {}, 0, False
        failed = snapshot.meter is None or snapshot.meter_errors > self._meter_errors
        if failed or self._uncertain:
            self._sent, self._meter_errors = dict(snapshot.workloads), snapshot.meter_errors
            self._uncertain = failed
            return []
        names = sorted(filter(self._has_valid_name, snapshot.workloads))
        points = (self._point(name, snapshot) for name in names)
        return [point for point in points if point is not None]

    def mark_sent(self, points: Sequence[MetricPoint], snapshot: Snapshot) -> None:
        """Remember which points of a snapshot were sent."""
        self._sent |= {point.workload: snapshot.workloads[point.workload] for point in points}

    def _point(self, name: str, snapshot: Snapshot) -> MetricPoint | None:
        now, sent = snapshot.workloads[name], self._sent.get(name)
        unsent = now if sent is None else now.minus(sent)
        energy, idle = unsent.energy_joules * snapshot.pue, unsent.idle_energy_joules * snapshot.pue
        if unsent.requests < 1 or not energy > 0 or not math.isfinite(energy + idle):
            return None
        return MetricPoint(
            workload=name,
            requests=unsent.requests,
            energy_joules=energy,
            idle_energy_joules=idle,
            time_seconds=snapshot.time_seconds,
        )

    def _has_valid_name(self, name: str) -> bool:
        fault = name_fault(name)
        if fault is not None and name not in self._logged:
            self._logged.add(name)
            LOG.warning("energygate: workload %r is not sent to CloudWatch: %s", name, fault)
        return fault is None
