"""Poisson arrivals of requests, reproducible by seed."""

from __future__ import annotations

import array
import itertools
import random

from energygate.workloads.protocol import Arrivals


def poisson_arrivals(*, rate_per_s: float, count: int, seed: str) -> Arrivals:
    """Return the arrivals of one window: `count` of them in their mean time.

    The gaps are exponential, as in MLPerf's Server scenario, and scaled together to fill the window, including those
    before the first and after the last arrival: a Poisson process conditioned on its number of arrivals (they are
    distributed like `count` sorted uniform numbers). So every window has exactly the rate. Without scaling, the idle
    time of twenty arrivals would scatter by 22 %, and energy with it.

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
