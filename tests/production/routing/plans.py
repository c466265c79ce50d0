"""Plans from made-up results, with a default limit and default rates."""

from __future__ import annotations

from energygate.production.routing.measured_pools import PoolInput
from energygate.production.routing.plan import LatencyLimit
from energygate.production.routing.requirements import Requirements
from energygate.production.routing.route import route

INT8 = {"active_joules": 0.08, "capacity_per_s": 250.0, "latency_s": 0.004}


def requirements(limit_s=0.05, *, metric="latency_p95", span=(1.0, 10_000.0), warm=None, **more):
    latency = LatencyLimit(metric=metric, limit_s=limit_s, source="--latency")
    return Requirements(latency=latency, span=span, warm=warm or {}, **more)


def plan(required=None, idle=None, workload="digits-cnn", **results):
    inputs = [
        PoolInput(name=name, source=f"{name}.json", result=one, workload=workload, idle_watts=(idle or {}).get(name))
        for name, one in results.items()
    ]
    return route(inputs, required or requirements())
