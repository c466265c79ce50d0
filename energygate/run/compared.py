"""Base beside head: what `check --base` measures of one workload."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError, NothingThere, WorkerDied
from energygate.measure.launchers import PairLauncher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.run.build import Background
from energygate.run.sizes import model_evidence, payload_evidence
from energygate.run.subject import Subject, exact_evidence
from energygate.workloads.agreement import compare_answers
from energygate.workloads.answers import CollectedAnswers, accuracy, collect, read_labels
from energygate.workloads.operators import model_facts, operator_changes
from energygate.workloads.protocol import UNKNOWN_PAYLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.gate import Evidence
    from energygate.measure.launch import PairedLaunch
    from energygate.policy import Site
    from energygate.result.result import State
    from energygate.run.shared import Run
    from energygate.workloads.agreement import Agreement
    from energygate.workloads.operators import OperatorChange
    from energygate.workloads.serving import Serving


def base_beside_head(  # noqa: PLR0913 - the same workload twice, and what a report says of it
    base: Serving,
    head: Serving,
    run: Run,
    *,
    state: State = "compared",
    base_name: str | None = None,
    notes: tuple[str, ...] = (),
) -> Subject[PairedLaunch]:
    """Prepare a workload to be measured on both sides, its answers compared and its operators profiled.

    Raises:
        MeasurementError: When there is no meter for it, only one side answers, or the answers cannot be compared.
    """
    workload = head.workload
    # Anything but a model may compute on a GPU, whatever the other side is.
    meter = run.meter(base.workload if base.workload.kind != "onnx" else workload)
    sets = cpu_sets(usable_cpus(), workload.threads)
    agreement, exact, trouble = _answers(base, head, run.policy.site, sets[0])
    are_models = base.workload.onnx is not None and workload.onnx is not None
    operators, blind = _operators(base, head, sets[0]) if are_models else ((), ())
    launcher = PairLauncher(
        base,
        head,
        meter,
        cpu_sets=sets,
        time_limit_ns=run.time_limit_s * 1e9,
        tolerant="success_rate" in workload.budgets,
        coin=random.Random(f"{run.policy.measurement.seed}/{head.name}"),  # noqa: S311 - an order, not a secret
        clock=time.perf_counter_ns,
    )
    background = Background(
        state=state,
        base_name=base_name,
        notes=(*notes, *trouble, *blind),
        agreement=agreement,
        operators=operators,
        base_model=model_facts(_model(base), label=base.label) if are_models else None,
        head_model=model_facts(_model(head), label=head.label) if are_models else None,
    )
    return Subject(head.name, workload, launcher, meter=meter, exact=exact, background=background, run=run)


def _answers(
    base: Serving, head: Serving, site: Site, cpus: tuple[int, ...]
) -> tuple[Agreement | None, dict[str, Evidence], tuple[str, ...]]:
    """Whether both sides answer alike, the metrics without sampling noise, and what stood in the way."""
    workload = head.workload
    exact = model_evidence(head, site, base)
    ours, theirs = _collected(head, cpus), _collected(base, cpus)
    exact |= payload_evidence(ours.payloads, theirs.payloads)
    if isinstance(ours.answers, MeasurementError):
        needed = workload.labels is not None or "output_agreement" in workload.budgets
        if needed or not isinstance(theirs.answers, MeasurementError):
            raise ours.answers
        return None, exact, (f"answers were not compared: {ours.answers.what}",)
    before, after = theirs.answers_or_raise(), ours.answers
    how = workload.answers or ("classes" if workload.labels else "values")
    agreement = compare_answers(before, after, how=how, label=head.label)
    exact["output_agreement"] = exact_evidence("output_agreement", head=agreement.share)
    if workload.labels is not None:
        labels = read_labels(head)
        exact["accuracy"] = exact_evidence(
            "accuracy",
            head=accuracy(after, labels, label=head.label),
            base=accuracy(before, labels, label=base.label),
        )
    return agreement, exact, ()


def _collected(serving: Serving, cpus: tuple[int, ...]) -> CollectedAnswers:
    """A side's answers, or why there are none: they may differ in length, or its Python may lack numpy."""
    try:
        return collect(serving, cpus)
    except (WorkerDied, NothingThere):
        raise
    except MeasurementError as error:
        return CollectedAnswers(payloads=UNKNOWN_PAYLOADS, answers=error)


def _operators(
    base: Serving, head: Serving, cpus: tuple[int, ...]
) -> tuple[tuple[OperatorChange, ...], tuple[str, ...]]:
    """What moved by operator; trouble with the profiler explains less, and changes no verdict."""
    try:
        return operator_changes(base, head, cpus), ()
    except MeasurementError as error:
        return (), (f"operators were not compared: {error.what}",)


def _model(serving: Serving) -> Path:
    return serving.side.directory / str(serving.workload.onnx)
