"""`energygate export kubernetes`: Deployments, their split, autoscalers on energy and latency, and the rules behind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from energygate.errors import UsageError
from energygate.production.export.documents import made_by, yaml_text
from energygate.production.export.kubernetes_names import is_label, object_names
from energygate.production.export.kubernetes_rules import Scaled, adapter_rules, recording_rules
from energygate.production.export.kubernetes_scaling import horizontal_pod_autoscaler, scaled_object
from energygate.production.export.kubernetes_split import in_order
from energygate.production.export.kubernetes_targets import SHARES, variants_of
from energygate.production.export.kubernetes_workloads import Container, Pool, deployment
from energygate.production.export.promql import joules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.export.kubernetes_targets import Variant
    from energygate.production.export.source import RuntimeLimit, Source
    from energygate.production.routing.document import Routing

KIND = "kubernetes"
RULES = "prometheus/rules.yaml"
ADAPTER = "prometheus/adapter.yaml"

PROMETHEUS = "http://prometheus-server.monitoring.svc"


@dataclass(frozen=True, kw_only=True)
class KubernetesOptions:
    """What neither the policy nor a result says.

    Attributes:
        namespace: Of all objects.
        container: What a replica is.
        said: Requests a second that one replica serves within the latency limit, by variant.
        routings: What `energygate route` found, by workload.
        prometheus: Address of the server that KEDA asks.
        arrivals: PromQL of a workload's requests a second as seen before its pods, for waking it from zero; `None`:
            what ingress-nginx reports of its Service.
        gateway: `NAME` or `NAMESPACE/NAME` of a Gateway to split requests at by weight; `None`: no HTTPRoute.
    """

    namespace: str = "default"
    container: Container = field(default_factory=Container)
    said: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    routings: Mapping[str, Routing] = field(default_factory=lambda: MappingProxyType({}))
    prometheus: str = PROMETHEUS
    arrivals: str | None = None
    gateway: str | None = None


def files(source: Source, options: KubernetesOptions | None = None) -> dict[str, str]:
    """The manifests by kind and workload, and the two files for Prometheus and its adapter.

    Raises:
        PolicyError: A workload has no limit on latency or on energy per request that a running system could hold.
        UsageError: Nothing says what a replica serves, or an option cannot be.
    """
    options = options or KubernetesOptions()
    _check(source, options)
    limits = {
        name: (_latency_limit(source, name), _energy_limit(source, name)) for name in source.workloads()
    }
    variants = {
        name: in_order(
            variants_of(source, name, latency, said=options.said, routing=options.routings.get(name)),
            options.routings.get(name),
        )
        for name, (latency, _) in limits.items()
    }
    names = object_names(limits, {name: [one.name for one in found] for name, found in variants.items()})
    pools = [_pool(source, options, names[name], variants[name], limits[name]) for name in limits]
    made: dict[str, str] = {}
    for pool in pools:
        made |= _of_one(source, options, pool)
    head = made_by(KIND, source.policy.source)
    made[RULES] = yaml_text(recording_rules([one.scaled for one in pools]), heading=[head, "", *ABOUT_RULES])
    made[ADAPTER] = yaml_text(adapter_rules(), heading=[head, "", *ABOUT_ADAPTER])
    return made


def _of_one(source: Source, options: KubernetesOptions, pool: Pool) -> dict[str, str]:
    head = [made_by(KIND, source.policy.source), ""]

    def text(*documents: Any, about: tuple[str, ...]) -> str:  # noqa: ANN401 - as yaml_text takes
        return yaml_text(*documents, heading=[*head, *about])

    ranked = [(one, index == 0) for index, one in enumerate(pool.variants)]
    made = {
        f"deployments/{pool.name}.yaml": text(
            *(deployment(source, pool, one) for one in pool.variants),
            pool.service(),
            *(pool.service(one) for one in pool.variants),
            about=ABOUT_DEPLOYMENTS,
        ),
        f"hpa/{pool.name}.yaml": text(
            *(horizontal_pod_autoscaler(source, pool, one, first=first) for one, first in ranked),
            about=ABOUT_HPA,
        ),
        f"keda/{pool.name}.yaml": text(
            *(scaled_object(source, pool, one, first=first) for one, first in ranked), about=ABOUT_KEDA
        ),
    }
    if options.gateway is not None:
        namespace, slash, name = options.gateway.rpartition("/")
        made[f"gateway/{pool.name}.yaml"] = text(
            pool.route(source, (namespace if slash else None, name)), about=ABOUT_GATEWAY
        )
    return made


def _pool(
    source: Source,
    options: KubernetesOptions,
    name: str,
    variants: tuple[Variant, ...],
    limits: tuple[RuntimeLimit, RuntimeLimit],
) -> Pool:
    latency, energy = limits
    scaled = Scaled(
        workload=latency.workload,
        deployments=[f"{name}-{one.name}" for one in variants],
        latency=latency,
        energy=energy,
    )
    arrivals = options.arrivals or (
        "sum(rate(nginx_ingress_controller_requests"
        f'{{exported_namespace="{options.namespace}", exported_service="{name}"}}[1m]))'
    )
    return Pool(
        name=name,
        namespace=options.namespace,
        scaled=scaled,
        variants=variants,
        pue=source.policy.site.pue,
        budget_joules=joules(energy.value) if scaled.effective else None,
        prometheus=options.prometheus,
        arrivals=arrivals,
        container=options.container,
        routing=options.routings.get(latency.workload),
    )


def _latency_limit(source: Source, workload: str) -> RuntimeLimit:
    """The first limit on a quantile of latency, p95 before the others."""
    for metric in SHARES:
        limit = source.limit(workload, metric)
        if limit is not None:
            return limit
    return source.needed_limit(workload, "latency_p95", exporter=KIND)


def _energy_limit(source: Source, workload: str) -> RuntimeLimit:
    """The limit on effective energy per request, else on energy per request."""
    limit = source.limit(workload, "effective_energy_per_request")
    return limit or source.needed_limit(workload, "energy_per_request", exporter=KIND)


def _check(source: Source, options: KubernetesOptions) -> None:
    if not re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", options.namespace):
        raise UsageError(f"--namespace {options.namespace!r} is no name of a namespace: a-z, 0-9 and -")
    for name, rate in options.said.items():
        if not is_label(name) or len(name) > 12:  # noqa: PLR2004 - leaves room for the workload's name
            raise UsageError(
                f"{name!r} cannot name a variant",
                hint="Use up to 12 of a-z, 0-9 and -, beginning with a letter, such as cpu",
            )
        if not 0 < rate < float("inf"):
            raise UsageError(f"a replica of {name} cannot serve {rate:g} requests a second")
    if options.gateway is not None and not re.fullmatch(
        r"([a-z0-9-]{1,63}/)?[a-z0-9][a-z0-9.-]{0,252}", options.gateway
    ):
        raise UsageError(
            f"--gateway {options.gateway!r} names no Gateway", hint="Write NAME or NAMESPACE/NAME"
        )
    for name in options.routings:
        if name not in source.policy.workloads:
            known = ", ".join(source.policy.workloads)
            raise UsageError(
                f"the routes are for workload {name!r}", where="--thresholds", hint=f"Chosen are {known}"
            )


ABOUT_RULES = (
    "Load it beside the rules of `energygate export prometheus`, which hold the budgets; scrape every 15 s.",
    "Series need the labels namespace and pod, as Prometheus' operator and its Helm chart give them.",
)
ABOUT_ADAPTER = (
    "For prometheus-adapter: its whole configuration, or these rules among others (rules.custom of its Helm chart).",
    "Both metrics are of the Deployment, in the custom metrics API; KEDA needs none of this.",
)
ABOUT_DEPLOYMENTS = (
    "Look for REPLACE. No replicas are given: that is the autoscaler's.",
    "The Service without a variant splits connections by ready replicas, so each variant gets its part of them;",
    "those of single variants are for a split by weight (--gateway).",
)
ABOUT_HPA = (
    "Apply this or keda/, not both. It needs prometheus/rules.yaml and prometheus/adapter.yaml.",
    "Load asks for as few replicas as keep the latency limit, which is where energy per request is least; the second",
    "metric adds some while latency is over its limit all the same, as far as energy per request allows.",
)
ABOUT_KEDA = (
    "Apply this or hpa/, not both. KEDA makes the autoscaler; it needs prometheus/rules.yaml and no adapter.",
    "Prometheus unreachable: replicas stay as they are.",
)
ABOUT_GATEWAY = (
    "Weights instead of a split by ready replicas; Gateway API 1.0 or later.",
    "A variant without replicas must have weight 0, or its part of the requests fails.",
)
