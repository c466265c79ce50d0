"""Policies, results and routes for tests of the Kubernetes exporter, and its files as readers of YAML see them."""

from __future__ import annotations

import functools

import yaml
from builders import metric_result, provenance, result, workload_result

from energygate.policy import parse_policy
from energygate.production.export.kubernetes import files
from energygate.production.export.kubernetes_options import KubernetesOptions
from energygate.production.export.source import Source
from energygate.production.routing.measured_pools import PoolInput
from energygate.production.routing.requirements import LatencyLimit, Requirements
from energygate.production.routing.route import route

POLICY = """\
version: 1
site:
  pue: 1.25
  traffic:
    requests_per_day: 2000000
    warm_replicas: 2
    max_replicas: 8
workloads:
  digits-cnn:
    onnx: digits.onnx
    threads: 2
    budgets:
      effective_energy_per_request: {max: 2 J}
      latency_p95: {max: 200 ms}
"""
PER_REPLICA = {"cpu": 17.0, "gpu": 240.0}


def measured(
    *,
    capacity_per_s=25.0,
    latency_s=0.039,
    idle_watts=10.0,
    active_joules=0.8,
    name="digits-cnn",
    kind="http",
    peak=None,
    metrics=None,
    **facts,
):
    """A result of one machine, of a service."""
    times = dict(zip(("latency_p50", "latency_p95", "latency_p99"), (1.0, 1.5, 1.9), strict=True))
    found = {
        key: metric_result(unit="s", head=latency_s * one, low=latency_s * one, high=latency_s * one)
        for key, one in times.items()
    }
    found["throughput"] = metric_result(unit="req/s", head=capacity_per_s, low=capacity_per_s, high=capacity_per_s)
    if peak is not None:
        found["peak_memory"] = metric_result(unit="B", head=peak * 2.0**20, low=None, high=None)
    found["energy_per_request"] = metric_result(head=4e-7, low=4e-7, high=4e-7)
    known = {"idle_watts": idle_watts, "active_it_kwh_per_request": active_joules / 3.6e6}
    one = workload_result(
        name, kind=kind, metrics={**found, **(metrics or {})}, provenance=provenance(**{**known, **facts})
    )
    return result(one, pue=1.25)


def routes(*, limit_s=0.2, workload="digits-cnn", **results):
    """What `energygate route` finds for a small and a large machine."""
    results = results or {
        "cpu": measured(),
        "gpu": measured(capacity_per_s=400.0, latency_s=0.0024, idle_watts=60.0, active_joules=0.08),
    }
    inputs = [
        PoolInput(name=name, source=f"{name}.json", result=one, workload=workload) for name, one in results.items()
    ]
    latency = LatencyLimit(metric="latency_p95", limit_s=limit_s, source="energygate.yml:14")
    return route(inputs, Requirements(latency=latency, span=(1.0, 1000.0), warm={}))


@functools.cache
def two_machines():
    """Return the usual routes, which take a quarter of a second to work out."""
    return routes()


def source(policy=POLICY, *, result=None):
    return Source(policy=parse_policy(policy), result=result)


def exported(policy=POLICY, *, result=None, requests_per_replica=PER_REPLICA, **options):
    """The files as texts."""
    return files(source(policy, result=result), KubernetesOptions(requests_per_replica=requests_per_replica, **options))


def documents(text):
    return list(yaml.safe_load_all(text))


def objects(made, kind=None):
    """All objects of all manifests, or those of a kind by name."""
    found = [one for path, text in made.items() if not path.startswith("prometheus/") for one in documents(text)]
    return found if kind is None else {one["metadata"]["name"]: one for one in found if one["kind"] == kind}
