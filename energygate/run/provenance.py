"""How numbers came about, as parts of a result: the machine, the site, the meter, the launches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.measure.meters.idle import active_joules
from energygate.policy import JOULES_PER_KWH
from energygate.result.result import ComponentResult, LaunchResult, MachineResult, Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.gate.weighing import Confidence
    from energygate.measure.launch import Launch
    from energygate.measure.machine import Machine
    from energygate.measure.readings import ComponentFacts, MeterFacts
    from energygate.measure.windows import LaunchPlan
    from energygate.policy import Workload


def machine_result(machine: Machine) -> MachineResult:
    """The machine that measured."""
    return MachineResult(
        cpu_model=machine.cpu_model,
        cpu_count=machine.cpu_count,
        memory_bytes=machine.memory_bytes,
        system=machine.system,
        virtual=machine.virtual,
        can_pin=machine.can_pin,
    )


def component_result(facts: ComponentFacts) -> ComponentResult:
    """One part of the machine in every reading."""
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


def provenance(  # noqa: PLR0913, PLR0917 - the same
    workload: Workload,
    launches: Sequence[Launch],
    facts: MeterFacts,
    confidence: Confidence,
    plan: LaunchPlan,
    seconds: float,
) -> Provenance:
    """How a workload's numbers came about, from head's launches."""
    requests = sum(launch.requests for launch in launches)
    energy_kwh = sum(launch.energy_joules for launch in launches) / JOULES_PER_KWH
    accounts = [launch.codecarbon_joules for launch in launches if launch.codecarbon_joules is not None]
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
        alpha=confidence.alpha,
        drift_sd=confidence.drift_sd,
        calls_per_window=plan.calls,
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
        codecarbon_kwh_per_request=sum(accounts) / JOULES_PER_KWH / requests if accounts else None,
        launches=tuple(_launch(launch) for launch in launches),
    )


def _active_joules(launches: Sequence[Launch], facts: MeterFacts) -> float:
    return math.fsum(
        active_joules(window.reading, facts, wall_ns=window.wall_ns)
        for launch in launches
        for window in launch.windows
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
