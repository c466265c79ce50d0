"""From launches to the metrics they stand for: one value per launch, and one over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.readings import JOULES_PER_KWH
from energygate.measure.windows import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from energygate.measure.launch import Launch

QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}

WANDERING = frozenset({"energy_per_request", *QUANTILES, "throughput", "cold_start", "cold_start_energy"})
"""Metrics that follow the machine's speed, which on shared machines wanders from one occasion to the next."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one side over its launches, in the metric's canonical unit.

    Energies are IT energy in kWh: PUE comes once, later.

    Attributes:
        per_launch: One value per launch.
        overall: One value over all launches; for energy the sum of joules over the sum of requests.
    """

    per_launch: tuple[float, ...]
    overall: float


def series(launches: Sequence[Launch]) -> dict[str, Series]:
    """All sampled metrics of the launches of one side.

    Raises:
        MeasurementError: When a launch served no request at all.
    """
    for number, launch in enumerate(launches, 1):
        if launch.requests == 0:
            raise MeasurementError(f"no request was served in launch {number}: {launch.first_failure}")
    found = {
        "energy_per_request": Series(
            per_launch=tuple(launch.energy_joules / JOULES_PER_KWH / launch.requests for launch in launches),
            overall=sum(launch.energy_joules for launch in launches)
            / JOULES_PER_KWH
            / sum(launch.requests for launch in launches),
        ),
        "throughput": _mean(launch.requests / _wall_s(launch) for launch in launches),
        "cold_start": _mean(launch.cold_start_ns * 1e-9 for launch in launches),
        "cold_start_energy": _mean(launch.cold_start.energy_joules / JOULES_PER_KWH for launch in launches),
    }
    sorted_latencies = [
        sorted(latency for window in launch.windows for latency in window.latencies_ns) for launch in launches
    ]
    for name, share in QUANTILES.items():
        found[name] = _mean(quantile(latencies, share) * 1e-9 for latencies in sorted_latencies)
    if all(launch.peak_memory_bytes for launch in launches):
        found["peak_memory"] = _mean(float(launch.peak_memory_bytes) for launch in launches)
    return found


def success_rate(launches: Sequence[Launch]) -> float:
    """Share of the requests of all measured windows that did not fail."""
    failed = sum(window.failed_requests for launch in launches for window in launch.windows)
    served = sum(launch.requests for launch in launches)
    return served / (served + failed)


def _wall_s(launch: Launch) -> float:
    return sum(window.wall_ns for window in launch.windows) * 1e-9


def _mean(values: Iterable[float]) -> Series:
    per_launch = tuple(values)
    return Series(per_launch=per_launch, overall=sum(per_launch) / len(per_launch))
