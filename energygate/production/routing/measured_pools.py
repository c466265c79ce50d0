"""Pools from results: what of a measured workload becomes a replica, and what cannot."""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NoReturn

from energygate.errors import MeasurementError, UsageError
from energygate.policy import JOULES_PER_KWH
from energygate.production.routing.placement import ErrorMargins
from energygate.production.routing.queueing import ServiceTimes
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.result.result import MetricResult, Provenance, Result, WorkloadResult

NEEDED = ("energy_per_request", "latency_p50", "latency_p95", "latency_p99", "throughput")

_AT_ONCE = re.compile(r"([0-9]{1,4}) at once")
_LONGEST_QUOTE = 60


@dataclass(frozen=True, kw_only=True)
class PoolInput:
    """What a person says of one pool.

    Attributes:
        name: What to call it.
        source: The file of its result, as errors and the report call it.
        result: What was measured.
        workload: Which of the result's workloads it is.
        idle_watts: IT power of a replica at rest, where it is not that of the machine that measured.
    """

    name: str
    source: str
    result: Result
    workload: str
    idle_watts: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a result says of one pool, in IT watts and joules.

    Attributes:
        name: What it is called.
        source: The file of its result.
        found: The workload in it.
        provenance: How that was measured.
        machine: What was measured, in words.
        cpus: CPUs of the machine, and how many of them the workload could use.
        pue: Of the site that the result is judged for.
        idle_watts: Power of a replica at rest.
        idle_given: Whether a person said so.
        active_joules: What a request adds to that.
        slots: Requests that a replica serves at once.
        capacity_per_s: Requests a second that it serves when it never waits.
        service: How long requests take when they need not wait.
        doubt: How far all that may be off.
    """

    name: str
    source: str
    found: WorkloadResult
    provenance: Provenance
    machine: str
    cpus: tuple[int, int]
    pue: float
    idle_watts: float
    idle_given: bool
    active_joules: float
    slots: int
    capacity_per_s: float
    service: ServiceTimes
    doubt: ErrorMargins

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled inputs answered rightly; `None` without labels."""
        metric = self.found.metrics.get("accuracy")
        return None if metric is None else metric.head

    def same_measurement(self, other: Measured) -> bool:
        """Whether both are from one run: no two give the same joules and seconds in every launch."""
        return self.provenance == other.provenance


def measured_pools(inputs: Sequence[PoolInput]) -> list[Measured]:
    """Take from each result what a replica of its pool costs and can serve.

    Raises:
        UsageError: The results are not of one model on several machines, or one says nothing about a replica.
        MeasurementError: A measurement failed, or cannot be true.
    """
    if len(inputs) < 2:  # noqa: PLR2004 - two sides to choose from
        raise UsageError(
            "one pool alone leaves nothing to choose",
            hint="Name two or more results of one model, such as cpu=cpu.json gpu=gpu.json",
        )
    found = [_measured(one, one.workload) for one in inputs]
    _refuse_the_same(found)
    return found


def shared_workload(results: Mapping[str, Result]) -> str:
    """The one workload that all results hold.

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
        listed = ", ".join(map(_quote, common[:5]))
        raise UsageError(
            f"the results share {len(common)} workloads, {listed}, and a placement is for one",
            hint=f"Choose it with --workload {shlex.quote(printable(common[0]))}",
        )
    plan_text = "; ".join(
        f"{pool} has {', '.join(map(_quote, known[:3]))}" for pool, known in zip(results, names, strict=True)
    )
    raise UsageError(
        f"the results share no workload: {plan_text}",
        hint=f"If they are one model, say which is which: --workload {next(iter(results))}=NAME for each pool",
    )


def slots_of(load: str) -> int | None:
    """How many requests were served at once under a load as results describe it; `None` at a rate, which shows less."""
    at_once = _AT_ONCE.fullmatch(load)
    return 1 if load == "closed" else int(at_once[1]) if at_once else None


def _measured(one: PoolInput, name: str) -> Measured:
    found = _workload(one, name)
    provenance = found.provenance
    if found.error is not None or provenance is None:
        why = f": {printable(found.error.message, max_length=200)}" if found.error else ""
        state = "" if found.error else f", it was {found.state}"
        raise MeasurementError(
            f"workload {_quote(name)} was not measured there{why}{state}", where=_where(one)
        )
    missing = [metric for metric in NEEDED if metric not in found.metrics]
    if missing:
        raise MeasurementError(f"the result says nothing of {' and '.join(missing)}", where=_where(one))
    slots = _slots(one, provenance)
    idle_watts = one.idle_watts if one.idle_watts is not None else provenance.idle_watts
    if idle_watts is None:
        raise UsageError(
            "the result does not know what the machine draws at rest, and that is what a pool costs while it waits",
            where=_where(one),
            hint=f"Give it with --idle-power {one.name}='12 W', or measure on a machine with a known power model",
        )
    active_joules = provenance.active_it_kwh_per_request * JOULES_PER_KWH
    throughput = found.metrics["throughput"]
    if active_joules <= 0 or throughput.head <= 0:
        raise MeasurementError(
            "a request costs nothing beyond the machine at rest there, which cannot be",
            where=_where(one),
            hint="Something else was running when the machine was looked at; measure again on a quiet one",
        )
    times = [found.metrics[metric].head for metric in ("latency_p50", "latency_p95", "latency_p99")]
    cards = [each.device for each in provenance.components if each.name == "gpu"]
    pinned = max((len(each.cpus) for each in provenance.launches), default=0)
    return Measured(
        name=one.name,
        source=one.source,
        found=found,
        provenance=provenance,
        machine=" + ".join([one.result.machine.cpu_model, *cards]),
        cpus=(one.result.machine.cpu_count, max(1, pinned or provenance.threads)),
        pue=one.result.site.pue,
        idle_watts=idle_watts,
        idle_given=one.idle_watts is not None,
        active_joules=active_joules,
        slots=slots,
        capacity_per_s=throughput.head,
        service=ServiceTimes(
            p50_s=times[0],
            p95_s=max(times[:2]),
            p99_s=max(times),
            mean_s=slots / throughput.head,
        ),
        doubt=ErrorMargins(
            energy=_factors(found.metrics["energy_per_request"]),
            rate=_factors(throughput),
            uncertainty=provenance.uncertainty,
            kin=tuple(f"{each.device}: {each.source}" for each in provenance.components),
        ),
    )


def _workload(one: PoolInput, name: str) -> WorkloadResult:
    known: Mapping[str, WorkloadResult] = {each.name: each for each in one.result.workloads}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean {_quote(near[0])}?" if near else f"It has {', '.join(map(_quote, [*known][:5]))}"
    raise UsageError(f"the result has no workload {_quote(name)}", where=_where(one), hint=guess)


def _slots(one: PoolInput, provenance: Provenance) -> int:
    """How many requests a replica serves at once, where its load shows what it can serve at most."""
    if provenance.batch_size > 1:
        _refuse(
            one,
            f"was measured in batches of {provenance.batch_size}, and traffic decides how long one takes to fill",
            "Measure requests one by one, or a server that forms batches itself (http, with load: {concurrency: N})",
        )
    slots = slots_of(provenance.load)
    if slots is None:
        _refuse(
            one,
            f"was measured at {printable(provenance.load, max_length=_LONGEST_QUOTE)}, "
            "which does not show how much it can serve",
            "Measure it with load: closed, or {concurrency: N}",
        )
    return slots


def _factors(metric: MetricResult) -> tuple[float, float] | None:
    """The ends of a metric's interval over its value."""
    if metric.head_low is None or metric.head_high is None or metric.head <= 0 or metric.head_low <= 0:
        return None
    return metric.head_low / metric.head, metric.head_high / metric.head


def _refuse_the_same(pools: Sequence[Measured]) -> None:
    for one, other in combinations(pools, 2):
        told_apart = (one.idle_watts, one.pue) != (other.idle_watts, other.pue)
        if one.same_measurement(other) and not told_apart:
            raise UsageError(
                f"{one.name} and {other.name} are the same measurement",
                hint="Give each pool a result of its own",
            )


def _refuse(one: PoolInput, why: str, hint: str) -> NoReturn:
    raise UsageError(f"the workload {why}", where=_where(one), hint=hint)


def _where(one: PoolInput) -> str:
    return f"{one.name} ({one.source})"


def _quote(name: str) -> str:
    return f"'{printable(name, max_length=_LONGEST_QUOTE)}'"
