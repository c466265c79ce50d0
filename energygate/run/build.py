"""From measurements and findings to a workload's part of the result: pure functions."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.gate import Verdict, worst
from energygate.result.findings import metric_results, unmeasured
from energygate.result.result import ErrorResult, WorkloadResult
from energygate.run.provenance import provenance
from energygate.workloads.serving import workload_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.errors import EnergygateError
    from energygate.gate import Evidence, Finding
    from energygate.gate.weighing import Confidence
    from energygate.measure.launch import Launch
    from energygate.measure.readings import MeterFacts
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
) -> WorkloadResult:
    """Return the part of a workload that was measured and judged.

    Args:
        pairing: The workload.
        launches: Head's launches.
        evidence: What they showed, by metric.
        findings: The workload's budgets, judged by it.
        facts: What the meter says about its readings.
        confidence: How intervals were made.
        plan: What every launch did.
        seconds: Time that measuring took.
        currency: Currency of the site's prices.
        notes: What a reader should know besides what `pairing`, `facts` and `launches` say.
        comparison: How base and head were compared; `None` without a base.
        footprint: What requests come to at the site's traffic; `None` where that is unknown.
        missing: Why metrics are missing, by name, where that is known.
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
        notes=(*pairing.notes, *notes, *facts.notes, *_notes(workload, launches, findings)),
        error=unmeasured(findings, workload, evidence, missing),
        provenance=provenance(workload, launches, facts, confidence, plan, seconds),
        comparison=comparison,
        footprint=footprint,
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


def _notes(workload: Workload, launches: Sequence[Launch], findings: Sequence[Finding]) -> tuple[str, ...]:
    notes = []
    failed = sum(window.failed_requests for launch in launches for window in launch.windows)
    if failed:
        served = sum(launch.requests for launch in launches)
        first = next(launch.first_failure for launch in launches if launch.first_failure)
        notes.append(
            f"{failed} of {served + failed} requests failed; energy is per request served. The first: {first}"
        )
    unsteady = sum(not launch.steady for launch in launches)
    if unsteady > len(launches) / 2:
        notes.append(f"warm-up did not settle in {unsteady} of {len(launches)} launches")
    if 0 < len(launches[0].cpus) < workload.threads:
        notes.append(
            f"it computes with {workload.threads} threads on {len(launches[0].cpus)} CPUs: all there are"
        )
    if not launches[0].cpus:
        notes.append("this system cannot bind processes to CPUs, so the numbers scatter more")
    if not findings and any(budget.level != "off" for budget in workload.budgets.values()):
        notes.append("its budgets are all relative: nothing is judged without a base")
    return tuple(notes)
