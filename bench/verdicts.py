"""Verdicts on recorded launches: the engine's own decision, launch by launch, until it stops or time is up."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from energygate.gate.estimates import Confidence, change_estimate, total_estimate
from energygate.gate.evidence import Estimate, Evidence
from energygate.gate.judge import judge
from energygate.measure.campaign import MAX_LAUNCHES, MIN_LAUNCHES
from energygate.measure.series import ChangeSeries
from energygate.policy import Budget
from energygate.stats import LogRatio, launch_log_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from traces import Trace

ALPHA = 0.10
TIME_LIMIT_S = 60.0
CONFIDENCE = Confidence(alpha=ALPHA, drift_sd=0.0, drifting=frozenset())
REPLAYS = 100
TODAY = date(2026, 1, 1)  # no waiver is involved


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict, and after how many launches and seconds."""

    verdict: str
    launches: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A launch as the decision sees it."""

    ratio: LogRatio
    seconds: float


def measured(trace: Trace) -> list[Measured]:
    """The launches of a trace by CPU time: what energy is estimated from."""
    return [Measured(ratio=launch_log_ratio(one.base_cpu, one.head_cpu), seconds=one.seconds) for one in trace.launches]


def decide(launches: Sequence[Measured], *, limit: float, shift: float = 0.0) -> Verdict:
    """Judge `max_increase: limit` after every launch, as `check --base` does.

    Args:
        launches: In order.
        limit: The limit as a fraction.
        shift: Added to every log ratio: an exact change on top of the recorded one.
    """
    budget = {"energy_per_request": Budget(metric="energy_per_request", max_increase=f"{limit * 100:g} %")}
    seconds = 0.0
    verdict = "inconclusive"
    for number, launch in enumerate(launches[:MAX_LAUNCHES], 1):
        if number > MIN_LAUNCHES and seconds + launch.seconds > TIME_LIMIT_S:
            return Verdict(verdict=verdict, launches=number - 1, seconds=seconds)
        seconds += launch.seconds
        if number < MIN_LAUNCHES:
            continue
        so_far = launches[:number]
        series = ChangeSeries(
            log_ratios=tuple(one.ratio.value + shift for one in so_far),
            errors=tuple(one.ratio.error for one in so_far),
            totals=tuple(one.ratio.total + shift for one in so_far),
        )
        change = change_estimate(series, CONFIDENCE)
        nothing = Estimate.exact(1.0)
        evidence = Evidence(
            metric="energy_per_request",
            head=nothing,
            base=nothing,
            change=change,
            total=total_estimate(series, CONFIDENCE),
        )
        (finding,) = judge(budget, {"energy_per_request": evidence}, relative=True, today=TODAY)
        verdict = finding.verdict.value
        if verdict != "inconclusive":
            return Verdict(verdict=verdict, launches=number, seconds=seconds)
    return Verdict(verdict=verdict, launches=min(len(launches), MAX_LAUNCHES), seconds=seconds)


def live_verdicts(launches: Sequence[Measured], *, limit: float, shift: float = 0.0) -> list[Verdict]:
    """Verdict after verdict on consecutive launches, each beginning where the last one stopped."""
    verdicts = []
    start = 0
    while start + MIN_LAUNCHES <= len(launches):
        verdict = decide(launches[start:], limit=limit, shift=shift)
        if verdict.verdict == "inconclusive" and verdict.seconds < TIME_LIMIT_S * 0.9 and start:
            break  # the trace ended, not the time limit
        verdicts.append(verdict)
        start += verdict.launches
    return verdicts


def replayed_verdicts(launches: Sequence[Measured], *, limit: float, shift: float = 0.0) -> list[Verdict]:
    """Verdicts on random orders of the launches."""
    shuffle = random.Random(len(launches))  # noqa: S311 - a simulation, not a secret
    orders: Iterator[list[Measured]] = (shuffle.sample(launches, len(launches)) for _ in range(REPLAYS))
    return [decide(order, limit=limit, shift=shift) for order in orders]


def centred(launches: Sequence[Measured]) -> list[Measured]:
    """The launches moved so that their mean is zero."""
    mean = statistics.fmean(launch.ratio.value for launch in launches)
    total = statistics.fmean(launch.ratio.total for launch in launches)
    return [
        Measured(
            ratio=replace(launch.ratio, value=launch.ratio.value - mean, total=launch.ratio.total - total),
            seconds=launch.seconds,
        )
        for launch in launches
    ]


def normal_launches(noise: random.Random, count: int) -> list[Measured]:
    """Launches with normal noise, their mean at zero."""
    values = [noise.gauss(0, 0.005) for _ in range(count)]
    ratios = [LogRatio(value=value, error=0.001, total=value) for value in values]
    return centred([Measured(ratio=ratio, seconds=2.0) for ratio in ratios])


def verdicts_at_the_limit(launches: Sequence[Measured], *, limit: float) -> list[Verdict]:
    """Verdicts when the truth is the limit: centred launches, drawn with replacement and moved there."""
    draw = random.Random(len(launches))  # noqa: S311 - a simulation, not a secret
    drawn = (draw.choices(launches, k=MAX_LAUNCHES) for _ in range(REPLAYS))
    return [decide(order, limit=limit, shift=log_shift(limit)) for order in drawn]


def share(verdicts: Sequence[Verdict], word: str) -> float:
    """Share of the verdicts that say this."""
    return sum(verdict.verdict == word for verdict in verdicts) / len(verdicts)


def median_seconds(verdicts: Sequence[Verdict]) -> float:
    """Median time of the verdicts."""
    return statistics.median(verdict.seconds for verdict in verdicts)


def scatter(launches: Sequence[Measured]) -> float:
    """Standard deviation of the launches' log ratios."""
    return statistics.stdev(launch.ratio.value for launch in launches)


def log_shift(change: float) -> float:
    """What a change by this fraction adds to a log ratio."""
    return math.log1p(change)
