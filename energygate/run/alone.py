"""Head alone: what `check` without a base measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError, NothingThere, WorkerDied
from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.run.build import Background
from energygate.run.sizes import model_evidence, needs_payloads, payload_evidence, wants_payloads
from energygate.run.subject import Subject, exact_evidence
from energygate.workloads.answers import accuracy, collect, measure_payloads, read_labels

if TYPE_CHECKING:
    from energygate.gate import Evidence
    from energygate.measure.launch import Launch
    from energygate.policy import Site
    from energygate.result.result import State
    from energygate.run.shared import Run
    from energygate.workloads.serving import Serving


def head_alone(serving: Serving, run: Run, *, state: State = "head only") -> Subject[Launch]:
    """Prepare a workload to be measured on head alone.

    Raises:
        MeasurementError: When there is no meter for it, or its answers cannot be had.
    """
    workload = serving.workload
    meter = run.meter(workload)
    sets = cpu_sets(usable_cpus(), workload.threads)
    exact, notes = _exact(serving, run.policy.site, sets[0])
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
        exact=exact,
        background=Background(state=state, notes=notes),
        run=run,
    )


def _exact(
    serving: Serving, site: Site, cpus: tuple[int, ...]
) -> tuple[dict[str, Evidence], tuple[str, ...]]:
    """Metrics without sampling noise, and what stood in the way; requests are answered for them where somebody asks."""
    exact = model_evidence(serving, site)
    if serving.workload.labels is not None:
        labels = read_labels(serving)
        collected = collect(serving, cpus)
        share = accuracy(collected.answers_or_raise(), labels, label=serving.label)
        exact["accuracy"] = exact_evidence("accuracy", head=share)
        exact |= payload_evidence(collected.payloads)
    elif wants_payloads(serving.workload, site):
        try:
            exact |= payload_evidence(measure_payloads(serving, cpus))
        except (WorkerDied, NothingThere):
            raise
        except MeasurementError as error:  # answering all requests once may take longer than measuring some
            if needs_payloads(serving.workload):
                raise
            return exact, (f"sizes of requests and answers were not measured: {error.what}",)
    return exact, ()
