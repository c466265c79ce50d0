"""A recorder's configuration, from its arguments and its policy: the one place that refuses mistakes."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.production.recorder.labels import label
from energygate.text import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from energygate.policy import Policy, Workload
    from energygate.production.recorder.samples import LiveMeter
    from energygate.production.recorder.snapshot import Sink

# fmt: off
USUAL_BOUNDS_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0, 300.0, 600.0,
)
# fmt: on
"""A millisecond to ten minutes, about three per decade: a quantile read from them is off by a factor of 1.6 at most.

Ten minutes are for limits that are not known here: those derived from a result.
"""

MAX_LATENCY_BOUNDS = 8
"""The policy's latency limits that become bucket bounds: each is a time series per workload."""

MAX_BOUND_SECONDS = 1e8
"""Three years: no request reaches a limit beyond it."""

BEYOND_LONGEST_LIMIT = 2.5
"""The last bound over the longest limit."""

MAX_PUE = 3.0
MIN_INTERVAL_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The clocks of a process.

    Attributes:
        steady_ns: A monotonic clock.
        cpu_ns: CPU time of this process.
        wall_seconds: Seconds since 1970.
    """

    steady_ns: Callable[[], int] = time.perf_counter_ns
    cpu_ns: Callable[[], int] = time.process_time_ns
    wall_seconds: Callable[[], float] = time.time


@dataclass(frozen=True, kw_only=True)
class RecorderConfig:
    """How a recorder works, in every process of the service.

    Attributes:
        names: Workloads known from the start, the service's own first.
        bounds_seconds: Upper bounds of the duration buckets.
        pue: Facility energy over IT energy.
        open_meter: Opens the meter, with all that this imports; called by the thread that reads it.
        sinks: Send snapshots elsewhere.
        sample_interval_ns: How often the meter is read, unless its value changes less often.
        export_interval_ns: How often sinks are fed.
        background: Whether threads read the meter and feed the sinks.
        clocks: The system's clocks, or others.
    """

    names: tuple[str, ...]
    bounds_seconds: tuple[float, ...]
    pue: float
    open_meter: Callable[[], LiveMeter]
    sinks: Sequence[Sink] = ()
    sample_interval_ns: int = 1_000_000_000
    export_interval_ns: int = 60_000_000_000
    background: bool = True
    clocks: Clocks = field(default_factory=Clocks)


def recorder_config(  # noqa: PLR0913 - a Recorder's arguments
    policy: Policy | str | os.PathLike[str] | None,
    *,
    workload: str | None,
    pue: float | None,
    sinks: Sequence[Sink],
    sample_interval_s: float,
    export_interval_s: float,
    background: bool,
    meter: Callable[[], LiveMeter] | None,
    clocks: Clocks | None,
) -> RecorderConfig:
    """Read the policy and check the arguments, which are those of `Recorder`, against it.

    Raises:
        PolicyError: When the policy cannot be read.
        UsageError: When the arguments do not say what is served, or contradict the policy.
    """
    _check_interval("sample_interval_s", sample_interval_s)
    _check_interval("export_interval_s", export_interval_s)
    if isinstance(policy, (str, os.PathLike)):
        from energygate.policy import load_policy

        policy = load_policy(policy)
    interval_ns = round(sample_interval_s * 1e9)
    names = _names(policy, workload)
    served = None if policy is None else policy.workloads[names[0]]
    return RecorderConfig(
        names=names,
        bounds_seconds=bounds_with([] if policy is None else _latency_limits(policy)),
        pue=_pue(policy, pue),
        open_meter=meter or _machine_meter(policy, served, interval_ns),
        sinks=tuple(sinks),
        sample_interval_ns=interval_ns,
        export_interval_ns=round(export_interval_s * 1e9),
        background=background,
        clocks=clocks or Clocks(),
    )


def bounds_with(limits_seconds: Iterable[float]) -> tuple[float, ...]:
    """Return histogram bounds that include a policy's limits, so that compliance with them is counted exactly.

    The longest `MAX_LATENCY_BOUNDS` of them are included, and one bound well above: a quantile read from a histogram
    never exceeds its last bound, so that without it a violation of the longest limit could not be seen.
    """
    limits = sorted({limit for limit in limits_seconds if 0 < limit <= MAX_BOUND_SECONDS})
    limits = limits[-MAX_LATENCY_BOUNDS:]
    bounds = {*USUAL_BOUNDS_SECONDS, *limits}
    if limits and max(USUAL_BOUNDS_SECONDS) < BEYOND_LONGEST_LIMIT * limits[-1]:
        bounds.add(BEYOND_LONGEST_LIMIT * limits[-1])
    return tuple(sorted(bounds))


def _machine_meter(policy: Policy | None, served: Workload | None, interval_ns: int) -> Callable[[], LiveMeter]:
    def open_meter() -> LiveMeter:
        from energygate.production.recorder import machine_meter

        return machine_meter.open_meter(policy, served, interval_ns=interval_ns)

    return open_meter


def _names(policy: Policy | None, workload: str | None) -> tuple[str, ...]:
    if policy is None:
        if not workload:
            raise UsageError(
                "a Recorder needs to know what the service serves",
                hint="Write Recorder('energygate.yml', workload='...'), or Recorder(pue=1.2, workload='...')",
            )
        return (label(workload),)
    known = tuple(policy.workloads)
    if workload is None:
        if len(known) > 1:
            raise UsageError(
                f"the policy has several workloads, {', '.join(known)}, and the Recorder needs to know which one",
                where=policy.source,
                hint=f"Write workload={known[0]!r}, and request(workload=...) for others",
            )
        return known
    if workload not in known:
        hint = suggestion(str(workload), known, otherwise=f"It has {', '.join(known)}")
        raise UsageError(f"the policy has no workload {workload!r}", where=policy.source, hint=hint)
    return (workload, *(name for name in known if name != workload))


def _latency_limits(policy: Policy) -> list[float]:
    """Return the policy's limits on latency, in seconds."""
    return [
        budget.max.value
        for workload in policy.workloads.values()
        for metric, budget in workload.budgets.items()
        if metric.startswith("latency_") and budget.max is not None
    ]


def _pue(policy: Policy | None, pue: float | None) -> float:
    if policy is not None:
        if pue is not None and pue != policy.site.pue:
            raise UsageError(
                f"the Recorder is given pue={pue}, but the policy says {policy.site.pue}",
                where=policy.source,
                hint="Leave one of them out",
            )
        return policy.site.pue
    pue = 1.0 if pue is None else pue
    if isinstance(pue, bool) or not isinstance(pue, (int, float)) or not 1.0 <= pue <= MAX_PUE:
        raise UsageError(f"PUE is facility energy over IT energy, from 1.0 to {MAX_PUE}, not {pue!r}")
    return float(pue)


def _check_interval(name: str, seconds: float) -> None:
    if isinstance(seconds, (int, float)) and seconds >= MIN_INTERVAL_S and math.isfinite(seconds):
        return
    raise UsageError(f"{name} is a time in seconds of at least {MIN_INTERVAL_S}, not {seconds!r}")
