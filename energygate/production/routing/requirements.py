"""What every placement has to keep to: from the policy, or as the command line says it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from energygate.errors import UsageError
from energygate.policy import Family, parse_quantity
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.policy import Policy
    from energygate.production.routing.pool_costs import Region

Quantile = Literal["latency_p50", "latency_p95", "latency_p99"]

SHARES: Mapping[Quantile, float] = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
"""The metrics of latency that a limit can be on, and what share of the requests each is about."""

DEFAULT_QUANTILE: Quantile = "latency_p95"

MAX_RATE_PER_S = 1e9
MIN_RATE_PER_S = 1e-6

_LATENCY = re.compile(r"\s*(?P<quantile>p[0-9]+)\s+(?P<limit>\S.*)")
_RATES = re.compile(r"\s*(?P<low>[0-9.eE+]+)\s*(?:-|\.\.)\s*(?P<high>[0-9.eE+]+)\s*(?:req/s)?\s*")
_LONGEST_QUOTE = 60


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The limit on latency.

    Attributes:
        metric: Which quantile is limited.
        limit_s: The limit.
        source: Where it is written.
    """

    metric: Quantile
    limit_s: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What every placement has to keep to.

    Attributes:
        latency: The limit that requests are answered within.
        span: Rates to look at, in requests a second.
        warm: The fewest replicas of a pool in use, by its name; 1 for others.
        most: The most replicas of any pool; `None` for as many as it takes.
        min_accuracy: The policy's limit on accuracy; `None` without one.
    """

    latency: Limit
    span: Region
    warm: Mapping[str, int]
    most: int | None = None
    min_accuracy: float | None = None


def parse_latency(text: str) -> Limit:
    """Read a limit such as `p95 50 ms`.

    Raises:
        UsageError: It is none.
    """
    match = _LATENCY.fullmatch(text)
    metric = f"latency_{match['quantile']}" if match else ""
    if match is None or metric not in SHARES:
        raise UsageError(
            f"--latency: '{printable(text, max_length=_LONGEST_QUOTE)}' is no limit on p50, p95 or p99",
            hint="Write for example --latency 'p95 50 ms'",
        )
    try:
        limit_s = parse_quantity(match["limit"], Family.TIME).value
    except ValueError as error:
        raise UsageError(f"--latency: {error}") from None
    if limit_s <= 0:
        raise UsageError("--latency must be more than 0 s")
    return Limit(metric=cast("Quantile", metric), limit_s=limit_s, source="--latency")


def latency_limit(policy: Policy | None, workloads: Sequence[str]) -> Limit:
    """The policy's limit on latency p95; of several workloads the strictest.

    Raises:
        UsageError: There is none.
    """
    found = []
    for name in dict.fromkeys(workloads):
        budget = None if policy is None else _workload_budget(policy, name, DEFAULT_QUANTILE)
        if policy is not None and budget is not None:
            path = ("workloads", name, "budgets", DEFAULT_QUANTILE, "max")
            line = policy.line(path)
            where = policy.source if line is None else f"{policy.source}:{line}"
            found.append(Limit(metric=DEFAULT_QUANTILE, limit_s=budget, source=where))
    if not found:
        name = printable(workloads[0], max_length=_LONGEST_QUOTE)
        where = "without a policy" if policy is None else f"in {policy.source} for workload '{name}'"
        raise UsageError(
            f"there is no limit on latency {where}, and without one a single replica of any pool would do",
            hint=f"Give --latency 'p95 50 ms', or write workloads.{name}.budgets.latency_p95: 50 ms",
        )
    return min(found, key=lambda one: one.limit_s)


def min_accuracy(policy: Policy | None, workloads: Sequence[str]) -> float | None:
    """The policy's limit on accuracy; of several workloads the strictest, `None` without one."""
    found = [] if policy is None else [_workload_budget(policy, name, "accuracy") for name in workloads]
    return max((one for one in found if one is not None), default=None)


def _workload_budget(policy: Policy, name: str, metric: str) -> float | None:
    workload = policy.workloads.get(name)
    budget = None if workload is None else workload.budgets.get(metric)
    if budget is None or budget.level == "off":
        return None
    limit = budget.max or budget.min
    return None if limit is None else limit.value


def parse_rates(text: str) -> Region:
    """Read a span of rates such as `1-10000`.

    Raises:
        UsageError: It is none.
    """
    match = _RATES.fullmatch(text)
    try:
        low, high = (float(match["low"]), float(match["high"])) if match else (math.nan, math.nan)
    except ValueError:
        low = high = math.nan
    if math.isnan(low):
        raise UsageError(
            f"--rates: '{printable(text, max_length=_LONGEST_QUOTE)}' does not say from which rate to which",
            hint="Write for example --rates 1-10000, in requests a second",
        )
    if not MIN_RATE_PER_S <= low < high <= MAX_RATE_PER_S:
        raise UsageError(
            f"--rates: {printable(text, max_length=_LONGEST_QUOTE)} does not lead from a rate above 0 to a higher one",
            hint=f"Write for example --rates 1-10000; {MAX_RATE_PER_S:.0e} is the most",
        )
    return low, high
