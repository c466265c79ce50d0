"""Costs of pools: two that are easy to check by hand, and arbitrary ones from hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from energygate.production.routing.pool_costs import PoolCosts

SPAN = (1.0, 1000.0)


@st.composite
def pools_drawn(draw, name="pool"):
    return PoolCosts(
        name=name,
        idle_watts=draw(st.floats(1.0, 200.0)),
        active_joules=draw(st.floats(0.001, 2.0)),
        replica_rate_per_s=draw(st.floats(5.0, 800.0)),
        warm=draw(st.integers(1, 3)),
        max_replicas=draw(st.none() | st.integers(3, 30)),
    )


several = st.lists(pools_drawn(), min_size=2, max_size=4).map(
    lambda pools: [replace(pool, name=f"pool-{number}") for number, pool in enumerate(pools)]
)

CPU = PoolCosts(name="cpu", idle_watts=10.0, active_joules=0.1, replica_rate_per_s=50.0)
GPU = PoolCosts(name="gpu", idle_watts=60.0, active_joules=0.02, replica_rate_per_s=1000.0)


def grid(span=SPAN, count=199):
    """Rates that fall on no step."""
    return [span[0] + (span[1] - span[0]) * (number + 0.5003) / count for number in range(count)]
