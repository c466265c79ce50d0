"""What results say of pools: the cost and the capacity of a replica."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NoReturn

from energygate.errors import MeasurementError, UsageError
from energygate.policy import JOULES_PER_KWH
from energygate.production.routing.placement import ErrorMargins
from energygate.production.routing.queueing import ServiceTimes
from energygate.text import MAX_QUOTE, printable, quote, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.result.result import MetricResult, Provenance, Result, WorkloadResult

NEEDED = ("energy_per_request", "latency_p50", "latency_p95", "latency_p99", "throughput")

_AT_ONCE = re.compile(r"([0-9]{1,4}) at once")


@dataclass(frozen=True, kw_only=True)
class PoolInput:
    """A pool as the command line describes it.

    Attributes:
        name: The pool's name.
        source: The file of its result, as errors and the report name it.
        result: The result.
        workload: Which of the result's workloads the pool serves.
        idle_watts: IT power of an idle replica, where it is not the whole measured machine.
    """

    name: str
    source: str
    result: Result
    workload: str
    idle_watts: float | None = None

    @property
    def where(self) -> str:
        """Where an error is."""
        return f"{self.name} ({self.source})"


@dataclass(frozen=True, kw_only=True)
class MeasuredPool:
    """What a result says of one pool, in IT watts and joules.

    Attributes:
        given: The pool as the command line describes it.
        found: The workload in its result.
        provenance: How the workload was measured.
        machine: The measured machine, in words.
        cpus: CPUs of the machine, and how many of them the workload could use.
        idle_watts: Power of an idle replica.
        active_joules: Energy that a request adds to that.
        slots: Requests that a replica serves at once.
        capacity_per_s: Requests a second of a replica that is never idle.
        service: How long requests take without waiting.
        margins: How far these numbers may be off.
    """

    given: PoolInput
    found: WorkloadResult
    provenance: Provenance
    machine: str
    cpus: tuple[int, int]
    idle_watts: float
    active_joules: float
    slots: int
    capacity_per_s: float
    service: ServiceTimes
    margins: ErrorMargins

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.given.name

    @property
    def pue(self) -> float:
        """PUE of the site in the pool's result."""
        return self.given.result.site.pue

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled inputs answered correctly; `None` without labels."""
        metric = self.found.metrics.get("accuracy")
        return None if metric is None else metric.head

    def unqueued_s(self, metric: str) -> float:
        """Return a quantile of the latency without any queue."""
        service = self.service
        return {"latency_p50": service.p50_s, "latency_p95": service.p95_s}.get(metric, service.p99_s)

    def same_measurement(self, other: MeasuredPool) -> bool:
        """Return whether both are from one run: no two runs have the same joules and seconds in every launch."""
        return self.provenance == other.provenance


def measured_pools(inputs: Sequence[PoolInput]) -> list[MeasuredPool]:
    """Read from each result what a replica of its pool costs and can serve.

    Raises:
        UsageError: The results are not of one model on several machines, or one does not describe a replica.
        MeasurementError: A measurement failed, or is implausible.
    """
    if len(inputs) < 2:  # noqa: PLR2004 - a choice needs two
        raise UsageError(
            "one pool alone leaves no choice",
            hint="Name two or more results of one model, such as cpu=cpu.json gpu=gpu.json",
        )
    found = [_measured(one) for one in inputs]
    for one, other in combinations(found, 2):
        distinct = (one.idle_watts, one.pue) != (other.idle_watts, other.pue)
        if one.same_measurement(other) and not distinct:
            raise UsageError(
                f"{one.name} and {other.name} are the same measurement",
                hint="Give each pool a result of its own",
            )
    return found


def shared_workload(results: Mapping[str, Result]) -> str:
    """Return the one workload that all results contain.

    Args:
        results: By the names of their pools.

    Raises:
        UsageError: They share none, or more than one.
    """
    names = [[each.name for each in one.workloads] for one in results.values()]
    common = [name for name in names[0] if all(name in others for others in names)]
    if len(common) == 1:
        return common[0]
    if common:
        listed = ", ".join(map(quote, common[:5]))
        raise UsageError(
            f"the results share {len(common)} workloads, {listed}, and a placement is for one",
            hint=f"Choose it with --workload {shlex.quote(printable(common[0]))}",
        )
    listed = "; ".join(
        f"{pool} has {', '.join(map(quote, known[:3]))}" for pool, known in zip(results, names, strict=True)
    )
    raise UsageError(
        f"the results share no workload: {listed}",
        hint=f"If they are one model, name the workload of each pool: --workload {next(iter(results))}=NAME",
    )


def slots_of(load: str) -> int | None:
    """Return how many requests are served at once under a result's load; `None` at a rate, which does not show it."""
    at_once = _AT_ONCE.fullmatch(load)
    return 1 if load == "closed" else int(at_once[1]) if at_once else None


def service_times(found: WorkloadResult, slots: int) -> ServiceTimes:
    """Return how long requests took: each slot was busy for as long as a request took."""
    p50, p95, p99, throughput = (
        found.metrics[one].head for one in ("latency_p50", "latency_p95", "latency_p99", "throughput")
    )
    return ServiceTimes(p50_s=p50, p95_s=max(p50, p95), p99_s=max(p50, p95, p99), mean_s=slots / throughput)


def _measured(one: PoolInput) -> MeasuredPool:
    found = _workload(one)
    provenance = found.provenance
    if found.error is not None or provenance is None:
        why = f": {printable(found.error.message, max_length=200)}" if found.error else f", it was {found.state}"
        raise MeasurementError(f"workload {quote(one.workload)} was not measured{why}", where=one.where)
    missing = [metric for metric in NEEDED if metric not in found.metrics]
    if missing:
        raise MeasurementError(f"the result lacks {' and '.join(missing)}", where=one.where)
    slots = _slots(one, provenance)
    idle_watts = one.idle_watts if one.idle_watts is not None else provenance.idle_watts
    if idle_watts is None:
        raise UsageError(
            "the result lacks the machine's idle power, which is what a pool costs while it waits",
            where=one.where,
            hint=f"Give it with --idle-power {one.name}='12 W', or measure on a machine with a known power model",
        )
    active_joules = provenance.active_it_kwh_per_request * JOULES_PER_KWH
    throughput = found.metrics["throughput"]
    if active_joules <= 0 or throughput.head <= 0:
        raise MeasurementError(
            "energy per request is not above idle",
            where=one.where,
            hint="Something else was running when idle power was measured; measure again on a quiet machine",
        )
    machine = one.result.machine
    gpus = [each.device for each in provenance.components if each.name == "gpu"]
    pinned = max((len(each.cpus) for each in provenance.launches), default=0)
    return MeasuredPool(
        given=one,
        found=found,
        provenance=provenance,
        machine=" + ".join([machine.cpu_model, *gpus]),
        cpus=(machine.cpu_count, max(1, pinned or provenance.threads)),
        idle_watts=idle_watts,
        active_joules=active_joules,
        slots=slots,
        capacity_per_s=throughput.head,
        service=service_times(found, slots),
        margins=ErrorMargins(
            energy=_factors(found.metrics["energy_per_request"]),
            rate=_factors(throughput),
            uncertainty=provenance.uncertainty,
            sources=tuple(f"{each.device}: {each.source}" for each in provenance.components),
        ),
    )


def _workload(one: PoolInput) -> WorkloadResult:
    known: Mapping[str, WorkloadResult] = {each.name: each for each in one.result.workloads}
    if one.workload in known:
        return known[one.workload]
    hint = suggestion(one.workload, known, otherwise=f"It has {', '.join(map(quote, [*known][:5]))}")
    raise UsageError(f"the result has no workload {quote(one.workload)}", where=one.where, hint=printable(hint))


def _slots(one: PoolInput, provenance: Provenance) -> int:
    """Return how many requests a replica serves at once, where its load shows its capacity."""
    if provenance.batch_size > 1:
        _refuse(
            one,
            f"was measured in batches of {provenance.batch_size}, and how long one takes to fill depends on traffic",
            "Measure requests one by one, or a server that forms batches itself (http, with load: {concurrency: N})",
        )
    slots = slots_of(provenance.load)
    if slots is None:
        _refuse(
            one,
            f"was measured at {printable(provenance.load, max_length=MAX_QUOTE)}, which does not show its capacity",
            "Measure it with load: closed, or {concurrency: N}",
        )
    return slots


def _factors(metric: MetricResult) -> tuple[float, float] | None:
    """Return the ends of a metric's interval over its value."""
    if metric.head_low is None or metric.head_high is None or metric.head <= 0 or metric.head_low <= 0:
        return None
    return metric.head_low / metric.head, metric.head_high / metric.head


def _refuse(one: PoolInput, why: str, hint: str) -> NoReturn:
    raise UsageError(f"the workload {why}", where=one.where, hint=hint)
