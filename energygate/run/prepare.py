"""Prepare a workload to be measured: its meter, its launcher, and its metrics without sampling."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError, TargetMissing, WorkerDied
from energygate.gate import Evidence
from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.result.result import ComparisonResult
from energygate.run.subject import Subject
from energygate.workloads.agreement import compare_answers
from energygate.workloads.answers import CollectedAnswers, accuracy, collect, measure_payloads, read_labels
from energygate.workloads.model_files import model_download_bytes, model_size_bytes
from energygate.workloads.operators import model_result, operator_changes
from energygate.workloads.protocol import UNKNOWN_PAYLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.policy import Site, Workload
    from energygate.run.context import RunContext
    from energygate.run.pairing import Pairing
    from energygate.workloads.agreement import AgreementResult
    from energygate.workloads.operators import OperatorResult
    from energygate.workloads.protocol import Payloads
    from energygate.workloads.serving import Serving

PAYLOADS = {
    "request_size": "request_bytes",
    "response_size": "response_bytes",
    "egress_per_request": "egress_bytes",
}
"""Metrics that only a worker can measure, and their fields of `Payloads`."""

PRICED = ("monthly_egress_cost", "monthly_cost")
"""Metrics that include the price of egress, where it has one."""


def prepare(pairing: Pairing, head: Serving, context: RunContext, *, base: Serving | None = None) -> Subject:
    """Prepare a workload to be measured; with a base, also compare both sides' answers and profile their operators.

    Args:
        pairing: The workload.
        head: How head is served.
        context: The run.
        base: How base is served; `None` to measure head alone.

    Raises:
        MeasurementError: When there is no meter for it, or its answers cannot be collected or compared.
    """
    workload, site = head.workload, context.policy.site
    # Anything but a model may compute on a GPU, whatever the other side is.
    meter = context.meter(base.workload if base and base.workload.kind != "onnx" else workload)
    sets = cpu_sets(usable_cpus(), workload.threads)
    comparison = None
    if base is None:
        exact, notes = _exact_of_head(head, site, sets[0])
    else:
        exact, agreement, notes = _exact_of_both(base, head, site, sets[0])
        comparison = _comparison(base, head, sets[0], agreement, notes)
    scales_to_zero = site.traffic is not None and site.traffic.scale_to_zero_after is not None
    launcher = Launcher(
        head,
        meter,
        base=base,
        cpu_sets=sets,
        time_limit_ns=context.time_limit_s * 1e9,
        coin=random.Random(f"{context.policy.measurement.seed}/{head.name}"),  # noqa: S311 - an order, not a secret
        clock=time.perf_counter_ns,
        at_once=workload.budgets.keys().isdisjoint({"cold_start", "cold_start_energy"}) and not scales_to_zero,
    )
    return Subject(pairing, launcher, meter=meter, exact=exact, comparison=comparison, notes=notes, context=context)


def _exact_of_head(head: Serving, site: Site, cpus: tuple[int, ...]) -> tuple[dict[str, Evidence], list[str]]:
    """Return head's metrics without sampling noise, and what is missing; requests are answered only where needed."""
    exact = model_evidence(head, site)
    if head.workload.labels is not None:
        labels = read_labels(head)
        collected = collect(head, cpus)
        share = accuracy(collected.answers_or_raise(), labels, label=head.label)
        exact["accuracy"] = Evidence.exact("accuracy", head=share)
        exact |= payload_evidence(collected.payloads)
    elif wants_payloads(head.workload, site):
        try:
            exact |= payload_evidence(measure_payloads(head, cpus))
        except (WorkerDied, TargetMissing):
            raise
        except MeasurementError as error:  # answering all requests once may take longer than measuring some
            if needs_payloads(head.workload):
                raise
            return exact, [f"sizes of requests and answers were not measured: {error.what}"]
    return exact, []


def _exact_of_both(
    base: Serving, head: Serving, site: Site, cpus: tuple[int, ...]
) -> tuple[dict[str, Evidence], AgreementResult | None, list[str]]:
    """Return both sides' metrics without sampling noise, whether their answers agree, and what is missing."""
    workload = head.workload
    exact = model_evidence(head, site, base)
    ours, theirs = _collected(head, cpus), _collected(base, cpus)
    exact |= payload_evidence(ours.payloads, theirs.payloads)
    if isinstance(ours.answers, MeasurementError):
        needed = workload.labels is not None or "output_agreement" in workload.budgets
        if needed or not isinstance(theirs.answers, MeasurementError):
            raise ours.answers
        return exact, None, [f"answers were not compared: {ours.answers.what}"]
    before, after = theirs.answers_or_raise(), ours.answers
    how = workload.answers or ("classes" if workload.labels else "values")
    agreement = compare_answers(before, after, how=how, label=head.label)
    exact["output_agreement"] = Evidence.exact("output_agreement", head=agreement.share)
    if workload.labels is not None:
        labels = read_labels(head)
        exact["accuracy"] = Evidence.exact(
            "accuracy",
            head=accuracy(after, labels, label=head.label),
            base=accuracy(before, labels, label=base.label),
        )
    return exact, agreement, []


def _collected(serving: Serving, cpus: tuple[int, ...]) -> CollectedAnswers:
    """Collect a side's answers, or why there are none: they may differ in length, or its Python may lack numpy."""
    try:
        return collect(serving, cpus)
    except (WorkerDied, TargetMissing):
        raise
    except MeasurementError as error:
        return CollectedAnswers(payloads=UNKNOWN_PAYLOADS, answers=error)


def _comparison(
    base: Serving, head: Serving, cpus: tuple[int, ...], agreement: AgreementResult | None, notes: list[str]
) -> ComparisonResult:
    """Return what is known of the comparison before the first launch; add an error of the profiler to the notes."""
    are_models = base.workload.onnx is not None and head.workload.onnx is not None
    base_model, head_model = (
        model_result(_model_path(one), label=one.label) if are_models else None for one in (base, head)
    )
    return ComparisonResult(
        mode="paired",
        blocks_per_launch=0,
        log_ratios=(),
        agreement=agreement,
        operators=_operators(base, head, cpus, notes) if are_models else (),
        base_model=base_model,
        head_model=head_model,
        base_versions={},
    )


def _operators(base: Serving, head: Serving, cpus: tuple[int, ...], notes: list[str]) -> tuple[OperatorResult, ...]:
    """Return the changes by operator type; an error of the profiler is only a note and changes no verdict."""
    try:
        return operator_changes(base, head, cpus)
    except MeasurementError as error:
        notes.append(f"operators were not compared: {error.what}")
        return ()


def wants_payloads(workload: Workload, site: Site) -> bool:
    """Return whether the bytes of requests and answers are needed: for a budget, or for the price of egress."""
    return site.egress_price is not None or not workload.budgets.keys().isdisjoint(PAYLOADS)


def needs_payloads(workload: Workload) -> bool:
    """Return whether a budget cannot be judged without the bytes of requests and answers."""
    return not workload.budgets.keys().isdisjoint({*PAYLOADS, *PRICED})


def payload_evidence(head: Payloads, base: Payloads | None = None) -> dict[str, Evidence]:
    """Return the bytes of requests and answers, by metric; without those that are unknown for head."""
    exact = {}
    for metric, field in PAYLOADS.items():
        after, before = getattr(head, field), None if base is None else getattr(base, field)
        if after is not None:
            exact[metric] = Evidence.exact(metric, head=after, base=before)
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
            before = size(_model_path(base), label=base.label) if base is not None and has_base else None
            exact[metric] = Evidence.exact(metric, head=size(_model_path(head), label=head.label), base=before)
    return exact


def _wants_download(workload: Workload, site: Site) -> bool:
    downloads = site.traffic.model_downloads_per_month if site.traffic else 0
    return bool(downloads) or "model_download_size" in workload.budgets


def _model_path(serving: Serving) -> Path:
    """Return the path of an ONNX workload's model on its side."""
    return serving.side.directory / str(serving.workload.onnx)
