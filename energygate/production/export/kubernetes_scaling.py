"""The autoscalers: an autoscaling/v2 HorizontalPodAutoscaler for prometheus-adapter, and KEDA's form of the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.policy import METRICS
from energygate.production.export.documents import Noted
from energygate.production.export.kubernetes_rules import (
    BY_LATENCY_AND_ENERGY,
    REPLICA_METRIC,
    REQUEST_METRIC,
    REQUEST_RATE,
)
from energygate.production.export.kubernetes_targets import TOLERANCE, takeover
from energygate.production.export.promql import joules, matching, number
from energygate.production.export.records import REQUEST_RATE as WORKLOAD_RATE
from energygate.production.export.records import rate

if TYPE_CHECKING:
    from energygate.policy import Traffic
    from energygate.production.export.kubernetes_rules import ScalingLimits
    from energygate.production.export.kubernetes_targets import Variant
    from energygate.production.export.kubernetes_workloads import Application
    from energygate.production.export.source import Source

DOWN_AFTER_S = 300
"""How long the autoscaler waits before it scales down: Kubernetes' default, and longer than any window of the rules, so
that every metric has seen what the last change did before the next one."""

WITHOUT_A_LIMIT = 10
"""Replicas at most where neither the policy nor its traffic says."""

SPARE = 2
"""How many times what the busiest hour takes on average there may be, where the policy names no maximum."""

NEVER = "1000000000"
"""An activationThreshold that no metric reaches: the trigger sizes the app and never starts it."""

ONE = "at least one without KEDA: the gate HPAScaleToZero is closed by default"

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many replicas there may be; notes say where that is from."""

    least: int
    most: int
    least_note: str
    most_note: str

    @property
    def kept_note(self) -> str:
        """The reason for the fewest where scaling to zero is possible."""
        return self.least_note if self.least_note != ONE else "nothing says when it could go to zero"


def bounds_of(source: Source, variant: Variant, *, first: bool) -> Bounds:
    """Return the fewest and the most replicas of a variant.

    Args:
        source: The policy.
        variant: Whose.
        first: Whether it is the variant that serves when there is little load; it alone is kept warm.
    """
    traffic = source.policy.site.traffic
    where = ("site", "traffic")
    warm = traffic.warm_replicas if traffic is not None and first else 0
    least = max(1, warm)
    if traffic is None:
        most = max(least, WITHOUT_A_LIMIT)
        most_note = "REPLACE, or write site.traffic.max_replicas into the policy"
    elif traffic.max_replicas is not None:
        most = traffic.max_replicas
        most_note = f"max_replicas, {source.policy.where(*where, 'max_replicas')}"
    else:
        most = max(least, SPARE * math.ceil(max(traffic.hourly) / _HOUR_S / variant.target_per_s))
        busiest = f"{SPARE} times what the busiest hour takes, {source.policy.where(*where)}"
        most_note = f"{busiest}; max_replicas would say"
    return Bounds(
        least=min(least, most),
        most=most,
        least_note=f"warm_replicas, {source.policy.where(*where, 'warm_replicas')}" if warm else ONE,
        most_note=most_note,
    )


def behavior() -> dict[str, Any]:
    """Return how fast the autoscaler may act, with reasons."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": Noted(0, "a queue grows while one waits"),
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 60},
                {"type": "Pods", "value": 4, "periodSeconds": 60},
            ],
            "selectPolicy": Noted("Max", "4 more or twice as many a minute: about what starting takes"),
        },
        "scaleDown": {
            "stabilizationWindowSeconds": Noted(
                DOWN_AFTER_S, "longer than every window of the rules: one step for each piece of evidence"
            ),
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
        },
    }


def horizontal_pod_autoscaler(source: Source, app: Application, variant: Variant, *, first: bool) -> dict[str, Any]:
    """Return an `autoscaling/v2` HorizontalPodAutoscaler on load, and on latency and energy per request."""
    name = app.deployment(variant)
    bounds = bounds_of(source, variant, first=first)
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    scaled = app.scaled

    def metric(metric_name: str, target: str, note: str) -> dict[str, Any]:
        return {
            "type": "Object",
            "object": {
                "metric": {"name": metric_name},
                "describedObject": dict(deployment),
                "target": {"type": "AverageValue", "averageValue": Noted(target, note)},
            },
        }

    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": app.metadata(name, variant),
        "spec": {
            "scaleTargetRef": dict(deployment),
            "minReplicas": Noted(bounds.least, bounds.least_note),
            "maxReplicas": Noted(bounds.most, bounds.most_note),
            "metrics": [
                metric(REQUEST_METRIC, quantity(variant.target_per_s), describe_target(app, variant)),
                metric(REPLICA_METRIC, "1", describe_limits(scaled)),
            ],
            "behavior": behavior(),
        },
    }


def scaled_object(source: Source, app: Application, variant: Variant, *, first: bool) -> dict[str, Any]:
    """Return KEDA's ScaledObject: the same two metrics straight from Prometheus, and scaling to zero."""
    name = app.deployment(variant)
    bounds = bounds_of(source, variant, first=first)
    traffic = source.policy.site.traffic
    asleep = _scale_to_zero(source, traffic, app, variant, first=first)
    own = matching({"namespace": app.options.namespace, "workload": app.scaled.workload, "deployment": name})
    gone = "true" if asleep else "false"  # pods that are gone report nothing, which is then no failure
    targets = {
        REQUEST_RATE: Noted(number(variant.target_per_s), describe_target(app, variant)),
        BY_LATENCY_AND_ENERGY: Noted("1", describe_limits(app.scaled)),
    }
    triggers = [
        _trigger(app, f"sum({record}{own})", target, ignore=gone, activation=NEVER if asleep else None)
        for record, target in targets.items()
    ]
    spec: dict[str, Any] = {
        "scaleTargetRef": {"name": name},
        "pollingInterval": 15,
        "minReplicaCount": asleep.least if asleep else Noted(bounds.least, bounds.kept_note),
        "maxReplicaCount": Noted(bounds.most, bounds.most_note),
        "fallback": {
            "failureThreshold": 4,
            "replicas": Noted(bounds.least, "while Prometheus does not answer, and no fewer than there are"),
            "behavior": Noted("currentReplicasIfHigher", "KEDA 2.17 or later"),
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior()}},
    }
    if asleep:
        spec["cooldownPeriod"] = asleep.cooldown
        triggers.append(asleep.trigger)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": app.metadata(name, variant),
        "spec": {**spec, "triggers": triggers},
    }


@dataclass(frozen=True, kw_only=True)
class _ScaleToZero:
    """How a variant goes to zero, and what wakes it."""

    least: Noted
    cooldown: Noted
    trigger: dict[str, Any]


def _scale_to_zero(
    source: Source, traffic: Traffic | None, app: Application, variant: Variant, *, first: bool
) -> _ScaleToZero | None:
    after = traffic.scale_to_zero_after if traffic is not None else None
    if first and after is not None:
        cited = source.policy.where("site", "traffic", "scale_to_zero_after")
        return _ScaleToZero(
            least=Noted(0, f"scale_to_zero_after, {cited}"),
            cooldown=Noted(math.ceil(after.value), f"{after.text}, {cited}"),
            trigger=_trigger(
                app,
                Noted(
                    app.arrivals,
                    "requests a second as seen BEFORE the pods, which report nothing when there are none",
                ),
                Noted(number(variant.target_per_s), "one replica for so many"),
                ignore="false",
                activation="0",
            ),
        )
    takes_over = None if app.routing is None else takeover(app.routing, variant.name)
    if first or takes_over is None:
        return None
    return _ScaleToZero(
        least=Noted(0, "below the rate at which it pays there is none"),
        cooldown=Noted(DOWN_AFTER_S, "as long as scaling down waits"),
        trigger=_trigger(
            app,
            f"sum({rate(WORKLOAD_RATE, '5m')}{matching({'workload': app.scaled.workload})})",
            Noted(number(variant.target_per_s), "all of the load, on this variant"),
            ignore="true",
            activation=takes_over,
        ),
    )


def _trigger(
    app: Application, query: str | Noted, threshold: Noted, *, ignore: str, activation: str | Noted | None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "serverAddress": Noted(app.options.prometheus, "REPLACE with your Prometheus"),
        "query": query,
        "threshold": threshold,
    }
    if activation is not None:
        metadata["activationThreshold"] = activation
    metadata["ignoreNullValues"] = ignore
    return {"type": "prometheus", "metricType": "AverageValue", "metadata": metadata}


def describe_limits(scaled: ScalingLimits) -> str:
    """Return both limits by name, with their lines in the policy."""
    return ", ".join(f"{one.metric} {one.described} ({one.source})" for one in (scaled.latency, scaled.energy))


def describe_target(app: Application, variant: Variant) -> str:
    """Return the reason for the target of a replica, and energy per request there."""
    latency, energy = (
        f"{METRICS[one.metric].label} within {one.described}" for one in (app.scaled.latency, app.scaled.energy)
    )
    text = f"{variant.most_per_s:.4g} requests a second keep {latency} ({variant.origin})"
    text += f", less {TOLERANCE * 100:.0f} % tolerance"
    if not app.scaled.effective:
        return text
    spent = variant.joules_per_request(variant.target_per_s, pue=app.pue)
    least = variant.least_per_s(joules(app.scaled.energy.value), pue=app.pue)
    if spent is None or least is None:
        return text
    text += f"; {spent:.4g} J a request there"
    if math.isinf(least):
        return f"{text}, and no load keeps {energy}"
    return f"{text}, and {energy} from {least:.4g} requests a second on"


def quantity(value: float) -> str:
    """Return a number as a Kubernetes quantity, in thousandths, never 0."""
    thousandths = max(1, math.floor(value * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
