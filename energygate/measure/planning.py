"""How a workload's load shapes its launches: pure functions of the policy and of numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.windows import (
    MAX_WARM_UP_WINDOWS,
    MIN_LAUNCHES,
    MIN_WINDOWS,
    STEADY_SPAN,
    LaunchPlan,
    plan_launch,
    plan_pair,
)
from energygate.stats.confidence import MIN_LAUNCHES as FEWEST_LAUNCHES

if TYPE_CHECKING:
    from energygate.policy import Load, Workload

WINDOWS_PER_BLOCK = 4

PACED_WINDOW_NS = 500_000_000
"""Shortest window of requests that arrive at a rate: long against the tens of milliseconds for which idle threads
spin after a request (bench/load_shape.py)."""

PACED_ARRIVALS = 20
"""Arrivals in such a window, where the time limit has room for them: its beginning and its end, over which no queue
reaches, then weigh little."""

WARM_UP_WINDOW_NS = 100_000_000
"""Long enough to see whether calls still get faster. Windows that wait for a slow counter are ten times as long, and
six of them on each side would take more of a launch than what is measured."""

PACED_WARM_UP = 4 * STEADY_SPAN
"""Most warm-up windows at a rate, twice what it takes to be steady: gaps need the time of a launch."""


def plan_alone(  # noqa: PLR0913 - what a plan is made of
    workload: Workload,
    *,
    call_ns: float,
    min_window_ns: int,
    time_limit_ns: float,
    start_ns: float,
    label: str,
) -> LaunchPlan:
    """Plan launches of one side.

    Args:
        workload: Its load decides.
        call_ns: Time per warm call when its clients ask as fast as they can.
        min_window_ns: The shortest meaningful window.
        time_limit_ns: Measuring time of the workload as a whole.
        start_ns: What starting and loading costs in every launch.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When requests arrive too rarely to be measured within the time.
    """
    load = workload.load
    plan = plan_launch(
        call_ns=call_ns * load.concurrency,
        min_window_ns=min_window_ns,
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
    )
    plan = _of_rounds(plan, load.concurrency)
    if load.rate is None:
        return _warmed_quickly(plan, load.concurrency, call_ns=call_ns)
    gap_ns = 1e9 / load.rate.value
    _refuse_rare(load, FEWEST_LAUNCHES * gap_ns, time_limit_ns, label)
    room_ns = (time_limit_ns / MIN_LAUNCHES - start_ns) / MIN_WINDOWS
    paced = plan_launch(
        call_ns=max(gap_ns, call_ns),
        min_window_ns=_paced_window_ns(gap_ns, min_window_ns, room_ns),
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
    )
    return _warmed(paced, plan)


def plan_both(  # noqa: PLR0913 - the same
    workload: Workload,
    *,
    call_ns: tuple[float, float],
    min_window_ns: int,
    time_limit_ns: float,
    start_ns: float,
    label: str,
) -> LaunchPlan:
    """Plan launches of two sides that take turns; as `plan_alone`, with the time of a call of each side.

    At a rate no call is served to settle: threads are to wake up as they do in service.
    """
    load = workload.load
    plan = plan_pair(
        call_ns=(call_ns[0] * load.concurrency, call_ns[1] * load.concurrency),
        min_window_ns=min_window_ns,
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
        threads=max(workload.threads, load.concurrency),
    )
    plan = _of_rounds(plan, load.concurrency)
    if load.rate is None:
        return _warmed_quickly(plan, load.concurrency, call_ns=min(call_ns))
    gap_ns = 1e9 / load.rate.value
    _refuse_rare(load, FEWEST_LAUNCHES * WINDOWS_PER_BLOCK * gap_ns, time_limit_ns, label)
    room_ns = (time_limit_ns / MIN_LAUNCHES - start_ns) / WINDOWS_PER_BLOCK
    paced = plan_pair(
        call_ns=(max(gap_ns, call_ns[0]), max(gap_ns, call_ns[1])),
        min_window_ns=_paced_window_ns(gap_ns, min_window_ns, room_ns),
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
    )
    return _warmed(paced, plan)


def _paced_window_ns(gap_ns: float, min_window_ns: int, room_ns: float) -> int:
    return math.ceil(max(min_window_ns, PACED_WINDOW_NS, min(PACED_ARRIVALS * gap_ns, room_ns)))


def _warmed_quickly(plan: LaunchPlan, clients: int, *, call_ns: float) -> LaunchPlan:
    """The plan, with shorter windows to warm up in where a slow counter makes those it reads long."""
    rounds = math.ceil(WARM_UP_WINDOW_NS / (call_ns * clients))
    if plan.calls < 2 * rounds * clients:
        return plan
    calls = rounds * clients
    patience = min(MAX_WARM_UP_WINDOWS, plan.max_warm_up * plan.calls // calls)
    return replace(plan, warm_up_calls=calls, max_warm_up=patience)


def _warmed(paced: LaunchPlan, back_to_back: LaunchPlan) -> LaunchPlan:
    """A plan at a rate that warms up as fast as its clients can ask."""
    patience = min(back_to_back.max_warm_up, PACED_WARM_UP)
    return replace(paced, warm_up_calls=back_to_back.calls, max_warm_up=patience)


def _of_rounds(plan: LaunchPlan, clients: int) -> LaunchPlan:
    """The plan with a call for every client where it has one: a round of calls lasts as long as one did for it."""
    return replace(plan, calls=plan.calls * clients, settling_calls=plan.settling_calls * clients)


def _refuse_rare(load: Load, least_ns: float, time_limit_ns: float, label: str) -> None:
    """Refuse a rate at which not even one request would arrive in each window that evidence takes."""
    if least_ns > time_limit_ns:
        enough_s = math.ceil(round(2 * least_ns * 1e-9, 3))
        raise MeasurementError(
            f"at {load.rate} too few requests arrive in {time_limit_ns * 1e-9:g} s of measuring",
            where=label,
            hint=lambda options: f"Raise {options.time_limit} to {enough_s} s, or the rate of `load`",
        )
