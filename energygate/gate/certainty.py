"""How often intervals may err, so that the error of all of them together stays what the gate promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate.judge import limits
from energygate.policy import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from energygate.policy import Workload

ALPHA = 0.10
"""Two-sided error of all intervals of a run together: at most 5 % of runs are wrong in each direction."""


def shared_alpha(workloads: Iterable[Workload], *, relative: bool) -> float:
    """Give the two-sided error of each interval: `ALPHA`, shared among all limits on sampled metrics (Bonferroni).

    Args:
        workloads: All workloads of the run.
        relative: Whether there is a base, so that relative limits are judged too.
    """
    count = sum(
        1
        for workload in workloads
        for metric, budget in workload.budgets.items()
        if not METRICS[metric].exact
        for _ in limits(budget, relative=relative)
    )
    return ALPHA / max(1, count)
