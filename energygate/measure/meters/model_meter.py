"""The per-vCPU power model applied to the worker's CPU time, with codecarbon's figure beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.meters.sanity import fault
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading

if TYPE_CHECKING:
    from energygate.measure.machine import MachineResult
    from energygate.measure.meters.tracker import Tracker
    from energygate.measure.power_model import VcpuPower
    from energygate.measure.readings import Usage

MODEL_WINDOW_NS = 5_000_000
"""Far above the CPU clock's resolution of nanoseconds."""


class ModelMeter:
    """Estimates energy from CPU time.

    Args:
        tracker: Measures each launch with codecarbon.
        power: Watts of one vCPU.
        machine: The machine.
        notes: Why there is no counter, where the user could change that.
    """

    def __init__(
        self, tracker: Tracker, *, power: VcpuPower, machine: MachineResult, notes: tuple[str, ...] = ()
    ) -> None:
        self._tracker = tracker
        self._power = power
        cpu = modelled_cpu(power, machine)
        self.facts = MeterFacts(
            components=(cpu,),
            codecarbon_version=tracker.version,
            min_window_ns=MODEL_WINDOW_NS,
            idle_watts=cpu.idle_watts,
            idle_method=Method.ESTIMATED,
            codecarbon_ram_watts=tracker.ram_watts,
            notes=notes,
        )

    def begin_window(self) -> None:
        """Do nothing: the worker counts its own CPU time."""

    def end_window(self, usage: Usage) -> Reading:
        """Return CPU time times watts; no CPU time is an error, not a saving."""
        reading = Reading(components=(modelled(self._power, usage),))
        wrong = fault(reading, self.facts, window_ns=usage.wall_ns)
        if wrong:
            raise MeasurementError(wrong)
        return reading

    def cancel(self) -> None:
        """Cancel codecarbon's task."""
        self._tracker.cancel()

    def begin_launch(self) -> None:
        """Start codecarbon's task."""
        self._tracker.begin()

    def end_launch(self) -> float | None:
        """Return codecarbon's joules of CPU and GPU, a table value of the whole chip, for comparison."""
        task = self._tracker.end()
        return task.cpu_joules + task.gpu_joules


def modelled(power: VcpuPower, usage: Usage) -> Component:
    """Return the CPU component of a reading, by the model.

    Raises:
        MeasurementError: When the worker used no CPU time.
    """
    if usage.cpu_ns <= 0:
        raise MeasurementError(f"the worker used no CPU time in a window of {usage.wall_ns / 1e6:.1f} ms")
    return Component(name="cpu", energy_joules=power.energy_joules(usage.cpu_ns), method=Method.ESTIMATED)


def modelled_cpu(power: VcpuPower, machine: MachineResult) -> ComponentFacts:
    """Return the facts about the CPU component, by the model."""
    return ComponentFacts(
        name="cpu",
        method=Method.ESTIMATED,
        device=machine.cpu_model,
        source=power.described,
        citation=f"{power.source}; {power.citation}",
        uncertainty=power.uncertainty,
        idle_watts=power.idle_watts_of(machine.cpu_count),
        active_share=1 - power.idle_watts / power.full_watts,
    )
