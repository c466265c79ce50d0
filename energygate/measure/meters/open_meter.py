"""The best meter of a machine: its counters where they work and can be read, else the power model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.find import find_gpus
from energygate.measure.meters import rapl
from energygate.measure.meters.counter_meter import CounterMeter, CpuCounter
from energygate.measure.meters.idle import IDLE_S
from energygate.measure.meters.model_meter import ModelMeter
from energygate.measure.meters.tracker import COUNTER_MODES, Tracker, other_codecarbon, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.gpus.visible import Selection
    from energygate.measure.machine import MachineResult
    from energygate.measure.power_model import VcpuPower
    from energygate.measure.readings import Meter


def gpus_for(selection: Selection | None) -> tuple[Gpu, ...]:
    """Return the GPUs that a workload may use, with codecarbon's log lines suppressed.

    Raises:
        MeasurementError: When the energy of a GPU cannot be read.
    """
    with quiet([]):
        return find_gpus(selection)


def open_meter(machine: MachineResult, *, power: VcpuPower, gpus: Sequence[Gpu] = (), idle_s: float = IDLE_S) -> Meter:
    """Return the best meter for a workload. With counters this takes seconds: it measures their idle power.

    Args:
        machine: The machine.
        power: The power model, for a processor without a counter.
        gpus: The GPUs that the workload may use; their energy is included.
        idle_s: How long to measure idle power.

    Raises:
        MeasurementError: When a counter cannot be read properly, or another codecarbon is measuring.
    """
    tracker = Tracker(gpu_ids=[gpu.index for gpu in gpus])
    cpu, notes = _cpu_counter(tracker)
    if cpu is None and not gpus:
        return ModelMeter(tracker, power=power, machine=machine, notes=notes)
    if other := other_codecarbon():
        raise MeasurementError(
            f"another codecarbon is running on this machine ({other} exists); the counters include its load",
            hint="Wait until it ends; if it has ended without removing that file, remove it",
        )
    return CounterMeter(tracker, cpu=cpu, gpus=gpus, power=power, machine=machine, notes=notes, idle_s=idle_s)


def _cpu_counter(tracker: Tracker) -> tuple[CpuCounter | None, tuple[str, ...]]:
    """Return the processor's counter and notes; without one the notes say why, where the user could change that.

    Raises:
        MeasurementError: When only some of the processors can be read.
    """
    source = COUNTER_MODES.get(tracker.cpu_mode)
    if source is None:
        hint = rapl.advice()
        return None, (hint,) if hint else ()
    if tracker.cpu_mode != "intel_rapl":
        return CpuCounter(source=source), ()
    domains = rapl.find_domains()
    read = {file.resolve() for file in tracker.counter_files}
    packages = tuple(
        domain for domain in domains if domain.file.resolve() in read and domain.name.startswith(("package", "psys"))
    )
    missing = rapl.unreadable(domains)
    if not packages:  # codecarbon also accepts counters of parts of a processor
        none = "codecarbon found RAPL counters, but none of a whole processor: not used"
        return None, (rapl.advice() or none,)
    if missing:
        raise MeasurementError(
            f"some RAPL counters can be read, but not {' or '.join(missing)}", hint=rapl.READABLE_HINT
        )
    periods_ns = [rapl.update_period_ns(domain.read) for domain in packages]
    if any(period_ns is None for period_ns in periods_ns):
        return None, ("the RAPL counters of this machine are not updated: not used",)
    has_psys = any(domain.name == "psys" for domain in packages)  # it includes memory
    unread = [domain.name for domain in domains if domain.name.startswith("package") and domain not in packages]
    return CpuCounter(
        source=source,
        packages=packages,
        memory=() if has_psys else rapl.memory_of(domains),
        period_ns=max(period_ns for period_ns in periods_ns if period_ns is not None),
    ), (f"codecarbon takes the RAPL counters {', '.join(unread)} for duplicates",) if unread else ()
