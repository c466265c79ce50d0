"""The per-vCPU power model on the worker's CPU time, with codecarbon's own figure beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.meters.sanity import fault
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading

if TYPE_CHECKING:
    from energygate.measure.machine import Machine
    from energygate.measure.meters.tracker import Tracker
    from energygate.measure.power_model import VcpuPower
    from energygate.measure.readings import Usage

MODEL_WINDOW_NS = 5_000_000
"""Far above the CPU clock's resolution of nanoseconds."""


class ModelMeter:
    """Energy from CPU time.

    Args:
        tracker: Keeps codecarbon's own account of each launch.
        power: Watts of one vCPU.
        machine: Whose vCPUs they are.
        notes: Why there is no counter, where somebody could change that.
    """

    def __init__(
        self, tracker: Tracker, *, power: VcpuPower, machine: Machine, notes: tuple[str, ...] = ()
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
        """Nothing to start: the worker counts its own CPU time."""

    def end_window(self, usage: Usage) -> Reading:
        """Multiply CPU time by watts; no CPU time at all is an error, not a saving."""
        reading = Reading(components=(modelled(self._power, usage),))
        wrong = fault(reading, self.facts, window_ns=usage.wall_ns)
        if wrong:
            raise MeasurementError(wrong)
        return reading

    def cancel(self) -> None:
        """Forget the open account."""
        self._tracker.cancel()

    def begin_launch(self) -> None:
        """Start codecarbon's own account."""
        self._tracker.begin()

    def end_launch(self) -> float | None:
        """Give codecarbon's own joules of CPU and GPU: a whole chip's table value, kept so that nobody wonders."""
        account = self._tracker.end()
        return account.cpu_joules + account.gpu_joules


def modelled(power: VcpuPower, usage: Usage) -> Component:
    """The CPU's share of a reading, by the model.

    Raises:
        MeasurementError: When the worker used no CPU time.
    """
    if usage.cpu_ns <= 0:
        raise MeasurementError(f"the worker used no CPU time in a window of {usage.wall_ns / 1e6:.1f} ms")
    return Component(name="cpu", energy_joules=power.energy_joules(usage.cpu_ns), method=Method.ESTIMATED)


def modelled_cpu(power: VcpuPower, machine: Machine) -> ComponentFacts:
    """What holds for the CPU's share of every reading, by the model."""
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
