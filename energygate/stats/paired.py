"""From paired windows to one log ratio per launch."""

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
    """What one launch says of ln(head/base).

    Attributes:
        value: The estimate: what typical requests say.
        error: Its standard error from the scatter of the launch's own blocks; 0 when there is one block. It
            leaves out what differs from launch to launch: a lower bound of a launch's deviation.
        total: The same of the sums over all windows, which a few dear ones move too.
    """

    value: float
    error: float
    total: float


def block_log_ratios(base: Sequence[float], head: Sequence[float]) -> list[float]:
    """One log ratio per block: two windows of each side, in the order they were measured.

    In a block ABBA (or BAAB) each side has an early and a late window, so a drift that is linear over the
    block cancels, and so does what the first window after a change of sides costs.

    Args:
        base: Base's windows, in order; an even number.
        head: Head's windows, as many.
    """
    logs = [math.log(h) - math.log(b) for b, h in zip(base, head, strict=True)]
    return [(first + second) / 2 for first, second in zip(logs[::2], logs[1::2], strict=True)]


def launch_log_ratio(base: Sequence[float], head: Sequence[float]) -> LogRatio:
    """The log ratio of a launch from its windows' values (such as CPU time, all windows of equal request count).

    It is the median of its blocks: on shared machines up to a third of them are wild, and the median is moved least.
    On two threads beside a busy neighbour it scatters half as much as the Hodges-Lehmann estimate, and as much
    elsewhere (bench/estimators.py).
    """
    blocks = block_log_ratios(base, head)
    centre = statistics.median(blocks)
    mad = statistics.median(abs(block - centre) for block in blocks)
    return LogRatio(
        value=centre,
        error=MEDIAN_ERROR * MAD_TO_SD * mad / math.sqrt(len(blocks)) if len(blocks) > 1 else 0.0,
        total=math.log(math.fsum(head)) - math.log(math.fsum(base)),
    )
