"""Verdicts on recorded launches: the engine's own decision, launch by launch, until it stops or time is up."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from energygate.gate.estimates import ALPHA, Confidence, change_estimate, total_estimate
from energygate.gate.evidence import Estimate, Evidence
from energygate.gate.judge import judge
from energygate.measure.scatter import Scatter
from energygate.measure.series import ChangeSeries
from energygate.measure.windows import MIN_BLOCKS
from energygate.policy import Budget
from energygate.stats import LogRatio, launch_log_ratio
from energygate.stats.confidence import MAX_LAUNCHES, MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from traces import Trace

TIME_LIMIT_S = 60.0
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
    """A launch as the decision sees it: its ratio, how long it took, and the recorded scatter of such launches."""

    ratio: LogRatio
    seconds: float
    expected_sd: float
    expected_total_sd: float


def measured(trace: Trace, *, blocks: int | None = None) -> list[Measured]:
    """The launches of a trace by CPU time, which energy is estimated from; only their first blocks where given."""
    scatter = Scatter(kind="one thread" if trace.threads == 1 else "several threads")
    windows = [len(one.base_cpu) if blocks is None else min(2 * blocks, len(one.base_cpu)) for one in trace.launches]
    return [
        Measured(
            ratio=launch_log_ratio(one.base_cpu[:count], one.head_cpu[:count]),
            seconds=one.seconds,
            expected_sd=scatter.ratio_sd(count),
            expected_total_sd=scatter.total_sd(count),
        )
        for one, count in zip(trace.launches, windows, strict=True)
    ]


def change_series(launches: Sequence[Measured], *, shift: float = 0.0) -> ChangeSeries:
    """What the decision sees of these launches, with an exact change on top."""
    return ChangeSeries(
        log_ratios=tuple(one.ratio.value + shift for one in launches),
        errors=tuple(one.ratio.error for one in launches),
        totals=tuple(one.ratio.total + shift for one in launches),
        expected_sd=_rms(one.expected_sd for one in launches),
        expected_total_sd=_rms(one.expected_total_sd for one in launches),
    )


def decide(launches: Sequence[Measured], *, limit: float, shift: float = 0.0, limits: int = 1) -> Verdict:
    """Judge `max_increase: limit` after every launch, as `check --base` does.

    Args:
        launches: In order.
        limit: The limit as a fraction.
        shift: Added to every log ratio: an exact change on top of the recorded one.
        limits: How many limits the policy has, this one included.
    """
    budget = {"energy_per_request": Budget(metric="energy_per_request", max_increase=f"{limit * 100:g} %")}
    confidence = Confidence(alpha=ALPHA / limits, drift_sd=0.0, drifting=frozenset())
    nothing = Estimate.exact(1.0)
    seconds = longest = 0.0
    verdict = "inconclusive"
    for number, launch in enumerate(launches[:MAX_LAUNCHES], 1):
        if number > 1 and seconds + longest > TIME_LIMIT_S:
            return Verdict(verdict=verdict, launches=number - 1, seconds=seconds)
        seconds += launch.seconds
        longest = max(longest, launch.seconds)
        series = change_series(launches[:number], shift=shift)
        change = change_estimate(series, confidence)
        evidence = Evidence(
            metric="energy_per_request",
            head=nothing,
            base=nothing,
            change=change,
            total=total_estimate(series, confidence),
        )
        (finding,) = judge(budget, {"energy_per_request": evidence}, relative=True, today=TODAY)
        verdict = finding.verdict.value
        unchanged = change.low <= 0 <= change.high
        if verdict == "fail" or (verdict == "pass" and (number >= MIN_LAUNCHES or unchanged)):
            return Verdict(verdict=verdict, launches=number, seconds=seconds)
    return Verdict(verdict=verdict, launches=min(len(launches), MAX_LAUNCHES), seconds=seconds)


def verdicts(trace: Trace, *, limit: float, shift: float = 0.0, limits: int = 1) -> list[Verdict]:
    """All verdicts on a trace: on consecutive launches, and on random orders of them."""
    launches = measured(trace)
    return live_verdicts(launches, limit=limit, shift=shift, limits=limits) + replayed_verdicts(
        launches, limit=limit, shift=shift, limits=limits
    )


def live_verdicts(launches: Sequence[Measured], *, limit: float, shift: float = 0.0, limits: int = 1) -> list[Verdict]:
    """Verdict after verdict on consecutive launches, each beginning where the last one stopped."""
    verdicts = []
    start = 0
    while start < len(launches):
        verdict = decide(launches[start:], limit=limit, shift=shift, limits=limits)
        if verdict.verdict == "inconclusive" and verdict.seconds < TIME_LIMIT_S * 0.9 and start:
            break  # the trace ended, not the time limit
        verdicts.append(verdict)
        start += verdict.launches
    return verdicts


def replayed_verdicts(
    launches: Sequence[Measured], *, limit: float, shift: float = 0.0, limits: int = 1
) -> list[Verdict]:
    """Verdicts on random orders of the launches."""
    shuffle = random.Random(len(launches))  # noqa: S311 - a simulation, not a secret
    orders: Iterator[list[Measured]] = (shuffle.sample(launches, len(launches)) for _ in range(REPLAYS))
    return [decide(order, limit=limit, shift=shift, limits=limits) for order in orders]


def centred(launches: Sequence[Measured]) -> list[Measured]:
    """The launches moved so that their mean is zero."""
    mean = statistics.fmean(launch.ratio.value for launch in launches)
    total = statistics.fmean(launch.ratio.total for launch in launches)
    return [
        replace(launch, ratio=replace(launch.ratio, value=launch.ratio.value - mean, total=launch.ratio.total - total))
        for launch in launches
    ]


def normal_launches(noise: random.Random, count: int) -> list[Measured]:
    """Launches with normal noise as large as recorded, their mean at zero."""
    sd = Scatter(kind="one thread").ratio_sd(2 * MIN_BLOCKS)
    values = [noise.gauss(0, sd) for _ in range(count)]
    ratios = [LogRatio(value=value, error=sd / 5, total=value) for value in values]
    return centred([Measured(ratio=ratio, seconds=2.0, expected_sd=sd, expected_total_sd=2 * sd) for ratio in ratios])


def verdicts_at_the_limit(
    launches: Sequence[Measured], *, limit: float, limits: int = 1, draws: int = 2 * REPLAYS
) -> list[Verdict]:
    """Verdicts when the truth is the limit: centred launches, drawn with replacement and moved there."""
    draw = random.Random(len(launches))  # noqa: S311 - a simulation, not a secret
    drawn = (draw.choices(launches, k=MAX_LAUNCHES) for _ in range(draws))
    return [decide(order, limit=limit, shift=math.log1p(limit), limits=limits) for order in drawn]


def share(verdicts: Sequence[Verdict], word: str) -> float:
    """Share of the verdicts that say this."""
    return sum(verdict.verdict == word for verdict in verdicts) / len(verdicts)


def median_seconds(verdicts: Sequence[Verdict]) -> float:
    """Median time of the verdicts."""
    return statistics.median(verdict.seconds for verdict in verdicts)


def scatter(launches: Sequence[Measured]) -> float:
    """Standard deviation of the launches' log ratios."""
    return statistics.stdev(launch.ratio.value for launch in launches)


def _rms(values: Iterable[float]) -> float:
    return math.sqrt(statistics.fmean(value * value for value in values))
