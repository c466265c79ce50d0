"""How sure a number is: pure functions of numbers, standard library only."""

from __future__ import annotations

from energygate.stats.confidence import (
    Interval,
    drifting,
    half_width,
    launches_needed,
    log_mean,
    mean_interval,
)
from energygate.stats.paired import LogRatio, launch_log_ratio

__all__ = [
    "Interval",
    "LogRatio",
    "drifting",
    "half_width",
    "launch_log_ratio",
    "launches_needed",
    "log_mean",
    "mean_interval",
]
