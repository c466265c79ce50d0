"""The evidence about one metric of one workload."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with the interval that covers the truth.

    Attributes:
        value: The best single number, in the metric's canonical unit (a relative change: as a fraction).
        low: Lower end; equal to `value` for exact metrics, -inf while there is too little evidence.
        high: Upper end; inf while there is too little evidence.
    """

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """Return an estimate without sampling noise, such as a file's size."""
        return cls(value=value, low=value, high=value)

    @property
    def is_known(self) -> bool:
        """Whether the interval says anything."""
        return math.isfinite(self.low) or math.isfinite(self.high)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence about one metric.

    Attributes:
        metric: The metric's name.
        head: Its value on head.
        base: Its value on base; `None` when only head was measured.
        change: (head - base) / base, from the paired launches; `None` when only head was measured.
        total: The same change of the sums over whole launches, `None` where it is not distinguished. A few expensive
            requests move it, and so does a busy neighbour, so its interval is wider and errs less often.
        incomparable: Why the two sides' numbers must not be compared; `None` when they may.
    """

    metric: str
    head: Estimate
    base: Estimate | None = None
    change: Estimate | None = None
    total: Estimate | None = None
    incomparable: str | None = None

    @classmethod
    def exact(cls, metric: str, *, head: float, base: float | None = None) -> Evidence:
        """Return evidence without sampling noise; a change from zero to more is unknown, not infinite."""
        if base is None:
            return cls(metric=metric, head=Estimate.exact(head))
        change = Estimate.exact(head / base - 1 if base else 0.0) if base or head == base else None
        return cls(metric=metric, head=Estimate.exact(head), base=Estimate.exact(base), change=change)
