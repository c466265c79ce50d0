"""Evidence without sampling noise: bytes of requests, of answers, of what leaves the site, and of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate import Estimate, Evidence
from energygate.workloads.model_files import model_download_bytes, model_size_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.policy import Site, Workload
    from energygate.workloads.protocol import Payloads
    from energygate.workloads.serving import Serving

PAYLOADS = {
    "request_size": "request_bytes",
    "response_size": "response_bytes",
    "egress_per_request": "egress_bytes",
}
"""Metrics that only a worker can tell, and the field of `Payloads` that holds them."""

PRICED = ("monthly_egress_cost", "monthly_cost")
"""Metrics that include the price of egress, where it has one."""


def exact_evidence(metric: str, *, head: float, base: float | None = None) -> Evidence:
    """Return evidence for a metric without sampling noise; a change from zero to more is unknown, not infinite."""
    if base is None:
        return Evidence(metric=metric, head=Estimate.exact(head))
    change = Estimate.exact(head / base - 1 if base else 0.0) if base or head == base else None
    return Evidence(metric=metric, head=Estimate.exact(head), base=Estimate.exact(base), change=change)


def wants_payloads(workload: Workload, site: Site) -> bool:
    """Tell whether the bytes of requests and answers are needed: for a budget, or for the price of egress."""
    return site.egress_price is not None or not workload.budgets.keys().isdisjoint(PAYLOADS)


def needs_payloads(workload: Workload) -> bool:
    """Tell whether a budget cannot be judged without the bytes of requests and answers."""
    return not workload.budgets.keys().isdisjoint({*PAYLOADS, *PRICED})


def payload_evidence(head: Payloads, base: Payloads | None = None) -> dict[str, Evidence]:
    """Return the bytes of requests and answers, by metric; without those that are unknown for head."""
    exact = {}
    for metric, field in PAYLOADS.items():
        after, before = getattr(head, field), None if base is None else getattr(base, field)
        if after is not None:
            exact[metric] = exact_evidence(metric, head=after, base=before)
    return exact


def model_evidence(head: Serving, site: Site, base: Serving | None = None) -> dict[str, Evidence]:
    """Return the size of head's model, in bytes; with a change only where base has a model, too.

    The size of a download is measured only where it is needed: compressing weights takes about a second per 30 MB.

    Raises:
        MeasurementError: When a model cannot be read.
    """
    if head.workload.onnx is None:
        return {}
    has_base = base is not None and base.workload.onnx is not None
    exact = {}
    for metric, size in (("model_size", model_size_bytes), ("model_download_size", model_download_bytes)):
        if metric == "model_size" or _wants_download(head.workload, site):
            before = size(model_path(base), label=base.label) if base is not None and has_base else None
            exact[metric] = exact_evidence(metric, head=size(model_path(head), label=head.label), base=before)
    return exact


def _wants_download(workload: Workload, site: Site) -> bool:
    downloads = site.traffic.model_downloads_per_month if site.traffic else 0
    return bool(downloads) or "model_download_size" in workload.budgets


def model_path(serving: Serving) -> Path:
    """Return the path of an ONNX workload's model on its side."""
    return serving.side.directory / str(serving.workload.onnx)
