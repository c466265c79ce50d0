"""A workload's part of a result, from measurements and findings: pure functions."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.gate import Verdict, worst
from energygate.measure.meters.idle import active_joules
from energygate.policy import JOULES_PER_KWH
from energygate.result.findings import metric_results, unbreakable, unmeasured
from energygate.result.result import ComponentResult, ErrorResult, LaunchResult, Provenance, WorkloadResult
from energygate.workloads.serving import workload_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.errors import EnergygateError
    from energygate.gate import Evidence, Finding
    from energygate.gate.estimates import Confidence
    from energygate.measure.launch import Launch
    from energygate.measure.readings import ComponentFacts, MeterFacts
    from energygate.measure.windows import LaunchPlan
    from energygate.policy import Workload
    from energygate.result.result import ComparisonResult
    from energygate.result.site_result import FootprintResult
    from energygate.run.pairing import Pairing


def measured_workload(  # noqa: PLR0913 - everything that a workload's part of the result is made of
    pairing: Pairing,
    *,
    launches: Sequence[Launch],
    evidence: Mapping[str, Evidence],
    findings: Sequence[Finding],
    facts: MeterFacts,
    confidence: Confidence,
    plan: LaunchPlan,
    seconds: float,
    currency: str | None,
    notes: Sequence[str] = (),
    comparison: ComparisonResult | None = None,
    footprint: FootprintResult | None = None,
    missing: Mapping[str, str] = MappingProxyType({}),
    seconds_to_decide: float | None = None,
    inputs: tuple[int, int] = (1, 1),
) -> WorkloadResult:
    """Return the part of a workload that was measured and judged.

    Args:
        pairing: The workload.
        launches: Head's launches.
        evidence: What they showed, by metric.
        findings: The workload's budgets, judged by it.
        facts: The meter's facts about its readings.
        confidence: How intervals were made.
        plan: What every launch did.
        seconds: Time that measuring took.
        currency: Currency of the site's prices.
        notes: Notes for the reader, besides those from `pairing`, `facts` and `launches`.
        comparison: How base and head were compared; `None` without a base.
        footprint: The footprint at the site's traffic; `None` when unknown.
        missing: Why metrics are missing, by name, where that is known.
        inputs: How many different inputs were measured, and how many there are.
        seconds_to_decide: How much more time would decide what is inconclusive; `None` when nothing is, or unknown.
    """
    workload = pairing.workload
    return WorkloadResult(
        name=pairing.name,
        base_name=pairing.base_name,
        kind=workload.kind,
        state=pairing.state,
        verdict=worst(finding.verdict for finding in findings),
        method=facts.method.value,
        metrics=metric_results(evidence, findings, currency=currency),
        notes=(*pairing.notes, *notes, *facts.notes, *_notes(workload, launches, findings, inputs)),
        error=unmeasured(findings, workload, evidence, missing),
        provenance=_provenance(workload, launches, facts, confidence, plan, seconds, inputs),
        comparison=comparison,
        footprint=footprint,
        seconds_to_decide=seconds_to_decide,
    )


def unmeasured_workload(pairing: Pairing, verdict: Verdict, note: str) -> WorkloadResult:
    """Return the part of a workload that need not, or must not, be measured."""
    return _without_numbers(pairing, verdict, notes=(note,))


def failed_workload(pairing: Pairing, error: EnergygateError) -> WorkloadResult:
    """Return the part of a workload that could not be measured: an error, whatever its budgets."""
    message = ErrorResult(message=_sentence(error, pairing.name), detail=error.detail)
    return _without_numbers(pairing, Verdict.ERROR, error=message)


def _without_numbers(
    pairing: Pairing, verdict: Verdict, *, notes: tuple[str, ...] = (), error: ErrorResult | None = None
) -> WorkloadResult:
    return WorkloadResult(
        name=pairing.name,
        base_name=pairing.base_name,
        kind=pairing.workload.kind,
        state=pairing.state,
        verdict=verdict,
        method=None,
        metrics={},
        notes=notes,
        error=error,
        provenance=None,
    )


def _sentence(error: EnergygateError, name: str) -> str:
    """Return what happened and what to do next, without the workload's name: reports show that beside it."""
    known = {None: "", workload_label(name, "head"): "", workload_label(name, "base"): "at base"}
    place = known.get(error.where, error.where)
    what = f"{place}: {error.what}" if place else error.what
    return f"{what}. {error.hint}" if error.hint else what


def _notes(
    workload: Workload, launches: Sequence[Launch], findings: Sequence[Finding], inputs: tuple[int, int]
) -> tuple[str, ...]:
    notes = []
    measured, total = inputs
    if measured < total:
        notes.append(f"{measured:,} of {total:,} inputs were measured, in a random order")
    failed = sum(window.failed_requests for launch in launches for window in launch.windows)
    if failed:
        served = sum(launch.requests for launch in launches)
        first = next(launch.first_failure for launch in launches if launch.first_failure)
        notes.append(f"{failed} of {served + failed} requests failed; energy is per request served. The first: {first}")
    unsteady = sum(not launch.steady for launch in launches)
    if unsteady > len(launches) / 2:
        notes.append(f"warm-up did not settle in {unsteady} of {len(launches)} launches")
    cpus = len(launches[0].cpus)
    if 0 < cpus < workload.threads:
        notes.append(f"its {workload.threads} threads share {cpus} CPU{'s' if cpus > 1 else ''}, all that may be used")
    if not cpus:
        notes.append("this system cannot bind processes to CPUs, so the numbers scatter more")
    notes += unbreakable(findings)
    if not findings and any(budget.level != "off" for budget in workload.budgets.values()):
        notes.append("its budgets are all relative: nothing is judged without a base")
    return tuple(notes)


def component_result(facts: ComponentFacts) -> ComponentResult:
    """Return a part of the machine that every reading includes."""
    return ComponentResult(
        name=facts.name,
        method=facts.method.value,
        device=facts.device,
        source=facts.source,
        citation=facts.citation,
        uncertainty=facts.uncertainty,
        period_ms=None if facts.period_ns is None else facts.period_ns / 1e6,
        max_watts=facts.max_watts,
    )


def _provenance(  # noqa: PLR0913, PLR0917 - everything that a provenance is made of
    workload: Workload,
    launches: Sequence[Launch],
    facts: MeterFacts,
    confidence: Confidence,
    plan: LaunchPlan,
    seconds: float,
    inputs: tuple[int, int],
) -> Provenance:
    """Return how a workload's numbers were measured, from head's launches."""
    requests = sum(launch.requests for launch in launches)
    energy_kwh = sum(launch.energy_joules for launch in launches) / JOULES_PER_KWH
    codecarbon = [launch.codecarbon_joules for launch in launches if launch.codecarbon_joules is not None]
    return Provenance(
        source=facts.source,
        citation=facts.citation,
        uncertainty=facts.uncertainty,
        components=tuple(map(component_result, facts.components)),
        idle_watts=facts.idle_watts,
        idle_method=None if facts.idle_method is None else facts.idle_method.value,
        codecarbon_version=facts.codecarbon_version,
        codecarbon_ram_watts=facts.codecarbon_ram_watts,
        min_window_ms=facts.min_window_ns / 1e6,
        decision_rule=2,
        alpha=confidence.alpha,
        pass_alpha=confidence.pass_alpha,
        drift_sd=confidence.drift_sd,
        calls_per_window=plan.calls,
        inputs_measured=inputs[0],
        inputs=inputs[1],
        load=str(workload.load),
        unit=workload.units,
        batch_size=workload.batch_size,
        threads=workload.threads,
        provider=workload.provider_name if workload.onnx else None,
        versions=dict(launches[0].versions),
        seconds=seconds,
        requests=requests,
        it_energy_kwh=energy_kwh,
        it_kwh_per_request=energy_kwh / requests,
        active_it_kwh_per_request=_active_joules(launches, facts) / JOULES_PER_KWH / requests,
        codecarbon_kwh_per_request=sum(codecarbon) / JOULES_PER_KWH / requests if codecarbon else None,
        launches=tuple(_launch(launch) for launch in launches),
    )


def _active_joules(launches: Sequence[Launch], facts: MeterFacts) -> float:
    return math.fsum(
        active_joules(window.reading, facts, wall_ns=window.wall_ns) for launch in launches for window in launch.windows
    )


def _launch(launch: Launch) -> LaunchResult:
    return LaunchResult(
        cpus=launch.cpus,
        windows=len(launch.windows),
        requests=launch.requests,
        failed_requests=sum(window.failed_requests for window in launch.windows),
        energy_kwh=launch.energy_joules / JOULES_PER_KWH,
        wall_s=sum(window.wall_ns for window in launch.windows) / 1e9,
        cpu_s=sum(window.cpu_ns for window in launch.windows) / 1e9,
        warm_up_windows=launch.warm_up_windows,
        steady=launch.steady,
    )
