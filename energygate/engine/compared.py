"""Base beside head: what `check --base` measures of one workload."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from energygate.engine.subject import Subject, exact_evidence
from energygate.measure.launchers import PairLauncher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.report.build import Background
from energygate.workloads.agreement import compare_answers
from energygate.workloads.answers import accuracy, collect_answers, read_labels
from energygate.workloads.model_files import model_size_bytes
from energygate.workloads.operators import model_facts, operator_changes

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.engine.shared import Run
    from energygate.gate import Evidence
    from energygate.measure.launch import PairedLaunch
    from energygate.report.result import State
    from energygate.workloads.agreement import Agreement
    from energygate.workloads.serving import Serving

UNSEEN_CALLS = 8
"""How many calls of a workload without inputs are compared: it makes up its own, so a few show what it answers."""


def base_beside_head(
    base: Serving, head: Serving, run: Run, *, state: State = "compared", notes: tuple[str, ...] = ()
) -> Subject[PairedLaunch]:
    """Prepare a workload to be measured on both sides, its answers compared and its operators profiled.

    Raises:
        MeasurementError: When there is no meter for it, a side cannot be loaded, or the answers cannot be compared.
    """
    workload = head.workload
    meter = run.meter(workload)
    sets = cpu_sets(usable_cpus(), workload.threads)
    agreement, exact = _answers(base, head, sets[0])
    is_model = workload.onnx is not None
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
        notes=notes,
        agreement=agreement,
        operators=operator_changes(base, head, sets[0]) if is_model else (),
        base_model=model_facts(_model(base), label=base.label) if is_model else None,
        head_model=model_facts(_model(head), label=head.label) if is_model else None,
    )
    return Subject(head.name, workload, launcher, meter=meter, exact=exact, background=background, run=run)


def _answers(base: Serving, head: Serving, cpus: tuple[int, ...]) -> tuple[Agreement, dict[str, Evidence]]:
    """Whether both sides answer alike, and the metrics without sampling noise."""
    workload = head.workload
    count = None if workload.inputs or workload.onnx else UNSEEN_CALLS
    ours, theirs = collect_answers(head, cpus, count=count), collect_answers(base, cpus, count=count)
    how = workload.answers or ("classes" if workload.labels else "values")
    agreement = compare_answers(theirs, ours, how=how, label=head.label)
    exact = {"output_agreement": exact_evidence("output_agreement", head=agreement.share)}
    if workload.labels is not None:
        labels = read_labels(head)
        exact["accuracy"] = exact_evidence(
            "accuracy",
            head=accuracy(ours, labels, label=head.label),
            base=accuracy(theirs, labels, label=base.label),
        )
    if workload.onnx is not None:
        sizes = [float(model_size_bytes(_model(side), label=side.label)) for side in (head, base)]
        exact["model_size"] = exact_evidence("model_size", head=sizes[0], base=sizes[1])
    return agreement, exact


def _model(serving: Serving) -> Path:
    return serving.side.directory / str(serving.workload.onnx)
