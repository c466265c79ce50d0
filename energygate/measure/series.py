"""From launches to metrics: one value per launch, and one over all launches."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.scatter import UNKNOWN
from energygate.measure.windows import quantile
from energygate.policy import JOULES_PER_KWH
from energygate.stats import LogRatio, launch_log_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from energygate.measure.launch import Launch, Launches, Window
    from energygate.measure.scatter import Scatter

QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}

FIRST_PIECE_QUANTILES = {"ttft_p50": 0.50, "ttft_p95": 0.95}

DRIFTING = frozenset(
    {"energy_per_request", "energy_per_unit", *QUANTILES, *FIRST_PIECE_QUANTILES}
    | {"throughput", "cold_start", "cold_start_energy"}
    | {"effective_energy_per_request", "monthly_cost", "sci"}
)
"""Metrics that follow the machine's speed, which on shared machines drifts from one occasion to the next."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one side over its launches, in the metric's canonical unit.

    Energies are IT energy in kWh: PUE is applied once, later. The metrics at production's traffic
    (`measure.footprints`) already include it.

    Attributes:
        per_launch: One value per launch.
        overall: One value over all launches; for energy the sum of joules over the sum of requests.
        elasticity: Share of the machine's drift that reaches the metric, from 0 to 1: a pool's price does not drift.
        expected_sd: Recorded deviation of ln(value) of such launches; infinite where none was recorded.
        min_sd: A lower bound of it: what the windows of a launch scatter, such as where they serve different inputs.
    """

    per_launch: tuple[float, ...]
    overall: float
    elasticity: float = 1.0
    expected_sd: float = math.inf
    min_sd: float = 0.0

    @property
    def logs(self) -> tuple[float, ...]:
        """ln(value), one per launch."""
        return tuple(map(math.log, self.per_launch))


def series(launches: Sequence[Launch], scatter: Scatter = UNKNOWN) -> dict[str, Series]:
    """Return all sampled metrics of one side's launches.

    Args:
        launches: At least one.
        scatter: The recorded scatter of such launches.

    Raises:
        MeasurementError: When a launch served no request.
    """
    for number, launch in enumerate(launches, 1):
        if launch.requests == 0:
            raise MeasurementError(f"no request was served in launch {number}: {launch.first_failure}")
    metrics = {
        "energy_per_request": _energy_per(launches, [launch.requests for launch in launches]),
        "throughput": _mean(launch.requests / _wall_s(launch) for launch in launches),
    }
    cold_starts = [launch.cold_start.energy_joules for launch in launches if launch.cold_start]
    if len(cold_starts) == len(launches):
        metrics["cold_start"] = _mean(launch.cold_start_ns * 1e-9 for launch in launches)
        metrics["cold_start_energy"] = _mean(joules / JOULES_PER_KWH for joules in cold_starts)
    metrics |= _quantiles(QUANTILES, launches, lambda window: window.latencies_ns)
    metrics |= _quantiles(FIRST_PIECE_QUANTILES, launches, lambda window: window.first_piece_latencies_ns)
    units = [launch.units for launch in launches if launch.units]
    if len(units) == len(launches):  # without any, a launch has no energy per unit
        metrics["energy_per_unit"] = _energy_per(launches, units)
    if all(launch.peak_memory_bytes for launch in launches):
        metrics["peak_memory"] = _mean(float(launch.peak_memory_bytes) for launch in launches)
    recorded = {
        "energy_per_request": _joules_per_request,
        "energy_per_unit": _joules_per_request,
        "throughput": _requests_per_ns,
        "latency_p50": _requests_per_ns,
    }
    for name in recorded.keys() & metrics.keys():
        metrics[name] = _with_scatter(metrics[name], launches, scatter, recorded[name])
    return metrics


def _with_scatter(
    one: Series, launches: Sequence[Launch], scatter: Scatter, value: Callable[[Window], float]
) -> Series:
    """Return a metric with the scatter of its launches: the recorded one, and what their windows show."""
    counts = [len(launch.windows) for launch in launches]
    values = [[value(window) for window in launch.windows if window.requests] for launch in launches]
    if any(len(some) < count or min(some) <= 0 for some, count in zip(values, counts, strict=True)):
        return one  # a window without a request, or without a reading, says nothing
    if any(launch.inputs > 1 and len(launch.windows) == 1 for launch in launches):
        return one  # what other inputs cost is unknown
    errors = [statistics.stdev(map(math.log, some)) / math.sqrt(len(some)) for some in values if len(some) > 1]
    return replace(one, expected_sd=_rms(map(scatter.alone_sd, counts)), min_sd=_rms(errors or [0.0]))


def _energy_per(launches: Sequence[Launch], counts: Sequence[float]) -> Series:
    """Return kWh per request, or per unit; `counts` has how many each launch served."""
    kwh = [launch.energy_joules / JOULES_PER_KWH for launch in launches]
    return Series(
        per_launch=tuple(energy / count for energy, count in zip(kwh, counts, strict=True)),
        overall=sum(kwh) / math.fsum(counts),
    )


def _quantiles(
    quantiles: Mapping[str, float], launches: Sequence[Launch], times_ns: Callable[[Window], Iterable[int]]
) -> dict[str, Series]:
    """Return quantiles of each launch's times, in seconds; empty when a launch has no times."""
    sorted_times = [sorted(one for window in launch.windows for one in times_ns(window)) for launch in launches]
    if not all(sorted_times):
        return {}
    return {name: _mean(quantile(times, share) * 1e-9 for times in sorted_times) for name, share in quantiles.items()}


def drift(launches: Sequence[Launch]) -> float:
    """Return how many times longer a request took in the slowest launch than in the fastest; 1 without launches."""
    medians = [
        statistics.median(window.wall_ns / max(1, window.requests) for window in launch.windows) for launch in launches
    ]
    return max(medians) / min(medians) if medians else 1.0


def success_rate(launches: Sequence[Launch]) -> float:
    """Return the share of requests in measured windows that did not fail."""
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
    """One metric's ln(head/base), launch by launch.

    Attributes:
        log_ratios: One value per launch.
        errors: The standard error of each, from the blocks of its launch; 0 for one number per side and launch.
        totals: ln(head/base) of sums over the whole launch, which a few expensive requests move too.
        expected_sd: Recorded deviation of such log ratios; infinite where none was recorded.
        expected_total_sd: The same for totals.
        covers_inputs: Whether each launch served every one of several inputs. Blocks that disagree then show that the
            inputs changed differently, not that the sums are uncertain.
    """

    log_ratios: tuple[float, ...]
    errors: tuple[float, ...]
    totals: tuple[float, ...]
    expected_sd: float = math.inf
    expected_total_sd: float = math.inf
    covers_inputs: bool = False

    @classmethod
    def of(
        cls,
        ratios: Sequence[LogRatio],
        *,
        expected_sd: float = math.inf,
        expected_total_sd: float = math.inf,
        covers_inputs: bool = False,
    ) -> ChangeSeries:
        """Collect the log ratios of the launches."""
        return cls(
            log_ratios=tuple(ratio.value for ratio in ratios),
            errors=tuple(ratio.error for ratio in ratios),
            totals=tuple(ratio.total for ratio in ratios),
            expected_sd=expected_sd,
            expected_total_sd=expected_total_sd,
            covers_inputs=covers_inputs,
        )

    elasticity = 0.0
    """Both sides drift together."""

    @property
    def summed(self) -> ChangeSeries:
        """The changes of sums over whole launches in place of those of typical requests."""
        errors = (0.0,) * len(self.totals) if self.covers_inputs else self.errors
        return replace(self, log_ratios=self.totals, errors=errors, expected_sd=self.expected_total_sd)

    @property
    def logs(self) -> tuple[float, ...]:
        """ln(head/base), one per launch."""
        return self.log_ratios

    @property
    def min_sd(self) -> float:
        """A lower bound of the deviation of launches: the scatter of their blocks."""
        return _rms(self.errors)


def change_series(launches: Launches, scatter: Scatter = UNKNOWN) -> dict[str, ChangeSeries]:
    """Return how every sampled metric changed, launch by launch; empty without a base.

    Energies and throughput come from windows that took turns, block by block; the others are one number per side and
    launch, and so is energy per unit where a window yielded nothing. PUE, carbon intensity and price are the same on
    both sides and cancel.

    Args:
        launches: The launches of both sides.
        scatter: The recorded scatter of such launches.
    """
    if not launches.base:
        return {}
    windows = [len(launch.windows) for launch in launches.head]
    expected = {
        "expected_sd": _rms(map(scatter.ratio_sd, windows)),
        "expected_total_sd": _rms(map(scatter.total_sd, windows)),
    }
    ratios = {
        "energy_per_request": _by_block(launches, _joules_per_request),
        "throughput": _by_block(launches, _requests_per_ns),
    }
    if all(window.units for launch in launches.base + launches.head for window in launch.windows):
        ratios["energy_per_unit"] = _by_block(launches, _joules_per_unit)
    covers_inputs = all(1 < one.inputs <= len(one.calls) for one in launches.base + launches.head)
    changes = {name: ChangeSeries.of(some, **expected, covers_inputs=covers_inputs) for name, some in ratios.items()}
    base, head = series(launches.base), series(launches.head)
    for name in base.keys() & head.keys() - ratios.keys():
        pairs = zip(base[name].per_launch, head[name].per_launch, strict=True)
        logs = [math.log(after / before) for before, after in pairs]
        changes[name] = ChangeSeries.of([LogRatio(value=one, error=0.0, total=one) for one in logs])
    return changes


def _rms(values: Iterable[float]) -> float:
    return math.sqrt(statistics.fmean(value * value for value in values))


def _by_block(launches: Launches, value: Callable[[Window], float]) -> list[LogRatio]:
    return [
        launch_log_ratio([value(window) for window in base.windows], [value(window) for window in head.windows])
        for base, head in launches.pairs
    ]


def _joules_per_request(window: Window) -> float:
    return window.reading.energy_joules / _served(window)


def _joules_per_unit(window: Window) -> float:
    assert window.units  # noqa: S101 - the caller has checked that every window has some
    return window.reading.energy_joules / window.units


def _requests_per_ns(window: Window) -> float:
    return _served(window) / window.wall_ns


def _served(window: Window) -> int:
    if not window.requests:
        raise MeasurementError("no request was served in a window")
    return window.requests
