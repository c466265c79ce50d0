"""Bytes as evidence: what a request takes, what leaves the machine for it, and what shipping the model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.run.subject import exact_evidence
from energygate.workloads.model_files import model_download_bytes, model_size_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.gate import Evidence
    from energygate.policy import Site, Workload
    from energygate.workloads.protocol import Payloads
    from energygate.workloads.serving import Serving

PAYLOADS = {
    "request_size": "request_bytes",
    "response_size": "response_bytes",
    "egress_per_request": "egress_bytes",
}
"""Metrics that take a worker to be known, by the field of `Payloads` that is their number."""


PRICED = ("monthly_egress_cost", "monthly_cost")
"""Metrics that what leaves the site is a part of, where it has a price."""


def wants_payloads(workload: Workload, site: Site) -> bool:
    """Whether somebody asks for the bytes of requests and answers: a budget, or the price of what leaves the site."""
    return site.egress_price is not None or not workload.budgets.keys().isdisjoint(PAYLOADS)


def needs_payloads(workload: Workload) -> bool:
    """Whether a budget cannot be judged without them, given that somebody wants them."""
    return not workload.budgets.keys().isdisjoint({*PAYLOADS, *PRICED})


def payload_evidence(head: Payloads, base: Payloads | None = None) -> dict[str, Evidence]:
    """The bytes of requests and answers, by metric, in bytes; what is not known of head is left out."""
    exact = {}
    for metric, field in PAYLOADS.items():
        after, before = getattr(head, field), None if base is None else getattr(base, field)
        if after is not None:
            exact[metric] = exact_evidence(metric, head=after, base=before)
    return exact


def model_evidence(head: Serving, site: Site, base: Serving | None = None) -> dict[str, Evidence]:
    """The size of head's model, in bytes; a change only where base has a model, too.

    What a download takes is looked at where somebody asks: compressing weights takes a second per 30 MB or so.

    Raises:
        MeasurementError: When a model cannot be read.
    """
    if head.workload.onnx is None:
        return {}
    has_base = base is not None and base.workload.onnx is not None
    exact = {}
    for metric, size in (("model_size", model_size_bytes), ("model_download_size", model_download_bytes)):
        if metric == "model_size" or _wants_download(head.workload, site):
            before = size(_model(base), label=base.label) if base is not None and has_base else None
            exact[metric] = exact_evidence(metric, head=size(_model(head), label=head.label), base=before)
    return exact


def _wants_download(workload: Workload, site: Site) -> bool:
    downloads = site.traffic.model_downloads_per_month if site.traffic else 0
    return bool(downloads) or "model_download_size" in workload.budgets


def _model(serving: Serving) -> Path:
    return serving.side.directory / str(serving.workload.onnx)
