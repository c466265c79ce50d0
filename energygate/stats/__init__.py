"""How sure a number is: pure functions of numbers, standard library only."""

from __future__ import annotations

from energygate.stats.confidence import Interval, drifting, half_width, log_mean

__all__ = ["Interval", "drifting", "half_width", "log_mean"]
