"""Energy counters of CPU, GPU and memory, read around every window: by codecarbon, and by us to check it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import COUNTER, POWER_SAMPLES
from energygate.measure.meters.idle import IDLE_S, measure_idle_watts
from energygate.measure.meters.model_meter import modelled, modelled_cpu
from energygate.measure.meters.sanity import disagreement, fault
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.gpus.counter_watch import GpuWatch
    from energygate.measure.machine import MachineResult
    from energygate.measure.meters.rapl import Domain
    from energygate.measure.meters.tracker import TaskEnergy, Tracker
    from energygate.measure.power_model import VcpuPower
    from energygate.measure.readings import Usage

CPU_WINDOW_NS = 100_000_000
CPU_PERIODS = 100
"""The error at a window's ends is at most one period: 1 % of a window this long."""

GPU_WINDOW_NS = 1_000_000_000
GPU_PERIODS = 10
"""At most 10 % of a single window; less for a launch, whose windows are consecutive."""

RAPL_UNCERTAINTY = 0.05
"""RAPL is within a few percent of a wall meter on servers (Khan et al., TOMPECS 2018, doi:10.1145/3177754)."""

GPU_BURST = 1.5
"""Maximum average power of a GPU over a window, as a multiple of the limit that its driver enforces within tens of
milliseconds."""

READ_POWER_FACTOR = 5
READ_POWER_WATTS = 50.0
"""Maximum power of a processor while its counters are read: this multiple of the window's average, plus what one core
adds to an idle processor. Generous: it only has to distinguish a missing counter from one updated between two reads."""


@dataclass(frozen=True, kw_only=True)
class CpuCounter:
    """The counters of a machine's processors and memory.

    Attributes:
        source: Their name.
        packages: The package counters that codecarbon adds up; empty where it does not read the powercap tree.
        memory: The memory counters, which energygate reads.
        period_ns: Their update period; `None` when unknown.
    """

    source: str
    packages: tuple[Domain, ...] = ()
    memory: tuple[Domain, ...] = ()
    period_ns: int | None = None


class CounterMeter:
    """Energy counters around every window.

    The reading is codecarbon's, except for memory. The counters of processors and GPUs are read as well: where
    codecarbon silently leaves one out, or falls back on an estimate, the window is refused.

    Args:
        tracker: Reads the counters of processors and GPUs.
        cpu: The processors' counters; `None` to use the power model instead.
        gpus: The GPUs that the workload may use.
        power: The power model.
        machine: The machine.
        notes: Caveats about it.
        idle_s: How long to measure idle power.

    Raises:
        MeasurementError: When idle power cannot be read.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        tracker: Tracker,
        *,
        cpu: CpuCounter | None,
        gpus: Sequence[Gpu],
        power: VcpuPower,
        machine: MachineResult,
        notes: tuple[str, ...] = (),
        idle_s: float = IDLE_S,
    ) -> None:
        self._tracker = tracker
        self._cpu = cpu
        self._domains = (*cpu.packages, *cpu.memory) if cpu else ()
        self._gpus = gpus
        self._power = power
        self._watch = _watch(gpus)
        self._in_launch = False
        facts = MeterFacts(
            components=(
                _counted_cpu(cpu, machine, tracker.version) if cpu else modelled_cpu(power, machine),
                *(_counted_gpu(gpu) for gpu in gpus),
                *([_counted_memory(cpu)] if cpu and cpu.memory else []),
            ),
            codecarbon_version=tracker.version,
            min_window_ns=max(
                max(CPU_WINDOW_NS, CPU_PERIODS * (cpu.period_ns or 0)) if cpu else 0,
                *(max(GPU_WINDOW_NS, GPU_PERIODS * gpu.period_ns) for gpu in gpus),
                0,
            ),
            codecarbon_ram_watts=tracker.ram_watts,
            notes=(*notes, *(note for gpu in gpus for note in gpu.notes)),
        )
        self._period_ns = max((one.period_ns or 0 for one in facts.components), default=0)
        self.facts = facts
        self.facts = self._with_idle_power(facts, idle_s)

    def begin_window(self) -> None:
        """Start a window."""
        if self._watch:
            self._watch.begin()  # waits for an update of the slowest counter
        started_ns = time.perf_counter_ns()
        self._before = [domain.read() for domain in self._domains]
        self._tracker.begin()
        self._started_ns = started_ns
        self._beginning_ns = time.perf_counter_ns() - started_ns

    def end_window(self, usage: Usage) -> Reading:
        """End the window and read it; an implausible reading is an error, not a saving."""
        if not self._in_launch:
            self._await_period()
        window_ns, counted = self._end()
        components = counted if self._cpu else (modelled(self._power, usage), *counted)
        reading = Reading(components=components)
        wrong = fault(reading, self.facts, window_ns=window_ns)
        if wrong:
            raise MeasurementError(wrong)
        return reading

    def cancel(self) -> None:
        """Forget the open window."""
        self._in_launch = False
        self._tracker.cancel()

    def begin_launch(self) -> None:
        """Begin the measured windows."""
        self._in_launch = True

    def end_launch(self) -> float | None:
        """End the measured windows; there is nothing to add, since every reading is codecarbon's."""
        self._in_launch = False
        return None

    def _await_period(self) -> None:
        """Wait until a cold start, whose length is not planned, is at least the slowest counter's period."""
        passed_ns = time.perf_counter_ns() - self._started_ns
        time.sleep(max(0, self._period_ns - passed_ns) * 1e-9)

    def _end(self) -> tuple[int, tuple[Component, ...]]:
        """End the window; return its length in ns, and the components with counters."""
        waited_ns = self._watch.await_update() if self._watch else 0
        ending_ns = time.perf_counter_ns()
        task = self._tracker.end()
        if self._watch:
            self._watch.end()
        after = [domain.read() for domain in self._domains]
        ended_ns = time.perf_counter_ns()
        window_ns = ended_ns - self._started_ns
        seconds = window_ns * 1e-9
        differences = [
            domain.difference(before, now, seconds=seconds)
            for domain, before, now in zip(self._domains, self._before, after, strict=True)
        ]
        counted = [self._gpu(task, gpu) for gpu in self._gpus]
        if self._cpu:
            count = len(self._cpu.packages)
            packages, memory = differences[:count], differences[count:]
            if packages:
                reading_ns = self._beginning_ns + ended_ns - ending_ns
                self._check_codecarbon(task, math.fsum(packages), window_ns=window_ns, reading_ns=reading_ns)
            counted.insert(0, _counted("cpu", task.cpu_joules))
            if memory:
                counted.append(_counted("dram", math.fsum(memory)))
        return window_ns, self._without_wait(counted, waited_ns)

    def _without_wait(self, counted: Sequence[Component], waited_ns: int) -> tuple[Component, ...]:
        """Subtract the idle energy of the time that was spent waiting for a counter's update."""
        measured = [one for one in self.facts.components if one.method is Method.MEASURED]
        return tuple(
            replace(one, energy_joules=one.energy_joules - (facts.idle_watts or 0.0) * waited_ns * 1e-9)
            for one, facts in zip(counted, measured, strict=True)
        )

    def _check_codecarbon(self, task: TaskEnergy, joules: float, *, window_ns: int, reading_ns: int) -> None:
        """Compare codecarbon's reading with the counters: it silently leaves out what it cannot read."""
        assert self._cpu is not None  # noqa: S101 - the caller has its packages
        between_s = (reading_ns + 2 * (self._cpu.period_ns or 0)) * 1e-9
        watts = READ_POWER_FACTOR * joules / (window_ns * 1e-9) + READ_POWER_WATTS
        slack = between_s * min(watts, math.fsum(domain.max_watts for domain in self._cpu.packages))
        wrong = disagreement(task.cpu_joules, joules, slack_joules=slack)
        if wrong:
            raise MeasurementError(wrong)

    @staticmethod
    def _gpu(task: TaskEnergy, gpu: Gpu) -> Component:
        energy = next((one for one in task.gpus if one.index == gpu.index), None)
        if energy is None:
            raise MeasurementError(f"codecarbon does not read {gpu.label}")
        if gpu.has_counter and not energy.counted:
            raise MeasurementError(f"the energy counter of {gpu.label} could not be read in a window")
        return _counted("gpu", energy.energy_joules)

    def _with_idle_power(self, facts: MeterFacts, idle_s: float) -> MeterFacts:
        periods = [self._cpu.period_ns or 0 if self._cpu else 0]
        periods += [gpu.period_ns for gpu in self._gpus if gpu.has_counter]  # power samples need no time
        watts = iter(measure_idle_watts(self._idle_window, period_ns=max(periods), idle_s=idle_s))
        components = tuple(
            replace(one, idle_watts=next(watts)) if one.method is Method.MEASURED else one for one in facts.components
        )
        return replace(
            facts,
            components=components,
            idle_watts=math.fsum(one.idle_watts or 0.0 for one in components),
            idle_method=facts.method,
        )

    def _idle_window(self, seconds: float) -> list[float]:
        self.begin_window()
        time.sleep(seconds)
        window_ns, counted = self._end()
        return [component.energy_joules / (window_ns * 1e-9) for component in counted]


def _watch(gpus: Sequence[Gpu]) -> GpuWatch | None:
    from energygate.measure.gpus.counter_watch import GpuWatch

    of_nvidia = [gpu for gpu in gpus if gpu.source in {COUNTER, POWER_SAMPLES}]
    return GpuWatch(of_nvidia) if of_nvidia else None


def _counted(name: str, energy_joules: float) -> Component:
    return Component(name=name, energy_joules=energy_joules, method=Method.MEASURED)


def _counted_cpu(cpu: CpuCounter, machine: MachineResult, version: str) -> ComponentFacts:
    return ComponentFacts(
        name="cpu",
        method=Method.MEASURED,
        device=machine.cpu_model,
        source=cpu.source,
        citation=f"codecarbon {version}",
        uncertainty=RAPL_UNCERTAINTY,
        period_ns=cpu.period_ns,
        max_watts=math.fsum(domain.max_watts for domain in cpu.packages) or None,
    )


def _counted_memory(cpu: CpuCounter) -> ComponentFacts:
    return ComponentFacts(
        name="dram",
        method=Method.MEASURED,
        device="memory",
        source=f"{cpu.source} (memory)",
        citation="Linux powercap interface, Documentation/power/powercap/powercap.rst",
        uncertainty=RAPL_UNCERTAINTY,
        period_ns=cpu.period_ns,
        max_watts=math.fsum(domain.max_watts for domain in cpu.memory),
    )


def _counted_gpu(gpu: Gpu) -> ComponentFacts:
    return ComponentFacts(
        name="gpu",
        method=Method.MEASURED,
        device=gpu.name,
        source=gpu.source,
        citation=gpu.citation,
        uncertainty=gpu.uncertainty,
        period_ns=gpu.period_ns,
        max_watts=GPU_BURST * gpu.max_watts,
    )
