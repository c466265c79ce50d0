"""What is known of one metric of one workload when it is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with the interval that covers the truth.

    Attributes:
        value: The best single number, in the metric's canonical unit (a relative change: as a fraction).
        low: Lower end; equal to `value` for exact metrics.
        high: Upper end; infinite while there is too little evidence for any.
    """

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """A number without any sampling noise, such as a file's size."""
        return cls(value=value, low=value, high=value)

    @property
    def is_known(self) -> bool:
        """Whether there is an interval at all."""
        return math.isfinite(self.high)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured of one metric.

    Attributes:
        metric: The metric's name.
        head: Its value on head.
        base: Its value on base; `None` when only head was measured.
        change: (head - base) / base, from the paired launches; `None` when only head was measured.
        total: The same change of the sums over whole launches; `None` where it is not told apart. Its interval is
            wider and surer than that of `change`: a few dear requests move it, and so does a busy neighbour.
        incomparable: Why the two sides' numbers must not be held against each other; `None` when they may.
    """

    metric: str
    head: Estimate
    base: Estimate | None = None
    change: Estimate | None = None
    total: Estimate | None = None
    incomparable: str | None = None
