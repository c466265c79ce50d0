"""`energygate export kubernetes`: Deployments, their split, autoscalers on energy and latency, and their rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from energygate.policy import METRICS, format_quantity
from energygate.production.export.documents import made_by, yaml_text
from energygate.production.export.kubernetes_measured import is_service
from energygate.production.export.kubernetes_names import object_names
from energygate.production.export.kubernetes_options import KubernetesOptions, check
from energygate.production.export.kubernetes_rules import ScalingLimits, adapter_rules, recording_rules
from energygate.production.export.kubernetes_scaling import horizontal_pod_autoscaler, scaled_object
from energygate.production.export.kubernetes_targets import lightest_first, variants_of
from energygate.production.export.kubernetes_workloads import Application, deployment
from energygate.production.export.promql import joules
from energygate.production.routing.requirements import LATENCY_QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.production.export.source import RuntimeLimit, Source

KIND = "kubernetes"
RULES = "prometheus/rules.yaml"
ADAPTER = "prometheus/adapter.yaml"

FOLDERS = ("deployments", "hpa", "keda", "gateway")
"""Folders with a file for each workload."""


def files(source: Source, options: KubernetesOptions | None = None) -> dict[str, str]:
    """Return the manifests by kind and workload, and the two files for Prometheus and its adapter.

    Raises:
        PolicyError: A workload has no limit on latency or on energy per request.
        UsageError: What a replica serves is unknown, or an option is invalid.
    """
    options = options or KubernetesOptions()
    apps = _apps(source, options)
    made: dict[str, str] = {}
    for app in apps:
        made |= _of_one(source, options, app)
    head = made_by(KIND, source.policy.source)
    made[RULES] = yaml_text(recording_rules([one.scaled for one in apps]), heading=[head, "", *ABOUT_RULES])
    made[ADAPTER] = yaml_text(adapter_rules(), heading=[head, "", *ABOUT_ADAPTER])
    return made


def notes(source: Source, options: KubernetesOptions | None = None) -> Iterator[str]:
    """Yield a warning for each workload whose numbers are of the model without the server around it."""
    for app in _apps(source, options or KubernetesOptions()):
        name, found = app.scaled.workload, source.workload_result(app.scaled.workload)
        bare = found is not None and not is_service(found)
        limits = (app.scaled.latency, app.scaled.energy)
        what = ["the requests a second of a replica"] if any(one.bare for one in app.variants) else []
        what += [
            f"the limit on {METRICS[one.metric].label} ({one.described})" for one in limits if bare and one.relative
        ]
        if what:
            kind = found.kind if found is not None else source.policy.workloads[name].kind
            yield (
                f"{name!r} is the model without its server ({kind}), and from it come {' and '.join(what)}. A service "
                "serves fewer requests and takes longer for each: measure it, a workload of http with "
                "load: {concurrency: N}, and export that one"
            )


def _apps(source: Source, options: KubernetesOptions) -> list[Application]:
    check(source, options)
    limits = {name: _limits(source, name) for name in source.policy.workloads}
    variants = {
        name: lightest_first(
            variants_of(
                source,
                name,
                latency,
                requests_per_replica=options.requests_per_replica,
                routing=options.routings.get(name),
            ),
            options.routings.get(name),
        )
        for name, (latency, _) in limits.items()
    }
    names = object_names(limits, {name: [one.name for one in found] for name, found in variants.items()})
    return [
        Application(
            name=names[workload],
            options=options,
            scaled=ScalingLimits(
                workload=workload,
                deployments=[f"{names[workload]}-{one.name}" for one in variants[workload]],
                latency=latency,
                energy=energy,
            ),
            variants=variants[workload],
            pue=source.policy.site.pue,
        )
        for workload, (latency, energy) in limits.items()
    ]


def _of_one(source: Source, options: KubernetesOptions, app: Application) -> dict[str, str]:
    head = [made_by(KIND, source.policy.source), ""]

    def text(*documents: Any, about: tuple[str, ...]) -> str:  # noqa: ANN401 - as yaml_text takes
        return yaml_text(*documents, heading=[*head, *about])

    ranked = [(one, index == 0) for index, one in enumerate(app.variants)]
    made = {
        f"deployments/{app.name}.yaml": text(
            *(deployment(source, app, one) for one in app.variants),
            app.service(),
            *(app.service(one) for one in app.variants),
            about=ABOUT_DEPLOYMENTS,
        ),
        f"hpa/{app.name}.yaml": text(
            *(horizontal_pod_autoscaler(source, app, one, first=first) for one, first in ranked),
            about=ABOUT_HPA,
        ),
        f"keda/{app.name}.yaml": text(
            *(scaled_object(source, app, one, first=first) for one, first in ranked), about=ABOUT_KEDA
        ),
    }
    if options.gateway is not None:
        namespace, slash, name = options.gateway.rpartition("/")
        made[f"gateway/{app.name}.yaml"] = text(
            app.route(source, (namespace if slash else None, name)), about=ABOUT_GATEWAY
        )
    return made


def _limits(source: Source, workload: str) -> tuple[RuntimeLimit, RuntimeLimit]:
    """Return the limits on latency, p95 before the others, and on energy per request, effective before gross."""
    latency = source.needed_limit(workload, *LATENCY_QUANTILES, exporter=KIND)
    effective = source.limit(workload, "effective_energy_per_request")
    energy = effective or source.needed_limit(workload, "energy_per_request", exporter=KIND)
    return _numbered(latency), _numbered(energy)


def _numbered(limit: RuntimeLimit) -> RuntimeLimit:
    """Return the limit; the description of a relative one has its number too."""
    if not limit.relative:
        return limit
    unit = METRICS[limit.metric].unit
    number = f"{joules(limit.value):.3g} J" if unit == "kWh" else format_quantity(limit.value, unit)
    return replace(limit, described=f"{number}, {limit.described}")


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
