"""What every placement must keep: from the policy, or from the command line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from energygate.errors import UsageError
from energygate.policy import Family, parse_quantity
from energygate.production.routing.plan import LatencyLimit
from energygate.text import MAX_QUOTE, printable, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.policy import Policy
    from energygate.production.routing.pool_costs import Region

Quantile = Literal["latency_p50", "latency_p95", "latency_p99"]

SHARES: Mapping[Quantile, float] = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
"""The latency metrics that can be limited, and the share of requests that each is about."""

DEFAULT_QUANTILE: Quantile = "latency_p95"

MAX_RATE_PER_S = 1e9
MIN_RATE_PER_S = 1e-6

_LATENCY = re.compile(r"\s*(?P<quantile>p[0-9]+)\s+(?P<limit>\S.*)")
_RATES = re.compile(r"\s*(?P<low>[0-9.eE+]+)\s*(?:-|\.\.)\s*(?P<high>[0-9.eE+]+)\s*(?:req/s)?\s*")


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


def parse_latency(text: str) -> LatencyLimit:
    """Parse a limit such as `p95 50 ms`.

    Raises:
        UsageError: It is not one.
    """
    match = _LATENCY.fullmatch(text)
    metric = f"latency_{match['quantile']}" if match else ""
    if match is None or metric not in SHARES:
        raise UsageError(
            f"--latency: {quote(text)} is not a limit on p50, p95 or p99",
            hint="Write for example --latency 'p95 50 ms'",
        )
    try:
        limit_s = parse_quantity(match["limit"], Family.TIME).value
    except ValueError as error:
        raise UsageError(f"--latency: {error}") from None
    if limit_s <= 0:
        raise UsageError("--latency must be greater than 0 s")
    return LatencyLimit(metric=cast("Quantile", metric), limit_s=limit_s, source="--latency")


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


def parse_rates(text: str) -> Region:
    """Parse a range of rates such as `1-10000`.

    Raises:
        UsageError: It is not one.
    """
    match = _RATES.fullmatch(text)
    try:
        low, high = (float(match["low"]), float(match["high"])) if match else (math.nan, math.nan)
    except ValueError:
        low = high = math.nan
    if math.isnan(low):
        raise UsageError(
            f"--rates: {quote(text)} is not a range of rates",
            hint="Write for example --rates 1-10000, in requests a second",
        )
    if not MIN_RATE_PER_S <= low < high <= MAX_RATE_PER_S:
        raise UsageError(
            f"--rates: {quote(text)} must rise, from a rate above 0",
            hint=f"Write for example --rates 1-10000; the maximum is {MAX_RATE_PER_S:.0e}",
        )
    return low, high
