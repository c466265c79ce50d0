"""Launch plans by a workload's load: pure functions of the policy and of numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.series import FIRST_PIECE_QUANTILES, QUANTILES
from energygate.measure.windows import (
    FEW_LAUNCHES,
    MANY_LAUNCHES,
    MAX_WARM_UP_WINDOWS,
    MIN_BLOCKS,
    MIN_WINDOWS,
    MORE_LAUNCHES,
    STEADY_SPAN,
    LaunchPlan,
    plan_launch,
    plan_pair,
)
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from energygate.policy import Load, Workload

WINDOWS_PER_BLOCK = 4

UNRECORDED = {*QUANTILES, *FIRST_PIECE_QUANTILES, "cold_start", "cold_start_energy", "peak_memory"}
"""Metrics with one number per side and launch: no scatter of their change was recorded."""

PACED_WINDOW_NS = 500_000_000
"""Minimum window of requests that arrive at a rate: long compared with the tens of milliseconds for which idle threads
spin after a request (bench/load_shape.py)."""

PACED_ARRIVALS = 20
"""Arrivals in such a window, if the time limit allows: queues do not extend across windows, and with this many arrivals
that has little effect."""

WARM_UP_WINDOW_NS = 100_000_000
"""Long enough to see whether calls still get faster. Windows that wait for a slow counter are ten times as long; six of
those on each side would take longer than what is measured."""

MAX_PACED_WARM_UP = 4 * STEADY_SPAN
"""Maximum of warm-up windows at a rate, twice what steadiness needs: a launch's time is for the paced windows."""


def plan_alone(  # noqa: PLR0913 - the inputs of a plan
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
        workload: The workload, with its load.
        call_ns: Time per warm call with clients that ask back to back.
        min_window_ns: The minimum meaningful window.
        time_limit_ns: Measuring time of the whole workload.
        start_ns: Time of starting, loading and warming up in every launch.
        label: The workload's name in messages.

    Raises:
        MeasurementError: When too few requests arrive within the time limit.
    """
    load = workload.load
    plan = plan_launch(
        call_ns=call_ns * load.concurrency,
        min_window_ns=min_window_ns,
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
        launches=_launches(workload),
    )
    plan = _of_rounds(plan, load.concurrency)
    if load.rate is None:
        return _warmed_quickly(plan, load.concurrency, call_ns=call_ns)
    gap_ns = 1e9 / load.rate.value
    _refuse_rare(load, MIN_LAUNCHES * gap_ns, time_limit_ns, label)
    room_ns = (time_limit_ns / MANY_LAUNCHES - start_ns) / MIN_WINDOWS
    paced = plan_launch(
        call_ns=max(gap_ns, call_ns),
        min_window_ns=_paced_window_ns(gap_ns, min_window_ns, room_ns),
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
        launches=MANY_LAUNCHES,
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
    saved_ns: float = 0.0,
    take_turns: bool = True,
) -> LaunchPlan:
    """Plan launches of two sides; as `plan_alone`, with the time of a call of each side, and what starting saves.

    At a rate there are no settling calls: threads should wake up as they do in service. Sides that do not take turns
    within a launch get shorter launches.
    """
    load = workload.load
    plan = plan_pair(
        call_ns=(call_ns[0] * load.concurrency, call_ns[1] * load.concurrency),
        min_window_ns=min_window_ns,
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
        saved_ns=saved_ns,
        threads=max(workload.threads, load.concurrency),
        launches=_launches(workload) if take_turns else MANY_LAUNCHES,
        min_blocks=MIN_BLOCKS if take_turns else 1,
    )
    plan = _of_rounds(plan, load.concurrency)
    if load.rate is None:
        return _warmed_quickly(plan, load.concurrency, call_ns=min(call_ns))
    gap_ns = 1e9 / load.rate.value
    _refuse_rare(load, MIN_LAUNCHES * WINDOWS_PER_BLOCK * gap_ns, time_limit_ns, label)
    room_ns = (time_limit_ns / MANY_LAUNCHES - start_ns) / WINDOWS_PER_BLOCK
    paced = plan_pair(
        call_ns=(max(gap_ns, call_ns[0]), max(gap_ns, call_ns[1])),
        min_window_ns=_paced_window_ns(gap_ns, min_window_ns, room_ns),
        time_limit_ns=time_limit_ns,
        start_ns=start_ns,
        launches=MANY_LAUNCHES,
        min_blocks=1,
    )
    return _warmed(paced, plan)


def _launches(workload: Workload) -> int:
    """Return how many launches should fit into the time limit for back-to-back calls."""
    return MORE_LAUNCHES if workload.budgets.keys() & UNRECORDED else FEW_LAUNCHES


def _paced_window_ns(gap_ns: float, min_window_ns: int, room_ns: float) -> int:
    return math.ceil(max(min_window_ns, PACED_WINDOW_NS, min(PACED_ARRIVALS * gap_ns, room_ns)))


def _warmed_quickly(plan: LaunchPlan, clients: int, *, call_ns: float) -> LaunchPlan:
    """Return the plan with shorter warm-up windows where a slow counter makes the measured ones long."""
    rounds = math.ceil(WARM_UP_WINDOW_NS / (call_ns * clients))
    if plan.calls < 2 * rounds * clients:
        return plan
    calls = rounds * clients
    max_warm_up = min(MAX_WARM_UP_WINDOWS, plan.max_warm_up * plan.calls // calls)
    return replace(plan, warm_up_calls=calls, max_warm_up=max_warm_up)


def _warmed(paced: LaunchPlan, back_to_back: LaunchPlan) -> LaunchPlan:
    """Return a plan at a rate whose warm-up calls are back to back."""
    max_warm_up = min(back_to_back.max_warm_up, MAX_PACED_WARM_UP)
    return replace(paced, warm_up_calls=back_to_back.calls, max_warm_up=max_warm_up)


def _of_rounds(plan: LaunchPlan, clients: int) -> LaunchPlan:
    """Return the plan with one call per client in place of each call; a round of them takes as long."""
    return replace(plan, calls=plan.calls * clients, settling_calls=plan.settling_calls * clients)


def _refuse_rare(load: Load, min_ns: float, time_limit_ns: float, label: str) -> None:
    """Refuse a rate at which less than one request arrives in each window that is needed."""
    if min_ns > time_limit_ns:
        enough_s = math.ceil(round(2 * min_ns * 1e-9, 3))
        raise MeasurementError(
            f"at {load.rate} too few requests arrive in {time_limit_ns * 1e-9:g} s of measuring",
            where=label,
            hint=lambda options: f"Raise {options.time_limit} to {enough_s} s, or the rate of `load`",
        )
