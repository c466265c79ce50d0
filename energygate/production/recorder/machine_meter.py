"""The meter of a live service: counters where the machine has some, else the power model.

Whatever a meter needs is imported with this module, and nothing later: see `forks`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil
import pynvml  # noqa: F401 - for those that ask GPUs

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import COUNTER, POWER_SAMPLES
from energygate.measure.gpus.find import find_gpus
from energygate.measure.gpus.visible import Selection, selection_for
from energygate.measure.machine import describe_machine
from energygate.measure.meters import rapl
from energygate.measure.power_model import vcpu_power
from energygate.production.recorder.attribution import IdlePower, MeteredCpu, MeteredGpus
from energygate.production.recorder.children import ChildCpuTime, Descendants
from energygate.production.recorder.cpu_time import CpuTimeTracker
from energygate.production.recorder.hardware_counters import NvidiaCounter, RaplCounter
from energygate.production.recorder.modelled import ModelledCpu
from energygate.production.recorder.peers import NoPeers, PeerTable
from energygate.production.recorder.samples import SampleEnergy
from energygate.production.recorder.snapshot import MeterInfo
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.meters.rapl import Domain
    from energygate.policy import Policy, Workload
    from energygate.production.recorder.cpu_time import CpuUsage
    from energygate.production.recorder.peers import Peers
    from energygate.production.recorder.samples import SampleWindow


class EnergySource(Protocol):
    """One part of the machine that energy is known of."""

    @property
    def idle_watts(self) -> float:
        """What it draws at rest."""

    def begin(self) -> None:
        """OwnUsage for the first time."""

    def energy(self, window: SampleWindow, spending: CpuUsage) -> SampleEnergy:
        """This process's part of the joules since the last look."""


class MachineMeter:
    """All parts of a machine together.

    Args:
        parts: Each with its own joules.
        purse: Adds up this process's CPU time.
        method: `measured` only if that of every part is.
        source: Where the joules come from, in words.
        period_ns: How often the slowest part moves.
    """

    def __init__(
        self,
        parts: Sequence[EnergySource],
        *,
        purse: CpuTimeTracker,
        method: str,
        source: str,
        period_ns: int = 0,
    ) -> None:
        self._parts = parts
        self._purse = purse
        self._method = method
        self._source = source
        self.period_ns = period_ns

    @property
    def info(self) -> MeterInfo:
        """How its joules come about."""
        return MeterInfo(
            method=self._method,
            source=self._source,
            version=__version__,
            idle_watts=sum(part.idle_watts for part in self._parts),
        )

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._purse.begin()
        for part in self._parts:
            part.begin()

    def read(self, window: SampleWindow) -> SampleEnergy:
        """This process's part of the joules since the last look."""
        spending = self._purse.spent(window)
        total = SampleEnergy(requests_joules=0.0, idle_joules=0.0)
        for part in self._parts:
            try:
                total += part.energy(window, spending)
            except MeasurementError as trouble:  # noqa: PERF203 - a handful of parts
                total = replace(total, missing=(*total.missing, str(trouble)))
        return total

    def close(self) -> None:
        """Tell the machine's other recorders that this one is gone."""
        self._purse.close()


def open_meter(policy: Policy | None, workload: Workload | None, *, interval_ns: int) -> MachineMeter:
    """Find out what the machine has. Takes a moment, half a second with a GPU.

    Args:
        policy: Its power model and its replica's power at rest count, if it has any; `None` without a policy.
        workload: What the service serves, as the policy has it: says which GPUs; `None` when that is unknown.
        interval_ns: How often the meter will be read.

    Raises:
        MeasurementError: When there is something whose energy cannot be read.
    """
    machine = describe_machine()
    gpus = _gpus(workload)
    domains, period_ns = _domains()
    given = _idle_watts(policy)
    parts: list[EnergySource] = []
    sources: list[str] = []
    power = vcpu_power(machine, policy.measurement.power_model if policy else None)
    if domains:
        guess = power.idle_watts_of(os.cpu_count() or machine.cpu_count)
        rest = IdlePower(None if gpus else given, guess=guess)
        parts.append(MeteredCpu(RaplCounter(domains), rest=rest, busy_s=busy_s))
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
        beside = None if given is None else max(0.0, given - sum(part.idle_watts for part in parts))
        parts.append(MeteredGpus(NvidiaCounter(gpus), rest=IdlePower(beside)))
        sources += dict.fromkeys(gpu.source for gpu in gpus)
    return MachineMeter(
        parts,
        purse=CpuTimeTracker(ChildCpuTime(Descendants()), _neighbours(interval_ns)),
        method="measured" if domains else "estimated",
        source=" and ".join(sources),
        period_ns=max(period_ns, *(gpu.period_ns for gpu in gpus), 0),
    )


def busy_s() -> float:
    """CPU time of all processes of the machine since it started, in seconds."""
    times = psutil.cpu_times()
    resting = times.idle + getattr(times, "iowait", 0.0)
    # A guest's time is in that of its host's user already.
    twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - resting - twice)


def quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How many CPUs the container may use at a time; `None` without a limit."""
    try:
        most, period = (root / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            most = (root / "cpu" / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text("ascii").strip()
        except OSError:
            return None
    try:
        cpus = float(most) / float(period)
    except (ValueError, ZeroDivisionError):  # `max`
        return None
    return cpus if cpus > 0 else None


def _gpus(workload: Workload | None) -> tuple[Gpu, ...]:
    if workload is not None:
        gpus = find_gpus(selection_for(workload, os.environ))
    else:
        gpus = find_gpus(Selection(visible=os.environ.get("CUDA_VISIBLE_DEVICES")))
    strange = [gpu.called for gpu in gpus if gpu.source not in {COUNTER, POWER_SAMPLES}]
    if strange:
        raise MeasurementError(f"a Recorder reads NVIDIA's GPUs only, and this service may use {strange[0]}")
    return gpus


def _domains() -> tuple[tuple[Domain, ...], int]:
    """RAPL's counters of packages and memory, each once, and how often they move; none where they cannot be read."""
    domains = rapl.find_domains()
    packages = [domain for domain in domains if domain.name.startswith("package") and domain.is_readable]
    own: dict[str, Domain] = {}
    for domain in sorted(packages, key=lambda one: "intel-rapl-mmio" in str(one.file)):
        own.setdefault(domain.name, domain)  # some show the same counter through memory-mapped registers, too
    if not own or rapl.unreadable(domains):
        return (), 0
    periods_ns = [rapl.update_period_ns(domain.read) for domain in own.values()]
    if None in periods_ns:  # they stand still
        return (), 0
    return (*own.values(), *rapl.memory_of(domains)), max(period or 0 for period in periods_ns)


def _idle_watts(policy: Policy | None) -> float | None:
    replica = getattr(policy.site, "replica", None) if policy else None
    power = getattr(replica, "idle_power", None)
    return None if power is None else float(power.value)


def _neighbours(interval_ns: int) -> Peers:
    try:
        return PeerTable(interval_ns=interval_ns)
    except (
        OSError
    ):  # no place for temporary files: what this machine draws at rest may be counted several times
        return NoPeers()
