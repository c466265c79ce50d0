"""What runs: a Deployment for each variant of a workload, their Services, and the split of requests between them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.production.export.documents import Noted
from energygate.production.export.kubernetes_measured import is_service, ran_on_gpu
from energygate.production.export.kubernetes_options import IMAGE
from energygate.production.export.kubernetes_targets import best_at
from energygate.production.export.promql import matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.policy import Workload
    from energygate.production.export.kubernetes_options import KubernetesOptions
    from energygate.production.export.kubernetes_rules import ScalingLimits
    from energygate.production.export.kubernetes_targets import Variant
    from energygate.production.export.source import Source
    from energygate.production.routing.plan import Routing

NOBODY = 65532
"""The user of distroless images' `nonroot`."""

MIN_MEMORY_MIB = 256
"""Where the service was not measured: an interpreter, a runtime and a server, without the model."""

MIN_MEMORY_LIMIT_MIB = 1024
SPARE_MEMORY = 4
"""The limit is at least the former, and that many times the measured peak."""

_MIB = 2**20
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Application:
    """One workload in Kubernetes.

    Attributes:
        name: Of its objects, a DNS label.
        options: Of the exporter.
        scaled: Its limits.
        variants: Its variants; the one that serves little load comes first.
        pue: The site's.
    """

    name: str
    options: KubernetesOptions
    scaled: ScalingLimits
    variants: tuple[Variant, ...]
    pue: float

    @property
    def routing(self) -> Routing | None:
        """What `energygate route` found; `None` without."""
        return self.options.routings.get(self.scaled.workload)

    @property
    def arrivals(self) -> str:
        """PromQL of requests a second as seen before the pods."""
        labels = {"exported_namespace": self.options.namespace, "exported_service": self.name}
        ingress = f"sum(rate(nginx_ingress_controller_requests{matching(labels)}[1m]))"
        return self.options.arrivals or ingress

    def deployment(self, variant: Variant) -> str:
        """Return the name of a variant's objects."""
        return f"{self.name}-{variant.name}"

    def metadata(self, name: str, variant: Variant | None = None) -> dict[str, Any]:
        """Return the metadata of an object."""
        return {
            "name": name,
            "namespace": self.options.namespace,
            "labels": self.labels(variant),
            "annotations": {"energygate/workload": self.scaled.workload},
        }

    def labels(self, variant: Variant | None = None) -> dict[str, str]:
        """Return the labels of all objects, or of a variant's."""
        found = {"app.kubernetes.io/name": self.name, "app.kubernetes.io/managed-by": "energygate"}
        return found if variant is None else {**found, **self.selector(variant)}

    def selector(self, variant: Variant | None) -> dict[str, str]:
        """Return the labels that select all pods, or a variant's."""
        found = {"app.kubernetes.io/name": self.name}
        return found if variant is None else {**found, "app.kubernetes.io/component": variant.name}

    def service(self, variant: Variant | None = None) -> dict[str, Any]:
        """Return the Service of all variants, or of one."""
        name = self.name if variant is None else self.deployment(variant)
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": self.metadata(name, variant),
            "spec": {
                "selector": self.selector(variant),
                "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            },
        }

    def route(self, source: Source, gateway: tuple[str | None, str]) -> dict[str, Any]:
        """Return Gateway API's HTTPRoute, which splits requests by weight instead of by replicas.

        Args:
            source: The policy, whose traffic decides.
            gateway: Namespace, where it is another one, and name of the Gateway that serves.
        """
        namespace, gateway_name = gateway
        parent = {"name": gateway_name, **({"namespace": namespace} if namespace else {})}
        weights = self._weights(source)
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": self.metadata(self.name),
            "spec": {
                "parentRefs": [parent],
                "rules": [
                    {
                        "backendRefs": [
                            {"name": self.deployment(one), "port": 80, "weight": weight}
                            for one, weight in zip(self.variants, weights, strict=True)
                        ]
                    }
                ],
            },
        }

    def _weights(self, source: Source) -> Sequence[Noted]:
        traffic = source.policy.site.traffic
        if self.routing is None or traffic is None:
            missing = "routes from --thresholds" if self.routing is None else "site.traffic in the policy"
            return [Noted(1, f"equal: {missing} missing")] * len(self.variants)
        rate = traffic.daily / _SECONDS_A_DAY
        best, note = best_at(self.routing, rate, [one.name for one in self.variants])
        text = f"{rate:.4g} requests a second on average, {source.policy.where('site', 'traffic')}: {note}"
        return [Noted(100 if one.name == best else 0, text) for one in self.variants]


def deployment(source: Source, app: Application, variant: Variant) -> dict[str, Any]:
    """Return one variant's Deployment, without replicas, which are the autoscaler's."""
    workload = source.policy.workloads[app.scaled.workload]
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": Noted(30, "requests in flight end first"),
        "containers": [_container(source, app, variant, workload)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if variant.gpu:
        spec["nodeSelector"] = Noted(
            {"nvidia.com/gpu.present": "true"},
            "NVIDIA's GPU feature discovery sets it; REPLACE where it is not used",
        )
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    port = str(app.options.port)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": app.metadata(app.deployment(variant), variant),
        "spec": {
            "selector": {"matchLabels": app.selector(variant)},
            "template": {
                "metadata": {
                    "labels": app.labels(variant),
                    "annotations": Noted(
                        {
                            "prometheus.io/scrape": "true",
                            "prometheus.io/port": port,
                            "prometheus.io/path": "/metrics",
                        },
                        "for Prometheus without its operator; scrape every 15 s, and keep labels namespace and pod",
                    ),
                },
                "spec": spec,
            },
        },
    }


def _container(source: Source, app: Application, variant: Variant, workload: Workload) -> dict[str, Any]:
    options = app.options
    image = options.gpu_image if variant.gpu else options.image
    placeholder = "your service, with energygate.Recorder around it"
    probed = options.health or workload.ready or "/health"
    path: Any = probed
    if options.health is None and workload.ready:
        path = Noted(path, f"ready, {source.policy.where('workloads', app.scaled.workload, 'ready')}")
    elif options.health is None:
        path = Noted(path, "REPLACE with what answers once the model is loaded")
    return {
        "name": "service",
        "image": Noted(image, f"REPLACE with {placeholder}" if image == IMAGE else placeholder),
        "ports": [{"name": "http", "containerPort": options.port}],
        "env": [
            {"name": "ENERGYGATE_WORKLOAD", "value": app.scaled.workload},
            {
                "name": "ENERGYGATE_VARIANT",
                "value": Noted(variant.name, "for your service to choose its execution provider by"),
            },
        ],
        "resources": _resources(source, app, variant, workload),
        "readinessProbe": Noted(
            {"httpGet": {"path": path, "port": "http"}, "periodSeconds": 5},
            f"keep probes out of energy per request: recorder.wsgi or asgi(app, exclude={{{json.dumps(probed)}}})",
        ),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the container
    }


def _resources(source: Source, app: Application, variant: Variant, workload: Workload) -> dict[str, Any]:
    """Return exactly the CPUs that were measured, and memory as far as that is known."""
    cpu = Noted(str(workload.threads), f"threads, {source.policy.where('workloads', app.scaled.workload, 'threads')}")
    request, limit = _memory(source, app.scaled.workload, variant)
    limits: dict[str, Any] = {"cpu": cpu, "memory": limit}
    if variant.gpu:
        limits["nvidia.com/gpu"] = 1
    return {"requests": {"cpu": cpu, "memory": request}, "limits": limits}


def _memory(source: Source, name: str, variant: Variant) -> tuple[Noted, Noted]:
    """Return the request and the limit; a person must set the limit, since one too low kills the pod."""
    found, peak = source.workload_result(name), source.measured(name, "peak_memory")
    measured = 0 if peak is None else math.ceil(max(peak.head, peak.head_high or 0.0) / _MIB)
    limit = Noted(
        f"{max(MIN_MEMORY_LIMIT_MIB, SPARE_MEMORY * measured)}Mi",
        "REPLACE with the most that your service may take; a pod that takes more is killed",
    )
    least = f"{max(MIN_MEMORY_MIB, measured)}Mi"
    if found is None or not measured:
        return Noted(least, "REPLACE; a result with peak_memory of the service (http) would say"), limit
    if not is_service(found):
        return Noted(least, f"REPLACE; the model without a server took {measured} MiB at its peak"), limit
    if variant.gpu != ran_on_gpu(found):
        return Noted(least, f"REPLACE; the variant that was measured took {measured} MiB at its peak"), limit
    return Noted(f"{measured}Mi", "the peak measured"), limit
