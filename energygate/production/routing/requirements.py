"""What every placement must keep: from the policy, or from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from energygate.errors import UsageError
from energygate.production.routing.plan import LatencyLimit
from energygate.text import MAX_QUOTE, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.policy import Policy
    from energygate.production.routing.pool_costs import Region

Quantile = Literal["latency_p50", "latency_p95", "latency_p99"]

LATENCY_QUANTILES: Mapping[str, float] = {"latency_p95": 0.95, "latency_p99": 0.99, "latency_p50": 0.5}
"""The latency metrics that can be limited, the usual one first, and the share of requests that each is about."""

DEFAULT_QUANTILE: Quantile = "latency_p95"


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What every placement must keep.

    Attributes:
        latency: The limit that requests are answered within.
        span: The range of rates, in requests a second.
        warm: The minimum of replicas of a pool in use, by its name; 1 for others.
        max_replicas: The maximum of replicas of any pool; `None` for no limit.
        min_accuracy: The policy's limit on accuracy; `None` without one.
    """

    latency: LatencyLimit
    span: Region
    warm: Mapping[str, int]
    max_replicas: int | None = None
    min_accuracy: float | None = None


def latency_limit(policy: Policy | None, workloads: Sequence[str]) -> LatencyLimit:
    """Return the policy's limit on latency p95; of several workloads the strictest.

    Raises:
        UsageError: There is none.
    """
    found = []
    for name in dict.fromkeys(workloads):
        limit_s = None if policy is None else _limit(policy, name, DEFAULT_QUANTILE)
        if policy is not None and limit_s is not None:
            line = policy.line(("workloads", name, "budgets", DEFAULT_QUANTILE, "max"))
            source = policy.source if line is None else f"{policy.source}:{line}"
            found.append(LatencyLimit(metric=DEFAULT_QUANTILE, limit_s=limit_s, source=source))
    if not found:
        name = printable(workloads[0], max_length=MAX_QUOTE)
        where = "without a policy" if policy is None else f"in {policy.source} for workload '{name}'"
        raise UsageError(
            f"there is no limit on latency {where}; without one, a single replica of any pool would suffice",
            hint=f"Give --latency 'p95 50 ms', or write workloads.{name}.budgets.latency_p95: 50 ms",
        )
    return min(found, key=lambda one: one.limit_s)


def min_accuracy(policy: Policy | None, workloads: Sequence[str]) -> float | None:
    """Return the policy's limit on accuracy; of several workloads the strictest, `None` without one."""
    found = [] if policy is None else [_limit(policy, name, "accuracy") for name in workloads]
    return max((one for one in found if one is not None), default=None)


def _limit(policy: Policy, name: str, metric: str) -> float | None:
    workload = policy.workloads.get(name)
    budget = None if workload is None else workload.budgets.get(metric)
    if budget is None or budget.level == "off":
        return None
    limit = budget.max or budget.min
    return None if limit is None else limit.value
