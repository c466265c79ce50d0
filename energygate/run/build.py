"""From what was measured and found to the parts of a result: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from energygate.gate import Verdict, worst
from energygate.measure.launch import Launch, PairedLaunch
from energygate.measure.series import change_series
from energygate.result.findings import metric_results, unmeasured
from energygate.result.result import (
    AgreementResult,
    ComparisonResult,
    ErrorResult,
    ModelResult,
    OperatorResult,
    WorkloadResult,
)
from energygate.run.provenance import provenance
from energygate.workloads.serving import workload_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.errors import EnergygateError
    from energygate.gate import Evidence, Finding
    from energygate.gate.weighing import Confidence
    from energygate.measure.readings import MeterFacts
    from energygate.measure.windows import Plan
    from energygate.policy import Workload
    from energygate.result.result import State
    from energygate.result.site_result import FootprintResult
    from energygate.workloads.agreement import Agreement
    from energygate.workloads.operators import ModelFacts, OperatorChange

LOW_SUCCESS_NOTE = "{failed} of {all} requests failed; energy is per request served. The first: {first}"


@dataclass(frozen=True, kw_only=True)
class Background:
    """What a report says of a workload besides its numbers.

    Attributes:
        state: What became of the workload between base and head.
        base_name: Its name at base; `None` where base has no such workload, or was not looked at.
        notes: What a reader should know.
        agreement: Whether both sides answered alike; `None` where that was not compared.
        operators: What moved, by operator type.
        base_model: What base's model is made of; `None` for anything but ONNX.
        head_model: The same for head.
    """

    state: State = "head only"
    base_name: str | None = None
    notes: tuple[str, ...] = ()
    agreement: Agreement | None = None
    operators: tuple[OperatorChange, ...] = ()
    base_model: ModelFacts | None = None
    head_model: ModelFacts | None = None


def measured_workload(  # noqa: PLR0913 - everything that a workload's part of the result is made of
    name: str,
    workload: Workload,
    *,
    launches: Sequence[Launch | PairedLaunch],
    evidence: Mapping[str, Evidence],
    findings: Sequence[Finding],
    facts: MeterFacts,
    confidence: Confidence,
    plan: Plan,
    seconds: float,
    currency: str | None,
    background: Background,
    mode: Literal["paired", "alternating"] = "paired",
    seconds_to_decide: float | None = None,
    footprint: FootprintResult | None = None,
    missing: Mapping[str, str] = MappingProxyType({}),
) -> WorkloadResult:
    """A workload that was measured and judged; `missing` says of metrics why they are not there."""
    pairs = [launch for launch in launches if isinstance(launch, PairedLaunch)]
    heads = [launch.head if isinstance(launch, PairedLaunch) else launch for launch in launches]
    return WorkloadResult(
        name=name,
        base_name=background.base_name,
        kind=workload.kind,
        state=background.state,
        verdict=worst(finding.verdict for finding in findings),
        method=facts.method.value,
        metrics=metric_results(evidence, findings, currency=currency),
        notes=(*background.notes, *facts.notes, *_notes(workload, heads, findings)),
        error=unmeasured(findings, workload, evidence, missing),
        provenance=provenance(workload, heads, facts, confidence, plan, seconds),
        comparison=_comparison(pairs, background, mode, seconds_to_decide) if pairs else None,
        footprint=footprint,
    )


def unmeasured_workload(  # noqa: PLR0913 - the same
    name: str,
    workload: Workload,
    *,
    verdict: Verdict,
    state: State,
    note: str,
    base_name: str | None = None,
) -> WorkloadResult:
    """A workload that there was no need, or no way, to measure."""
    return WorkloadResult(
        name=name,
        base_name=base_name,
        kind=workload.kind,
        state=state,
        verdict=verdict,
        method=None,
        metrics={},
        notes=(note,),
        error=None,
        provenance=None,
    )


def _comparison(
    pairs: Sequence[PairedLaunch],
    background: Background,
    mode: Literal["paired", "alternating"],
    seconds_to_decide: float | None,
) -> ComparisonResult:
    agreement = background.agreement
    return ComparisonResult(
        mode=mode,
        blocks_per_launch=len(pairs[0].head.windows) // 2,
        log_ratios=change_series(pairs)["energy_per_request"].log_ratios,
        seconds_to_decide=seconds_to_decide,
        agreement=None
        if agreement is None
        else AgreementResult(
            share=agreement.share,
            compared=agreement.compared,
            how=agreement.how,
            largest_difference=agreement.largest_difference,
        ),
        operators=tuple(
            OperatorResult(
                operator=one.operator,
                base_share=one.base_share,
                contribution=one.contribution,
                is_new=one.is_new,
                is_gone=one.is_gone,
            )
            for one in background.operators
        ),
        base_model=_model(background.base_model),
        head_model=_model(background.head_model),
        base_versions=dict(pairs[0].base.versions),
    )


def _model(facts: ModelFacts | None) -> ModelResult | None:
    if facts is None:
        return None
    return ModelResult(nodes=facts.nodes, parameters=facts.parameters, opset=facts.opset)


def failed_workload(
    name: str,
    workload: Workload,
    error: EnergygateError,
    *,
    state: State = "head only",
    base_name: str | None = None,
) -> WorkloadResult:
    """A workload that could not be measured: an error, whatever its budgets."""
    return WorkloadResult(
        name=name,
        base_name=base_name,
        kind=workload.kind,
        state=state,
        verdict=Verdict.ERROR,
        method=None,
        metrics={},
        notes=(),
        error=ErrorResult(message=_sentence(error, name), detail=error.detail),
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
        notes.append(LOW_SUCCESS_NOTE.format(failed=failed, all=served + failed, first=first))
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
