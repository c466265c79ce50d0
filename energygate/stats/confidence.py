"""Confidence sequences for means of log values: intervals that are valid at every look of a sequential test."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EFFECTS = ((0.5, 0.12), (1.0, 0.70), (3.0, 0.18))
"""Effects that the test should detect, in standard deviations of a launch, each with its prior weight.

Chosen by simulation (bench/stopping.py): most weight on hard verdicts, one standard deviation from the limit; some on
large effects, so that clear cases stop early, and some on small ones, so that close cases end too.
"""

MIN_LAUNCHES = 4
"""From here on, the launches' own scatter is enough for an interval; before, what was recorded of it is needed."""

MAX_LAUNCHES = 40

FIRST_SHARE = 0.5
"""Share of the error that the looks after launches 1 to `MIN_LAUNCHES` - 1 have, a third each.

Chosen with the two degrees of freedom by simulation (bench/stopping.py): the truth at the limit, launches that scatter
up to three times as much as recorded, normal or not, are failed at most as often as stated.
"""


SIMULATED_SCATTER = 3
"""Up to this multiple of the recorded scatter the first looks err as rarely as stated; more, once seen, counts."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval for a mean on the log scale.

    Attributes:
        mean: The estimate.
        low: Lower end; -inf while there is too little evidence.
        high: Upper end; inf while there is too little evidence.
    """

    mean: float
    low: float
    high: float


def log_evidence(n: int, r: float) -> float:
    """Return the logarithm of the evidence that n independent normal values have a mean above zero.

    It is the likelihood ratio of the t statistic: each effect d of `EFFECTS` against none, the unknown deviation
    integrated out (the right Haar prior). As a sequence in n it is a martingale of mean one when the mean is
    zero, so it rarely grows large (Rushton 1950; Lai 1976; Perez-Ortiz, Lardy, de Heide & Gruenwald 2024).
    With V chi-distributed with n degrees of freedom,

        evidence(n, r) = sum over d of weight * exp(-n d²/2) * E[exp(d r V)]

    and E[exp(b V)] follows from partial integration: I(1) = sqrt(2 pi) exp(b²/2) Phi(b), I(2) = 1 + b I(1),
    I(m + 2) = b I(m + 1) + m I(m), E[exp(b V)] = I(n) / (2^(n/2 - 1) Gamma(n/2)).

    Args:
        n: Number of values, at least one.
        r: Their sum over the square root of the sum of their squares; from 0 to sqrt(n).
    """
    norm = (n / 2 - 1) * math.log(2) + math.lgamma(n / 2)
    terms = []
    for effect, weight in EFFECTS:
        b = effect * r
        # Without the factor exp(b²/2), which would overflow.
        current = math.sqrt(math.pi / 2) * math.erfc(-b / math.sqrt(2))
        following = math.exp(-b * b / 2) + b * current
        for m in range(1, n):
            current, following = following, b * following + m * current
        terms.append(math.log(weight * current) + b * b / 2 - n * effect * effect / 2 - norm)
    largest = max(terms)
    return largest + math.log(sum(math.exp(term - largest) for term in terms))


@lru_cache(maxsize=1024)
def critical_r(n: int, alpha: float) -> float:
    """Return the r at which the evidence suffices for a one-sided error of alpha; `inf` when no r does."""
    needed = -math.log(alpha)
    low, high = 0.0, math.sqrt(n)
    if log_evidence(n, high) < needed:
        return math.inf
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_evidence(n, middle) < needed else (low, middle)
    return high


def half_width(n: int, sd: float, *, alpha: float, expected_sd: float = math.inf) -> float:
    """Return the half-width of the confidence sequence after n independent values.

    mean ± half_width covers the true mean at every n up to `MAX_LAUNCHES` at once with probability 1 - alpha, so
    looking after each launch and stopping when it decides is valid.

    From `MIN_LAUNCHES` values on, for normal values of unknown variance, it contains the means that the values give too
    little evidence against, in either direction: with v = (n - 1)/n * sd², a mean at distance x has
    r = sqrt(n) x / sqrt(x² + v). The error is bounded by Ville's inequality.

    Fewer values do not show their scatter. Their interval is that of Student's t with two degrees of freedom around the
    deviation that was recorded for such values: trusted as little as if three launches had shown it. Its quantile,
    (1 - 2p) / sqrt(2p (1 - p)), is 2.2 times the normal one at p = 0.025 and 9.6 times at p = 0.0005, so it holds where
    launches scatter several times as much as recorded.

    Args:
        n: Number of values, at least one.
        sd: Their sample standard deviation; without meaning below `MIN_LAUNCHES`.
        alpha: Two-sided error.
        expected_sd: The recorded deviation of such values; infinite where none was recorded, and then all of the error
            is left for `MIN_LAUNCHES` values and more.

    Returns:
        The half-width; `math.inf` when n is too small for a bound at this alpha.
    """
    has_first_looks = math.isfinite(expected_sd)
    if n < MIN_LAUNCHES:
        if not has_first_looks:
            return math.inf
        p = alpha / 2 * FIRST_SHARE / (MIN_LAUNCHES - 1)
        return expected_sd / math.sqrt(n) * (1 - 2 * p) / math.sqrt(2 * p * (1 - p))
    r = critical_r(n, alpha / 2 * (1 - FIRST_SHARE if has_first_looks else 1))
    if r * r >= n:
        return math.inf
    return sd * math.sqrt((n - 1) / n) * r / math.sqrt(n - r * r)


def mean_interval(
    values: Sequence[float], *, alpha: float, min_sd: float = 0.0, expected_sd: float = math.inf
) -> Interval:
    """Return an interval for the mean of values, one per launch: what none of the looks so far excludes.

    Args:
        values: At least one.
        alpha: Two-sided error.
        min_sd: A known lower bound of their deviation: a few launches can agree by chance.
        expected_sd: Their recorded deviation; infinite where none was recorded.
    """
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    expected_sd = max(expected_sd, min_sd, sd / SIMULATED_SCATTER)
    looks = [
        (statistics.fmean(values[:n]), half_width(n, max(sd, min_sd), alpha=alpha, expected_sd=expected_sd))
        for n in {*range(1, min(len(values), MIN_LAUNCHES)), len(values)}
    ]
    mean = statistics.fmean(values)
    low, high = max(centre - half for centre, half in looks), min(centre + half for centre, half in looks)
    return Interval(mean=mean, low=min(low, mean), high=max(high, mean))


def launches_needed(  # noqa: PLR0913 - a decision's inputs
    distance: float, n: int, sd: float, *, alpha: float, expected_sd: float = math.inf, drift: float = 0.0
) -> int | None:
    """Estimate how many launches in total would decide, if mean and scatter stay the same.

    Args:
        distance: How far the mean is from the limit, on the log scale.
        n: The number of launches.
        sd: The deviation of a launch.
        alpha: Two-sided error.
        expected_sd: The recorded deviation; infinite where none was recorded.
        drift: Half-width that no number of launches narrows.

    Returns:
        The number; `None` when `MAX_LAUNCHES` would not suffice.
    """
    for m in range(n + 1, MAX_LAUNCHES + 1):
        if math.hypot(half_width(m, sd, alpha=alpha, expected_sd=expected_sd), drift) < distance:
            return m
    return None


def widened_by_drift(interval: Interval, *, drift_sd: float, alpha: float) -> Interval:
    """Return an interval widened by the machine's drift between occasions.

    Launches of one run share neighbours, clock and placement. Their scatter shows how well this run is known, not the
    result of a run an hour later. Independent errors add in quadrature.

    Args:
        interval: The interval of the launches.
        drift_sd: Standard deviation of ln(value) between runs on one machine.
        alpha: Two-sided error.
    """
    drift = drift_half(drift_sd, alpha=alpha)
    return Interval(
        mean=interval.mean,
        low=interval.mean - math.hypot(interval.mean - interval.low, drift),
        high=interval.mean + math.hypot(interval.high - interval.mean, drift),
    )


def drift_half(drift_sd: float, *, alpha: float) -> float:
    """Return how far the machine's drift alone moves ln(value), at a two-sided error of alpha."""
    return statistics.NormalDist().inv_cdf(1 - alpha / 2) * drift_sd
