"""One log ratio per launch, from paired windows."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAD_TO_SD = 1.4826
"""Standard deviation over median absolute deviation, for normal values."""


MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for many normal values."""


@dataclass(frozen=True, kw_only=True)
class LogRatio:
    """ln(head/base) of one launch.

    Attributes:
        value: The estimate for typical requests.
        error: Its standard error from the scatter of the launch's blocks; 0 for one block. It is a lower bound of a
            launch's deviation, since it leaves out what differs between launches.
        total: ln(head/base) of the sums over all windows, which a few expensive requests move too.
    """

    value: float
    error: float
    total: float


def block_log_ratios(base: Sequence[float], head: Sequence[float]) -> list[float]:
    """Return one log ratio per block of two windows of each side, in the order of measurement.

    In a block ABBA (or BAAB) each side has an early and a late window, so a drift that is linear over the block
    cancels, and so does the cost of the first window after a change of sides.

    Args:
        base: Base's windows, in order; an even number.
        head: Head's windows, as many.
    """
    logs = [math.log(h) - math.log(b) for b, h in zip(base, head, strict=True)]
    return [(first + second) / 2 for first, second in zip(logs[::2], logs[1::2], strict=True)]


def launch_log_ratio(base: Sequence[float], head: Sequence[float]) -> LogRatio:
    """Return the log ratio of a launch from its windows' values (such as CPU time; equal request counts).

    It is the median of its blocks, since on shared machines up to a third of them are outliers. On two threads beside
    a busy neighbour it scatters half as much as the Hodges-Lehmann estimate, elsewhere as much (bench/estimators.py).
    """
    blocks = block_log_ratios(base, head)
    centre = statistics.median(blocks)
    mad = statistics.median(abs(block - centre) for block in blocks)
    return LogRatio(
        value=centre,
        error=MEDIAN_ERROR * MAD_TO_SD * mad / math.sqrt(len(blocks)) if len(blocks) > 1 else 0.0,
        total=math.log(math.fsum(head)) - math.log(math.fsum(base)),
    )
