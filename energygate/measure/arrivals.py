"""Poisson arrivals of requests, reproducible by seed."""

from __future__ import annotations

import array
import itertools
import random

from energygate.workloads.protocol import Arrivals


def poisson_arrivals(*, rate_per_s: float, count: int, seed: str) -> Arrivals:
    """Return the arrivals of one window: `count` of them in their mean time.

    The gaps are exponential, as in MLPerf's Server scenario, and stretched together to fill the window, gaps before
    the first and after the last arrival included: that is a Poisson process of which it is known that so many arrive
    (they lie like `count` sorted uniform numbers). Every window thus offers the rate exactly. With free lengths the
    idle time of twenty arrivals would scatter by 22 %, and energy with it.

    Args:
        rate_per_s: Mean arrivals a second.
        count: How many arrive in this window.
        seed: The same text gives the same arrivals on every machine and Python.
    """
    draw = random.Random(seed)  # noqa: S311 - traffic, not a secret
    gaps = [draw.expovariate(1.0) for _ in range(count + 1)]
    span_ns = round(count / rate_per_s * 1e9)
    stretch = span_ns / sum(gaps)
    sums = itertools.accumulate(gaps[:-1])
    return Arrivals(offsets_ns=array.array("q", (round(one * stretch) for one in sums)), span_ns=span_ns)
