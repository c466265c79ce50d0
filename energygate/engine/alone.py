"""Head alone: what `check` without a base measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from energygate.engine.subject import Subject, exact_evidence
from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.report.build import Background
from energygate.workloads.answers import accuracy, collect_answers, read_labels
from energygate.workloads.model_files import model_size_bytes

if TYPE_CHECKING:
    from energygate.engine.shared import Run
    from energygate.gate import Evidence
    from energygate.measure.launch import Launch
    from energygate.report.result import State
    from energygate.workloads.serving import Serving


def head_alone(serving: Serving, run: Run, *, state: State = "head only") -> Subject[Launch]:
    """Prepare a workload to be measured on head alone.

    Raises:
        MeasurementError: When there is no meter for it, or its answers cannot be had.
    """
    workload = serving.workload
    meter = run.meter(workload)
    sets = cpu_sets(usable_cpus(), workload.threads)
    launcher = Launcher(
        serving,
        meter,
        cpu_sets=sets,
        time_limit_ns=run.time_limit_s * 1e9,
        tolerant="success_rate" in workload.budgets,
        clock=time.perf_counter_ns,
    )
    return Subject(
        serving.name,
        workload,
        launcher,
        meter=meter,
        exact=_exact(serving, sets[0]),
        background=Background(state=state),
        run=run,
    )


def _exact(serving: Serving, cpus: tuple[int, ...]) -> dict[str, Evidence]:
    """Metrics without sampling noise."""
    exact = {}
    if serving.workload.onnx is not None:
        size = model_size_bytes(serving.side.directory / serving.workload.onnx, label=serving.label)
        exact["model_size"] = exact_evidence("model_size", head=float(size))
    if serving.workload.labels is not None:
        labels = read_labels(serving)
        share = accuracy(collect_answers(serving, cpus), labels, label=serving.label)
        exact["accuracy"] = exact_evidence("accuracy", head=share)
    return exact
