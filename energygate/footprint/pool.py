"""A pool of replicas over a day: how long replicas are up, and how often one cold-starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.policy import format_number, format_quantity

if TYPE_CHECKING:
    from energygate.policy import Traffic

HOUR_S = 3600.0

KeyPath = tuple[str, ...]


class NoFootprint(Exception):
    """There is no footprint: why, in one sentence without a full stop.

    Args:
        why: The sentence.
        key: Path of the policy's key that it is about; `None` when it is about the measurement.
    """

    def __init__(self, why: str, *, key: KeyPath | None = None) -> None:
        super().__init__(why)
        self.key = key


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of replicas over a day of the site's traffic.

    Attributes:
        requests: Requests served, above 0.
        replica_seconds: Time that replicas are up, summed.
        cold_starts: How often a request has to wait for a replica to start; 0 without scaling to zero.
    """

    requests: float
    replica_seconds: float
    cold_starts: float


def pool_of(traffic: Traffic, *, service_s: float) -> Pool:
    """Return the pool for a day's traffic.

    An hour's requests keep `requests * service_s / 3600` replicas busy on average. The pool is that large, and at
    least as large as the warm replicas: a lower bound for any autoscaler.

    With `scale_to_zero_after` T and Poisson arrivals of rate r, the gap between two arrivals is exponential. A request
    finds no replica when the gap before it was longer than T, which has the probability exp(-r T), so there are
    r exp(-r T) cold starts a second. A replica is up for min(gap, T) of each gap: 1 - exp(-r T) of the time (a renewal
    reward process: S. Ross, Introduction to Probability Models, ch. 7). Where requests are long, busy time is more;
    the larger of the two counts.

    Args:
        traffic: Requests by the hour, and the limits of the pool.
        service_s: Time that a replica is busy with one request, in seconds, 0 or more.

    Raises:
        NoFootprint: When an hour needs more replicas than `max_replicas`.
    """
    replica_seconds = cold_starts = 0.0
    for hour, requests in enumerate(traffic.hourly):
        busy = requests * service_s / HOUR_S
        if traffic.max_replicas is not None and busy > traffic.max_replicas:
            needed = f"{format_number(busy)} replicas that are always busy"
            load = f"{format_number(requests)} requests of {format_quantity(service_s, 's')}"
            raise NoFootprint(
                f"hour {hour} needs {needed} ({load}), and max_replicas is {traffic.max_replicas}: "
                "more busy time than the hour has",
                key=("site", "traffic", "max_replicas"),
            )
        if traffic.scale_to_zero_after is None:
            up = float(traffic.warm_replicas)
        else:
            expected = requests * traffic.scale_to_zero_after.value / HOUR_S
            up = -math.expm1(-expected)
            cold_starts += requests * math.exp(-expected)
        replica_seconds += max(busy, up) * HOUR_S
    return Pool(requests=traffic.daily, replica_seconds=replica_seconds, cold_starts=cold_starts)
