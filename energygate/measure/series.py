"""From launches to the metrics they stand for: one value per launch, and one over all of them."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.windows import quantile
from energygate.policy import JOULES_PER_KWH
from energygate.stats import LogRatio, launch_log_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from energygate.measure.launch import Launch, PairedLaunch, Window

QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}

FIRST_PIECE_QUANTILES = {"ttft_p50": 0.50, "ttft_p95": 0.95}

WANDERING = frozenset(
    {"energy_per_request", "energy_per_unit", *QUANTILES, *FIRST_PIECE_QUANTILES}
    | {"throughput", "cold_start", "cold_start_energy"}
    | {"effective_energy_per_request", "monthly_cost", "sci"}
)
"""Metrics that follow the machine's speed, which on shared machines wanders from one occasion to the next."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one side over its launches, in the metric's canonical unit.

    Energies are IT energy in kWh: PUE comes once, later. What holds for production's traffic (`measure.footprints`)
    has it already.

    Attributes:
        per_launch: One value per launch.
        overall: One value over all launches; for energy the sum of joules over the sum of requests.
        elasticity: How much of the machine's wander reaches it, from 0 to 1: a pool's price does not wander.
    """

    per_launch: tuple[float, ...]
    overall: float
    elasticity: float = 1.0


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
    found |= _quantiles(QUANTILES, launches, lambda window: window.latencies_ns)
    found |= _quantiles(FIRST_PIECE_QUANTILES, launches, lambda window: window.first_piece_latencies_ns)
    if all(launch.units for launch in launches):  # without any, a launch has no energy per unit
        found["energy_per_unit"] = Series(
            per_launch=tuple(
                launch.energy_joules / JOULES_PER_KWH / (launch.units or 0.0) for launch in launches
            ),
            overall=sum(launch.energy_joules for launch in launches)
            / JOULES_PER_KWH
            / math.fsum(launch.units or 0.0 for launch in launches),
        )
    if all(launch.peak_memory_bytes for launch in launches):
        found["peak_memory"] = _mean(float(launch.peak_memory_bytes) for launch in launches)
    return found


def _quantiles(
    wanted: Mapping[str, float], launches: Sequence[Launch], times_ns: Callable[[Window], Iterable[int]]
) -> dict[str, Series]:
    """Quantiles of each launch's times, in seconds; nothing where a launch has none."""
    sorted_times = [
        sorted(one for window in launch.windows for one in times_ns(window)) for launch in launches
    ]
    if not all(sorted_times):
        return {}
    return {
        name: _mean(quantile(times, share) * 1e-9 for times in sorted_times) for name, share in wanted.items()
    }


def wander(launches: Sequence[Launch]) -> float:
    """How many times longer a request took in the slowest launch than in the fastest; 1 for fewer than two."""
    medians = [
        statistics.median(window.wall_ns / max(1, window.requests) for window in launch.windows)
        for launch in launches
    ]
    return max(medians) / min(medians) if medians else 1.0


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


@dataclass(frozen=True, kw_only=True)
class ChangeSeries:
    """One metric's ln(head/base) over the paired launches.

    Attributes:
        log_ratios: One value per launch.
        errors: The standard error of each from within its launch; 0 where a launch does not say.
        totals: The same as `log_ratios` of sums over the whole launch, which a few dear requests move too.
    """

    log_ratios: tuple[float, ...]
    errors: tuple[float, ...]
    totals: tuple[float, ...]


def change_series(launches: Sequence[PairedLaunch]) -> dict[str, ChangeSeries]:
    """How every sampled metric changed, launch by launch.

    Energies and throughput come from windows that took turns, block by block; the others are one number per side and
    launch, and so is energy per unit where a window yielded nothing. PUE, carbon intensity and price are the same on
    both sides and cancel.
    """
    ratios = {
        "energy_per_request": [_paired(launch, _joules_per_request) for launch in launches],
        "throughput": [_paired(launch, _requests_per_ns) for launch in launches],
    }
    if all(window.units for launch in launches for window in (*launch.base.windows, *launch.head.windows)):
        ratios["energy_per_unit"] = [_paired(launch, _joules_per_unit) for launch in launches]
    base, head = series([launch.base for launch in launches]), series([launch.head for launch in launches])
    for name in base.keys() & head.keys() - ratios.keys():
        pairs = zip(base[name].per_launch, head[name].per_launch, strict=True)
        ratios[name] = [_of_one_number(math.log(h / b)) for b, h in pairs]
    return {
        name: ChangeSeries(
            log_ratios=tuple(ratio.value for ratio in found),
            errors=tuple(ratio.error for ratio in found),
            totals=tuple(ratio.total for ratio in found),
        )
        for name, found in ratios.items()
    }


def _of_one_number(log_ratio: float) -> LogRatio:
    return LogRatio(value=log_ratio, error=0.0, total=log_ratio)


def _paired(launch: PairedLaunch, value: Callable[[Window], float]) -> LogRatio:
    return launch_log_ratio(
        [value(window) for window in launch.base.windows], [value(window) for window in launch.head.windows]
    )


def _joules_per_request(window: Window) -> float:
    return window.reading.energy_joules / _served(window)


def _joules_per_unit(window: Window) -> float:
    assert window.units  # noqa: S101 - asked for only where every window yielded something
    return window.reading.energy_joules / window.units


def _requests_per_ns(window: Window) -> float:
    return _served(window) / window.wall_ns


def _served(window: Window) -> int:
    if not window.requests:
        raise MeasurementError("no request was served in a window")
    return window.requests
