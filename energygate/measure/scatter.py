"""How much launches were recorded to scatter: all that the first looks of a decision know. Data and lookups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.policy import Workload

BY_BLOCKS = {
    "one thread": ((1, 0.030), (2, 0.022), (4, 0.013), (9, 0.005)),
    "several threads": ((1, 0.100), (2, 0.080), (4, 0.060), (9, 0.005)),
}
"""Standard deviation of a launch's ln(head/base) by its number of blocks: a row holds from that many blocks on.

Recorded on two occasions, beside a bursty neighbour and without (748 launches; bench/scatter.py). The first blocks of a
launch scatter most, and more with several threads than with one. Where a launch of nine blocks scattered more, its own
blocks said so."""

TOTALS = {"one thread": 0.010, "several threads": 0.030}
"""The same for sums over whole launches of nine blocks or more: outliers are part of a sum."""

ALONE = {"one thread": 0.023, "several threads": 0.060}
"""Standard deviation of ln(energy per request), of throughput and of the median latency of one side's launches within a
run, most of it the machine's speed."""


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """The recorded scatter of a workload's launches.

    Attributes:
        kind: The row of the tables; `None` where nothing like it was recorded.
    """

    kind: str | None

    @classmethod
    def of(cls, workload: Workload, *, alternating: bool = False) -> Scatter:
        """Return what is known of a workload's launches.

        Nothing was recorded of requests that arrive at a rate and of sides that alternate by whole launches.
        """
        if workload.load.rate is not None or alternating:
            return cls(kind=None)
        threads = max(workload.threads, workload.load.concurrency)
        return cls(kind="one thread" if threads == 1 else "several threads")

    def ratio_sd(self, windows: int) -> float:
        """Return the deviation of a launch's log ratio from so many windows a side; infinite where unknown."""
        if self.kind is None:
            return math.inf
        return [sd for blocks, sd in BY_BLOCKS[self.kind] if blocks <= max(1, windows // 2)][-1]

    def total_sd(self, windows: int) -> float:
        """Return the same for the log ratio of the sums over a launch."""
        return math.inf if self.kind is None else max(TOTALS[self.kind], self.ratio_sd(windows))

    def alone_sd(self, windows: int) -> float:
        """Return the deviation of ln(value) of one side's launches of so many windows."""
        return math.inf if self.kind is None else max(ALONE[self.kind], self.ratio_sd(windows))


UNKNOWN = Scatter(kind=None)
