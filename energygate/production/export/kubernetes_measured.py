"""What the latest result shows of a replica: a queue with so many slots, or the reason why it shows none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from energygate.policy import METRICS
from energygate.production.routing.measured_pools import slots_of
from energygate.production.routing.queueing import ReplicaQueue, ServiceTimes
from energygate.text import printable

if TYPE_CHECKING:
    from energygate.production.export.source import Source
    from energygate.result.result import WorkloadResult

NEEDED = ("latency_p50", "latency_p95", "latency_p99", "throughput")

SAY_IT = "say it yourself, such as --requests-per-replica cpu=12"

_GPU_NAME = re.compile("cuda|tensorrt|rocm|migraphx|gpu", re.IGNORECASE)
_LONGEST = 200


def names_a_gpu(text: str) -> bool:
    """Whether the name of a pool or of an execution provider speaks of a GPU."""
    return _GPU_NAME.search(text) is not None


def measured_workload(source: Source, workload: str) -> WorkloadResult | None:
    """The workload in the latest result; `None` where there is none of it."""
    if source.result is None:
        return None
    return next((one for one in source.result.workloads if one.name == workload), None)


def is_service(found: WorkloadResult) -> bool:
    """Whether what was measured is a service: not the bare model, which has no server around it."""
    return found.kind == "http"


def ran_on_gpu(found: WorkloadResult) -> bool:
    """Whether a workload was measured on a GPU."""
    if found.provenance is None:
        return False
    if found.provenance.provider is not None:
        return names_a_gpu(found.provenance.provider)
    return any(one.name == "gpu" for one in found.provenance.components)


def why_unusable(source: Source, workload: str) -> tuple[str, str] | None:
    """Why the latest result does not show what a replica can serve, and what to do; `None` where it does."""
    found = measured_workload(source, workload)
    if found is None:
        names = [one.name for one in source.result.workloads] if source.result else []
        known = ", ".join(f"'{printable(one, max_length=60)}'" for one in names)
        return (
            f"the result has no workload {workload!r}",
            f"It has {known or 'none'}; measure it, or {SAY_IT}",
        )
    if found.error is not None or found.provenance is None:
        why = printable(found.error.message, max_length=_LONGEST) if found.error else f"it was {found.state}"
        return f"workload {workload!r} was not measured: {why}", f"Measure it, or {SAY_IT}"
    load, batch = found.provenance.load, found.provenance.batch_size
    if slots_of(load) is None:
        return (
            f"{workload!r} was measured at a rate ({printable(load, max_length=60)}), which does not show its capacity",
            f"Measure it with load: {{concurrency: N}}, or {SAY_IT}",
        )
    if batch > 1:
        return (
            f"workload {workload!r} was measured in batches of {batch}, and traffic decides how long one takes to fill",
            f"Measure it with batch_size: 1, or {SAY_IT}",
        )
    missing = [
        METRICS[one].label for one in NEEDED if one not in found.metrics or found.metrics[one].head <= 0
    ]
    if missing:
        return (
            f"the result says nothing of {' and '.join(missing)} of workload {workload!r}",
            f"Measure again, or {SAY_IT}",
        )
    return None


def replica_of(found: WorkloadResult) -> ReplicaQueue:
    """The machine that measured, as a queue; `silence` has nothing to say of it.

    So many clients at once keep so many slots busy, each for as long as a request then takes.
    """
    p50, p95, p99, throughput = (found.metrics[one].head for one in NEEDED)
    slots = (slots_of(found.provenance.load) if found.provenance else None) or 1
    times = ServiceTimes(p50_s=p50, p95_s=max(p50, p95), p99_s=max(p50, p95, p99), mean_s=slots / throughput)
    return ReplicaQueue(times, slots)
