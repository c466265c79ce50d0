"""From a recorder's arguments and its policy to what it needs to know: the one place where mistakes are refused."""

from __future__ import annotations

import difflib
import importlib
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.production.recorder.labels import label
from energygate.production.recorder.ledger import bounds_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.policy import Policy
    from energygate.production.recorder.samples import LiveMeter

USUAL_BOUNDS_SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    150.0,
    300.0,
    600.0,
)
"""A millisecond to ten minutes, about three to a decade: a quantile read from them is off by a factor of 1.6 at most.

Ten minutes are for limits that are not known here: those that follow from a result.
"""

MOST_PUE = 3.0
MIN_INTERVAL_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a recorder is told.

    Attributes:
        names: Workloads, the service's own first.
        pue: Facility energy over IT energy.
        bounds_seconds: Upper bounds of the buckets of durations.
        load: Imports what opening the meter needs.
        open_meter: Opens the machine's meter.
    """

    names: tuple[str, ...]
    pue: float
    bounds_seconds: tuple[float, ...]
    load: Callable[[], object]
    open_meter: Callable[[], LiveMeter]


def settings_for(
    policy: Policy | str | os.PathLike[str] | None,
    *,
    workload: str | None,
    pue: float | None,
    sample_interval_s: float,
    export_interval_s: float,
) -> Settings:
    """Read the policy, and hold the arguments against it.

    Raises:
        PolicyError: When the policy cannot be read.
        UsageError: When the arguments do not say what is served, or contradict the policy.
    """
    _check_interval("sample_interval_s", sample_interval_s)
    _check_interval("export_interval_s", export_interval_s)
    if isinstance(policy, (str, os.PathLike)):
        from energygate.policy import load_policy

        policy = load_policy(policy)
    if policy is None:
        if not workload:
            raise UsageError(
                "a Recorder needs to know what the service serves",
                hint="Write Recorder('energygate.yml', workload='...'), or Recorder(pue=1.2, workload='...')",
            )
        names: tuple[str, ...] = (label(workload),)
        found_pue = _pue(1.0 if pue is None else pue)
        limits: list[float] = []
    else:
        names = _names(policy, workload)
        if pue is not None and pue != policy.site.pue:
            raise UsageError(
                f"pue={pue} is given to the Recorder, and the policy says {policy.site.pue}",
                where=policy.source,
                hint="Leave one of them out",
            )
        found_pue, limits = policy.site.pue, _limits(policy)
    served = None if policy is None else policy.workloads[names[0]]
    the_policy = policy

    def open_meter() -> LiveMeter:
        from energygate.production.recorder.machine_meter import open_meter as machine_meter

        return machine_meter(the_policy, served, interval_ns=round(sample_interval_s * 1e9))

    return Settings(
        names=names,
        pue=found_pue,
        bounds_seconds=bounds_with(limits, USUAL_BOUNDS_SECONDS),
        load=lambda: importlib.import_module("energygate.production.recorder.machine_meter"),
        open_meter=open_meter,
    )


def _names(policy: Policy, workload: str | None) -> tuple[str, ...]:
    known = tuple(policy.workloads)
    if workload is None:
        if len(known) > 1:
            raise UsageError(
                f"the policy has several workloads, {', '.join(known)}, and the Recorder is not told which one",
                where=policy.source,
                hint=f"Write workload={known[0]!r}, and request(workload=...) for others",
            )
        return known
    if workload not in known:
        near = difflib.get_close_matches(str(workload), known, n=1)
        guess = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(known)}"
        raise UsageError(f"the policy has no workload {workload!r}", where=policy.source, hint=guess)
    return (workload, *(name for name in known if name != workload))


def _limits(policy: Policy) -> list[float]:
    """The policy's limits on latency, in seconds."""
    return [
        budget.max.value
        for workload in policy.workloads.values()
        for metric, budget in workload.budgets.items()
        if metric.startswith("latency_") and budget.max is not None
    ]


def _pue(pue: float) -> float:
    if isinstance(pue, bool) or not isinstance(pue, (int, float)) or not 1.0 <= pue <= MOST_PUE:
        raise UsageError(f"PUE is facility energy over IT energy, from 1.0 to {MOST_PUE}, not {pue!r}")
    return float(pue)


def _check_interval(name: str, seconds: float) -> None:
    if isinstance(seconds, (int, float)) and seconds >= MIN_INTERVAL_S and math.isfinite(seconds):
        return
    raise UsageError(f"{name} is a time in seconds of at least {MIN_INTERVAL_S}, not {seconds!r}")
