"""The meter of a live service: counters where the machine has any, else the power model.

All imports that a meter needs are at the top, so that none comes later: see `forks`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pynvml  # noqa: F401 - needed by find_gpus

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import COUNTER, POWER_SAMPLES
from energygate.measure.gpus.find import find_gpus
from energygate.measure.gpus.visible import Selection, selection_for
from energygate.measure.machine import describe_machine
from energygate.measure.meters import rapl
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.production.recorder.attribution import IdlePower, MeteredCpu, MeteredGpus, ModelledCpu
from energygate.production.recorder.cpu_time import ChildCpuTime, CpuTimeTracker, Descendants
from energygate.production.recorder.hardware_counters import NvidiaCounter, RaplCounter
from energygate.production.recorder.peers import NoPeers, PeerTable
from energygate.production.recorder.samples import SampleEnergy
from energygate.production.recorder.snapshot import MeterInfo
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.meters.rapl import Domain
    from energygate.policy import Policy, Workload
    from energygate.production.recorder.samples import SampleWindow

    EnergySource = MeteredCpu | MeteredGpus | ModelledCpu


class MachineMeter:
    """All parts of a machine together.

    Args:
        parts: Each with its own joules.
        cpu_time: Determines this process's CPU time.
        method: `measured` only if that of every part is.
        source: Where the joules come from, in words.
        period_ns: How often the value of the slowest part changes.
    """

    def __init__(
        self,
        parts: Sequence[EnergySource],
        *,
        cpu_time: CpuTimeTracker,
        method: str,
        source: str,
        period_ns: int = 0,
    ) -> None:
        self._parts = parts
        self._cpu_time = cpu_time
        self._method = method
        self._source = source
        self.period_ns = period_ns

    @property
    def info(self) -> MeterInfo:
        """How the joules are obtained."""
        return MeterInfo(
            method=self._method,
            source=self._source,
            version=__version__,
            idle_watts=sum(part.idle_watts for part in self._parts),
        )

    def begin(self) -> None:
        """Take the first sample."""
        self._cpu_time.begin()
        for part in self._parts:
            part.begin()

    def read(self, window: SampleWindow) -> SampleEnergy:
        """Return this process's part of the joules since the last sample."""
        usage = self._cpu_time.usage(window)
        total = SampleEnergy(requests_joules=0.0, idle_joules=0.0)
        for part in self._parts:
            try:
                total += part.energy(window, usage)
            except MeasurementError as error:  # noqa: PERF203 - a handful of parts
                total = replace(total, missing=(*total.missing, str(error)))
        return total

    def close(self) -> None:
        """Tell the machine's other recorders that this one is gone."""
        self._cpu_time.close()


def open_meter(policy: Policy | None, workload: Workload | None, *, interval_ns: int) -> MachineMeter:
    """Return a meter for what the machine has. Takes a moment, half a second with a GPU.

    Args:
        policy: Supplies the power model and a replica's idle power, if it has any; `None` without a policy.
        workload: The served workload as the policy describes it: determines the GPUs; `None` when unknown.
        interval_ns: How often the meter will be read.

    Raises:
        MeasurementError: When a part of the machine has energy that cannot be read.
    """
    machine = describe_machine()
    gpus = _gpus(workload)
    domains, period_ns = _domains()
    idle_power = None if policy is None else policy.site.replica.idle_power
    given = None if idle_power is None else idle_power.value
    parts: list[EnergySource] = []
    sources: list[str] = []
    power = vcpu_power(this_processor(), policy.measurement.power_model if policy else None)
    if domains:
        guess = power.idle_watts_of(os.cpu_count() or machine.cpu_count)
        idle = IdlePower(None if gpus else given, guess=guess)
        parts.append(MeteredCpu(RaplCounter(domains), idle=idle, busy_s=busy_s))
        sources.append("RAPL")
    else:
        if policy is not None and policy.measurement.require == "measured":
            raise MeasurementError(
                "the policy requires measured energy, and this machine has no energy counter",
                where=policy.source,
                hint="Allow estimates with measurement.require: any",
            )
        cpus = min(float(machine.cpu_count), quota() or float("inf"))
        idle_watts = power.idle_watts * cpus if given is None or gpus else given
        parts.append(ModelledCpu(full_watts=power.full_watts, idle_watts=idle_watts, cpus=cpus))
        sources.append(power.described)
    if gpus:
        rest = None if given is None else max(0.0, given - sum(part.idle_watts for part in parts))
        parts.append(MeteredGpus(NvidiaCounter(gpus), idle=IdlePower(rest)))
        sources += dict.fromkeys(gpu.source for gpu in gpus)
    return MachineMeter(
        parts,
        cpu_time=CpuTimeTracker(ChildCpuTime(Descendants()), _peers(interval_ns)),
        method="measured" if domains else "estimated",
        source=" and ".join(sources),
        period_ns=max(period_ns, *(gpu.period_ns for gpu in gpus), 0),
    )


def busy_s() -> float:
    """Return the CPU time of all processes of the machine since it started, in seconds."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # A guest's time is already included in its host's user time.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


def quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return how many CPUs the container may use at a time; `None` without a limit."""
    try:
        allowed, period = (root / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            allowed = (root / "cpu" / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text("ascii").strip()
        except OSError:
            return None
    try:
        cpus = float(allowed) / float(period)
    except (ValueError, ZeroDivisionError):  # `max`
        return None
    return cpus if cpus > 0 else None


def _gpus(workload: Workload | None) -> tuple[Gpu, ...]:
    if workload is not None:
        gpus = find_gpus(selection_for(workload, os.environ))
    else:
        gpus = find_gpus(Selection(visible=os.environ.get("CUDA_VISIBLE_DEVICES")))
    unsupported = [gpu.label for gpu in gpus if gpu.source not in {COUNTER, POWER_SAMPLES}]
    if unsupported:
        raise MeasurementError(f"a Recorder reads only NVIDIA's GPUs, and this service may use {unsupported[0]}")
    return gpus


def _domains() -> tuple[tuple[Domain, ...], int]:
    """Return RAPL's counters of packages and memory, and their period; none where they cannot be read."""
    domains = rapl.find_domains()
    packages = [domain for domain in domains if domain.name.startswith("package") and domain.is_readable]
    own: dict[str, Domain] = {}
    for domain in sorted(packages, key=lambda one: "intel-rapl-mmio" in str(one.file)):
        own.setdefault(domain.name, domain)  # some also show the same counter through memory-mapped registers
    if not own or rapl.unreadable(domains):
        return (), 0
    periods_ns = [rapl.update_period_ns(domain.read) for domain in own.values()]
    if None in periods_ns:  # a counter that does not change
        return (), 0
    return (*own.values(), *rapl.memory_of(domains)), max(period or 0 for period in periods_ns)


def _peers(interval_ns: int) -> PeerTable | NoPeers:
    try:
        return PeerTable(interval_ns=interval_ns)
    except OSError:  # no directory for temporary files: several recorders may all count the machine's idle energy
        return NoPeers()
