"""The autoscaler's metrics: Prometheus' recording rules by Deployment, and prometheus-adapter's rules for them.

An autoscaler takes the largest number of replicas that any of its metrics asks for, so a metric alone can add replicas
and never take one away. Energy per request must do the latter: it falls as replicas get fewer. As a metric of its own
it would keep replicas (or, as energy over budget, add them without end); so it divides what latency asks for.
With L latency over its limit and E energy per request over its budget,

    replicas by latency and energy = replicas x min(sqrt(L / max(E, 1)), 1.15)

where all three are of the same two minutes, the replicas too: so an autoscaler that looks every 15 s cannot react to
the same evidence again and again. Near its limit latency changes several times as fast as the number of replicas, and
the root keeps the answer from being too large. Where both limits are broken it settles where both are by the same
factor. docs/kubernetes.md has a simulation (bench/autoscaling.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.production import metric_names
from energygate.production.export.documents import Noted
from energygate.production.export.kubernetes_names import pods_of
from energygate.production.export.live_limits import LIVE_METRICS
from energygate.production.export.promql import matching, number, quoted
from energygate.production.routing.requirements import LATENCY_QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.export.source import RuntimeLimit

REPLICAS = "deployment:energygate_replicas"
"""{namespace, workload, deployment}: replicas that report; the records below have the same labels."""

REQUEST_RATE = "deployment:energygate_requests_per_second:rate1m"
"""Requests that ended, per second; 0 without any."""

ENERGY = "deployment:energygate_energy_per_request_joules:rate2m"
"""Facility joules per request, with idling where the budget is on effective energy; absent without requests."""

LATENCY = "deployment:energygate_latency_seconds:rate2m"
"""The limited quantile; absent without requests."""

BY_LATENCY_AND_ENERGY = "deployment:energygate_replicas_by_latency_and_energy"
"""The replicas that latency asks for and energy per request allows; 0 without requests."""

FAST = "1m"
"""Averages load: four scrapes at 15 s."""

SLOW = "2m"
"""Averages energy and latency; shorter than the 5 minutes that the autoscaler waits to scale down."""

MAX_GROWTH = 1.15
"""The most that latency multiplies replicas by: the slow requests of a burst stay in the window when there are enough
replicas again. More than the autoscaler's tolerance of 10 %."""

EVERY = "15s"
"""How often the rules are evaluated: as often as the autoscaler looks."""

_BY = "namespace, workload, deployment"
_PER_REPLICA = "job, instance"

REQUEST_METRIC = "energygate_requests_per_second"
REPLICA_METRIC = "energygate_replicas_by_latency_and_energy"
"""Names of the two in the custom metrics API."""


@dataclass(frozen=True, kw_only=True)
class ScalingLimits:
    """A workload's limits and Deployments, as the rules need them.

    Attributes:
        workload: Its name in the policy.
        deployments: Names of its Deployments.
        latency: The limit on a quantile of latency.
        energy: The limit on energy per request, effective where the policy has that.
    """

    workload: str
    deployments: Sequence[str]
    latency: RuntimeLimit
    energy: RuntimeLimit

    @property
    def effective(self) -> bool:
        """Whether the budget is on effective energy, which counts idling."""
        return self.energy.metric == "effective_energy_per_request"


def recording_rules(scaled: Sequence[ScalingLimits]) -> dict[str, Any]:
    """Return Prometheus' rules: a group for each workload, evaluated from top to bottom."""
    return {
        "groups": [
            {"name": f"energygate-deployments-{number}", "interval": EVERY, "rules": list(_rules(one))}
            for number, one in enumerate(scaled, start=1)
        ]
    }


def _rules(one: ScalingLimits) -> Iterator[dict[str, Any]]:
    pods = pods_of(one.deployments)
    only = matching({"workload": one.workload})[:-1] + f", pod=~{quoted(pods)}" + "}"

    def per_deployment(expression: str, *, function: str = "sum", by: str = _BY) -> str:
        named = f'label_replace(\n  {expression},\n  "deployment", "$1", "pod", {quoted(pods)}\n)'
        return f"{function} by ({by}) ({named})"

    def rate(name: str, window: str = SLOW) -> str:
        return f"rate({name}{only}[{window}])"

    drawn = rate(metric_names.ENERGY)
    if one.effective:
        drawn = f"({drawn} + {rate(metric_names.IDLE_ENERGY)})"
    pue = f"max by ({_PER_REPLICA}) (last_over_time({metric_names.PUE}[{SLOW}]))"
    watts = per_deployment(f"{drawn} * on ({_PER_REPLICA}) group_left () {pue}")
    buckets = per_deployment(rate(f"{metric_names.DURATION}_bucket"), by=f"{_BY}, le")
    share = number(LATENCY_QUANTILES[one.latency.metric])
    requests = f"({per_deployment(rate(metric_names.REQUESTS))} > 0)"

    reporting = per_deployment(f"max by (namespace, workload, pod) ({metric_names.ENERGY}{only})", function="count")
    counted = "energy and idle energy" if one.effective else "energy of requests"
    quantile = f"histogram_quantile({share}, {buckets}) >= 0"
    expressions = {
        REPLICAS: Noted(reporting, "replicas that report"),
        REQUEST_RATE: Noted(per_deployment(rate(metric_names.REQUESTS, FAST)), "requests a second"),
        ENERGY: Noted(f"{watts}\n/ {requests}", f"{counted} x PUE / requests"),
        LATENCY: Noted(quantile, "without requests it would be NaN"),
        BY_LATENCY_AND_ENERGY: _both(one),
    }
    for record, expression in expressions.items():
        yield {"record": record, "expr": expression}


def _both(one: ScalingLimits) -> Noted:
    """Return replicas of the last minutes x latency over its limit / energy over its budget."""
    workload = matching({"workload": one.workload})
    # One number, though several environments may record theirs in one Prometheus: the strictest.
    latency_limit, energy_limit = (
        f"on (workload) group_left () min by (workload) ({LIVE_METRICS[limit.metric].budget}{workload})"
        for limit in (one.latency, one.energy)
    )
    latency = f"{LATENCY}{workload} / {latency_limit}"
    energy = f"{ENERGY}{workload} / {energy_limit}"
    return Noted(
        f"avg_over_time({REPLICAS}{workload}[{SLOW}])\n"
        "* clamp_max(sqrt(\n"
        f"  ({latency})\n"
        f"  / clamp_min({energy} or 0 * {LATENCY}{workload}, 1)\n"  # without readings latency alone decides
        f"), {number(MAX_GROWTH)})\n"
        # Without requests nothing is asked for. Without budgets there is no sample at all, and the autoscaler says so.
        f"or 0 * {REPLICAS}{workload} * {latency_limit} * {energy_limit}",
        f"latency within {one.latency.described} ({one.latency.source}), "
        f"energy within {one.energy.described} ({one.energy.source})",
    )


def adapter_rules() -> dict[str, Any]:
    """Return prometheus-adapter's configuration: both metrics belong to the Deployment in the custom metrics API."""
    return {"rules": [_adapter(REQUEST_RATE, REQUEST_METRIC), _adapter(BY_LATENCY_AND_ENERGY, REPLICA_METRIC)]}


def _adapter(series: str, name: str) -> dict[str, Any]:
    return {
        "seriesQuery": f'{series}{{namespace!="", deployment!=""}}',
        "resources": {
            "overrides": {
                "namespace": {"resource": "namespace"},
                "deployment": {"group": "apps", "resource": "deployment"},
            }
        },
        "name": {"matches": "^.*$", "as": name},
        "metricsQuery": "sum by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>})",
    }
