"""The replica of the latest result as a queue, or the reason why the result does not show one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from energygate.policy import METRICS
from energygate.production.routing.measured_pools import service_times, slots_of
from energygate.production.routing.queueing import ReplicaQueue
from energygate.text import printable, quote

if TYPE_CHECKING:
    from energygate.production.export.source import Source
    from energygate.result.result import WorkloadResult

NEEDED = ("latency_p50", "latency_p95", "latency_p99", "throughput")

GIVE_IT = "give it yourself, such as --requests-per-replica cpu=12"

_GPU_NAME = re.compile("cuda|tensorrt|rocm|migraphx|gpu", re.IGNORECASE)
MAX_REASON_LENGTH = 200


def names_a_gpu(text: str) -> bool:
    """Return whether the name of a pool or of an execution provider mentions a GPU."""
    return _GPU_NAME.search(text) is not None


def is_service(found: WorkloadResult) -> bool:
    """Return whether a service was measured, and not the model without a server."""
    return found.kind == "http"


def ran_on_gpu(found: WorkloadResult) -> bool:
    """Return whether a workload was measured on a GPU."""
    if found.provenance is None:
        return False
    if found.provenance.provider is not None:
        return names_a_gpu(found.provenance.provider)
    return any(one.name == "gpu" for one in found.provenance.components)


def why_unusable(source: Source, workload: str) -> tuple[str, str] | None:
    """Return why the latest result does not show what a replica can serve, and what to do; `None` where it does."""
    found = source.workload_result(workload)
    if found is None:
        names = [one.name for one in source.result.workloads] if source.result else []
        known = ", ".join(map(quote, names))
        return (
            f"the result has no workload {workload!r}",
            f"It has {known or 'none'}; measure it, or {GIVE_IT}",
        )
    if found.error is not None or found.provenance is None:
        why = printable(found.error.message, max_length=MAX_REASON_LENGTH) if found.error else f"it was {found.state}"
        return f"workload {workload!r} was not measured: {why}", f"Measure it, or {GIVE_IT}"
    load, batch = found.provenance.load, found.provenance.batch_size
    if slots_of(load) is None:
        return (
            f"{workload!r} was measured at a rate ({printable(load, max_length=60)}), which does not show its capacity",
            f"Measure it with load: {{concurrency: N}}, or {GIVE_IT}",
        )
    if batch > 1:
        return (
            f"workload {workload!r} was measured in batches of {batch}, and traffic decides how long one takes to fill",
            f"Measure it with batch_size: 1, or {GIVE_IT}",
        )
    missing = [METRICS[one].label for one in NEEDED if one not in found.metrics or found.metrics[one].head <= 0]
    if missing:
        return (
            f"the result lacks {' and '.join(missing)} of workload {workload!r}",
            f"Measure again, or {GIVE_IT}",
        )
    return None


def replica_of(found: WorkloadResult) -> ReplicaQueue:
    """Return the machine that measured as a queue; `why_unusable` must be `None`."""
    slots = (slots_of(found.provenance.load) if found.provenance else None) or 1
    return ReplicaQueue(service_times(found, slots), slots)
