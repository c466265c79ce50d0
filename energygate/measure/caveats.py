"""Caveats about a load: saturation, batches, and sides with different amounts of output."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.launch import Launch, Launches

NEARLY_SATURATED = 0.95
"""Share of the capacity above which latencies are mostly waiting: with Poisson arrivals and constant service times a
request then waits ten times as long as it is served (Pollaczek and Khinchine)."""

CAPACITY_ERROR = 1.1
"""A window that served this many times the capacity measured after warm-up shows that the capacity was more."""

MANY_REQUESTS = 20
"""In shorter windows, which begin without a queue, requests hardly wait however close to its capacity a server is."""


def caveats(launches: Launches, units: str | None) -> list[str]:
    """Return all caveats, as sentences."""
    if not launches.base:
        some = [saturation(launches.head), batches(launches.head, launches.head)]
    else:
        saturations = {"base": saturation(launches.base), "head": saturation(launches.head)}
        some = [f"{side} is {one}" for side, one in saturations.items() if one is not None]
        some.append(batches(launches.base, launches.head))
        some.append(None if units is None else different_units(launches, units))
    return [one for one in some if one is not None]


def saturation(launches: Sequence[Launch]) -> str | None:
    """Return a caveat when requests arrive (almost) faster than they can be served.

    Windows that end late show it, and so does a capacity measured after warm-up that these windows do not exceed.
    """
    windows = [window for launch in launches for window in launch.windows if window.scheduled_ns]
    if not windows:
        return None
    arrived = statistics.fmean(window.requests + window.failed_requests for window in windows)
    rate_per_s = arrived * 1e9 / statistics.fmean(window.scheduled_ns or 1 for window in windows)
    served_per_s = rate_per_s / statistics.median(window.wall_ns / (window.scheduled_ns or 1) for window in windows)
    capacities = [launch.capacity_per_s for launch in launches if launch.capacity_per_s is not None]
    capacity_per_s = statistics.median(capacities) if capacities else math.inf
    agree = served_per_s <= CAPACITY_ERROR * capacity_per_s
    if rate_per_s > served_per_s * _overrun_at_capacity(arrived) or (rate_per_s > capacity_per_s and agree):
        return (
            f"saturated: it serves {min(capacity_per_s, served_per_s):.3g} req/s of the {rate_per_s:.3g} that arrive; "
            "latencies grow for as long as requests arrive"
        )
    capacity_per_s = max(capacity_per_s, served_per_s)
    if arrived >= MANY_REQUESTS and rate_per_s > NEARLY_SATURATED * capacity_per_s:
        return (
            f"nearly saturated: it can serve {capacity_per_s:.3g} req/s, and {rate_per_s:.3g} arrive; "
            "latencies are mostly waiting"
        )
    return None


def _overrun_at_capacity(arrived: float) -> float:
    """Return how many times its schedule a window takes, in the median, at a rate that equals the capacity.

    Longer windows show that more arrive. The last request ends late, and so do those that queue: arrivals given
    their number are a Brownian bridge, whose maximum is beyond 0.59 sqrt(n) half of the time (exp(-2x²) = 1/2).
    """
    return 1 + 1 / arrived + math.sqrt(math.log(2) / 2 / arrived)


def batches(base: Sequence[Launch], head: Sequence[Launch]) -> str | None:
    """Return a caveat when the workload itself decides how many requests a call serves, and it is not one."""
    before, after = (max((one.requests_per_call for one in some), default=1) for some in (base, head))
    if before != after:
        return f"a call serves {after} requests at head and {before} at base; energy is per request"
    return f"a call serves {after} requests; energy is per request" if after > 1 else None


def different_units(launches: Launches, units: str) -> str | None:
    """Return a caveat when head's output for the same requests differs from base's in amount.

    Args:
        launches: Both sides' windows served the same requests, one by one.
        units: The unit of the output, such as `tokens`.
    """
    alike = [
        (base, head)
        for base_launch, head_launch in launches.pairs
        for base, head in zip(base_launch.windows, head_launch.windows, strict=True)
        if base.requests == head.requests  # failed requests yield nothing
    ]
    base = math.fsum(window.units or 0.0 for window, _ in alike)
    head = math.fsum(window.units or 0.0 for _, window in alike)
    if math.isclose(base, head, rel_tol=1e-9):
        return None
    return (
        f"head yielded {_count(head)} {units} where base yielded {_count(base)} for the same requests: "
        "compare energy per unit, not energy per request"
    )


def _count(amount: float) -> str:
    return f"{amount:.0f}" if amount == round(amount) else f"{amount:.6g}"
