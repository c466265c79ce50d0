"""Intervals for means of log values that hold at every moment of a sequential measurement."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PHI = 1.0
"""Weight of the mixture's prior, in launches: narrowest where verdicts usually fall, at four to ten."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval for a mean on the log scale.

    Attributes:
        mean: The estimate.
        half: Half of the interval's width; infinite while there is too little evidence for any.
    """

    mean: float
    half: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half


def half_width(n: int, sd: float, *, alpha: float, phi: float = PHI) -> float:
    """Half-width of the mixture-t confidence sequence after n independent values.

    mean ± half_width covers the true mean at every n at once with probability 1 - alpha, for normal values of
    unknown variance, so looking after each launch and stopping when it decides is honest. It inverts the test
    martingale of the t statistic under a normal prior on the effect (Lai 1976; Wang & Ramdas, "Anytime-valid
    t-tests and confidence sequences for Gaussian means with unknown variance", 2023; Lindon, Ham, Tingley &
    Bojinov 2022 for linear models). With nu = n - 1 and k = phi / (phi + n):

        q = (1 / (alpha * sqrt(k))) ** (2 / (nu + 1))
        half = sd / sqrt(n) * sqrt(nu * (q - 1) / (1 - k * q)),  infinite while k * q >= 1

    Args:
        n: Number of values.
        sd: Their sample standard deviation.
        alpha: Two-sided error.
        phi: Weight of the prior, in values.

    Returns:
        The half-width; `math.inf` when n is too small for any bound at this alpha.
    """
    if n < 2:  # noqa: PLR2004 - no deviation without two values
        return math.inf
    nu = n - 1
    k = phi / (phi + n)
    q = (1 / (alpha * math.sqrt(k))) ** (2 / (nu + 1))
    if k * q >= 1:
        return math.inf
    return sd / math.sqrt(n) * math.sqrt(nu * (q - 1) / (1 - k * q))


def log_mean(values: Sequence[float], *, alpha: float, phi: float = PHI) -> Interval:
    """Interval for the mean of ln(value), one value per launch.

    Args:
        values: Positive numbers, at least one.
        alpha: Two-sided error.
        phi: See `half_width`.
    """
    logs = [math.log(value) for value in values]
    sd = statistics.stdev(logs) if len(logs) > 1 else 0.0
    return Interval(mean=statistics.fmean(logs), half=half_width(len(logs), sd, alpha=alpha, phi=phi))


def drifting(interval: Interval, *, drift_sd: float, alpha: float) -> Interval:
    """Widen an interval by how much the machine itself wanders from one occasion to the next.

    Launches of one run share the machine's mood: neighbours, clock, placement. Their scatter says how well
    this run is known, not how a run an hour later would come out. Independent errors add in quadrature.

    Args:
        interval: What the launches say.
        drift_sd: Standard deviation of ln(value) between runs on one machine.
        alpha: Two-sided error.
    """
    wander = statistics.NormalDist().inv_cdf(1 - alpha / 2) * drift_sd
    return Interval(mean=interval.mean, half=math.hypot(interval.half, wander))
