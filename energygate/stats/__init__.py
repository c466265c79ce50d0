"""Statistics: pure functions of numbers, with the standard library only."""

from __future__ import annotations

from energygate.stats.confidence import (
    Interval,
    drift_half,
    half_width,
    launches_needed,
    mean_interval,
    widened_by_drift,
)
from energygate.stats.paired import LogRatio, launch_log_ratio

__all__ = [
    "Interval",
    "LogRatio",
    "drift_half",
    "half_width",
    "launch_log_ratio",
    "launches_needed",
    "mean_interval",
    "widened_by_drift",
]
