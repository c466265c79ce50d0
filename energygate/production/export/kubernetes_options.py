"""Options of the Kubernetes exporter, and which of their values are invalid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.production.export.kubernetes_names import is_label
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.export.source import Source
    from energygate.production.routing.plan import Routing

IMAGE = "registry.example/REPLACE-ME:TAG"
PROMETHEUS = "http://prometheus-server.monitoring.svc"

MAX_VARIANT_LENGTH = 12
"""Characters of a variant's name; leaves room for the workload's in the names of objects."""

MAX_IMAGE_LENGTH = 255

_NAMESPACE = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_GATEWAY = re.compile(r"([a-z0-9-]{1,63}/)?[a-z0-9][a-z0-9.-]{0,252}")
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY = r"(localhost(:[0-9]+)?|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?|[A-Za-z0-9-]+:[0-9]+)"
_IMAGE = re.compile(
    rf"({_REGISTRY}/)?{_PART}(/{_PART})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@[a-z0-9]+:[0-9a-f]{{32,}})?"
)
"""A reference as container runtimes read it (github.com/distribution/reference)."""

_PATH = re.compile("/[!-~]*")
_ADDRESS = re.compile(r"https?://([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[!-~]*)?")


@dataclass(frozen=True, kw_only=True)
class KubernetesOptions:
    """What neither the policy nor a result knows of a cluster.

    Attributes:
        namespace: The namespace of all objects.
        image: Of the variant without a GPU.
        gpu_image: Of the variant with a GPU.
        port: Where the service listens, with the Recorder's metrics at `/metrics`.
        health: The path that answers once the model is loaded; `None`: the policy's `ready`, or `/health`.
        requests_per_replica: Requests a second that one replica serves within the latency limit, by variant.
        routings: What `energygate route` found, by workload.
        prometheus: Address of the server that KEDA asks.
        arrivals: PromQL of a workload's requests a second as seen before its pods, for waking it from zero; `None`:
            what ingress-nginx reports of its Service.
        gateway: `NAME` or `NAMESPACE/NAME` of a Gateway to split requests at by weight; `None`: no HTTPRoute.
    """

    namespace: str = "default"
    image: str = IMAGE
    gpu_image: str = IMAGE
    port: int = 8000
    health: str | None = None
    requests_per_replica: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    routings: Mapping[str, Routing] = field(default_factory=lambda: MappingProxyType({}))
    prometheus: str = PROMETHEUS
    arrivals: str | None = None
    gateway: str | None = None


def check(source: Source, options: KubernetesOptions) -> None:
    """Refuse options that Kubernetes or KEDA would refuse, or that lead nowhere.

    Raises:
        UsageError: An option is invalid.
    """
    _check_words(options)
    for name, rate in options.requests_per_replica.items():
        if not is_label(name) or len(name) > MAX_VARIANT_LENGTH:
            raise UsageError(
                f"{name!r} cannot name a variant",
                hint="Use up to 12 of a-z, 0-9 and -, beginning with a letter, such as cpu",
            )
        if not 0 < rate < float("inf"):
            raise UsageError(f"a replica of {name} cannot serve {rate:g} requests a second")
    for name in options.routings:
        if name not in source.policy.workloads:
            known = ", ".join(source.policy.workloads)
            raise UsageError(f"the routes are for workload {name!r}", where="--thresholds", hint=f"Chosen are {known}")


def _check_words(options: KubernetesOptions) -> None:
    if not _NAMESPACE.fullmatch(options.namespace):
        raise UsageError(f"--namespace {options.namespace!r} is not a valid namespace: a-z, 0-9 and -")
    if options.gateway is not None and not _GATEWAY.fullmatch(options.gateway):
        raise UsageError(
            f"--gateway {options.gateway!r} is not the name of a Gateway", hint="Write NAME or NAMESPACE/NAME"
        )
    for option, image in (("--image", options.image), ("--gpu-image", options.gpu_image)):
        if image != IMAGE and (len(image) > MAX_IMAGE_LENGTH or not _IMAGE.fullmatch(image)):
            raise UsageError(
                f"{option} {quote(image)} is not a valid image",
                hint="Write for example registry.example/digits:1, the name in lower case",
            )
    if options.health is not None and not _PATH.fullmatch(options.health):
        raise UsageError(
            f"--health {quote(options.health)} is not a path",
            hint="It begins with a slash and has no spaces, for example /health",
        )
    if not _ADDRESS.fullmatch(options.prometheus):
        raise UsageError(
            f"--prometheus {quote(options.prometheus)} is not the address of a server",
            hint=f"Write for example {PROMETHEUS}, without a password: manifests are no place for one",
        )
