"""Watts per vCPU by processor: what a machine without an energy counter is judged by."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass, replace
from enum import Enum
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.measure.machine import Machine
    from energygate.policy.measurement import PowerModel

POLICY_UNCERTAINTY = 0.30
"""Of a team's own watts: as much as of a table row that knows the processor's name. However good their meter, the
model gives equal energy to equal CPU time, whatever the instructions and whoever shares the chip."""


class How(str, Enum):
    """How the watts of a machine were found."""

    EXACT = "exact"
    """The table knows the processor's name."""

    FAMILY = "family"
    """The name is masked or new; its CPUID family and model, its Arm part number, or at least its vendor is known."""

    AVERAGE = "average"
    """Nothing is known of it: the average of all families."""

    POLICY = "policy"
    """The policy's own `power_model`."""


@dataclass(frozen=True, kw_only=True)
class VcpuPower:
    """Power of one virtual CPU: a logical CPU as the machine shows it, so half a core where cores have two threads.

    Attributes:
        family: The processors that the watts are for, or the policy where they are its own.
        how: How they were found for this machine.
        idle_watts: One vCPU's share of the server's power at idle.
        full_watts: Its share at full load.
        uncertainty: Relative uncertainty of both, for a processor of this family in some server.
        source: Where the watts come from, in words.
        citation: Where to read that up.
    """

    family: str
    how: How
    idle_watts: float
    full_watts: float
    uncertainty: float
    source: str
    citation: str

    @property
    def described(self) -> str:
        """Which row it is, how it was found, and its watts, in words."""
        watts = f"{self.full_watts:.2f} W per vCPU at full load"
        if self.how is How.POLICY:
            return f"the policy's power_model, {watts}"
        found = {How.EXACT: "by name", How.FAMILY: "by family", How.AVERAGE: "unknown processor"}[self.how]
        return f"power model row {self.family} ({found}), {watts}"

    def energy_joules(self, cpu_ns: int) -> float:
        """Energy of that much CPU time, in joules: gross, with the idle share of the CPUs while they work.

        Linear in CPU time, at the watts of full load, because a CPU is at full load while it works. Its idle
        watts are in it, as they are in what a counter reads: a vCPU that works is a vCPU that cannot be given
        to somebody else. Spreading the same CPU-seconds over more cores, or over a longer time, does not change
        what they cost. Idle time costs nothing here; it is shown apart.
        """
        return self.full_watts * cpu_ns * 1e-9

    def active_joules(self, cpu_ns: int) -> float:
        """What that much CPU time adds to an idle machine, in joules: never more than `energy_joules`."""
        return (self.full_watts - self.idle_watts) * cpu_ns * 1e-9

    def idle_watts_of(self, cpu_count: int) -> float:
        """Power of a machine of that many logical CPUs that does nothing, in watts."""
        return self.idle_watts * cpu_count


@dataclass(frozen=True, kw_only=True)
class _Row:
    names: re.Pattern[str] | None
    vendors: frozenset[str]
    family: int | None
    models: tuple[range, ...]
    steppings: tuple[range, ...]
    power: VcpuPower

    def knows_name(self, machine: Machine) -> bool:
        return self.names is not None and self.names.search(machine.cpu_model) is not None

    def knows_numbers(self, machine: Machine) -> bool:
        return (
            machine.cpu_vendor in self.vendors
            and machine.cpu_family == self.family
            and any(machine.cpu_model_number in models for models in self.models)
            and (not self.steppings or any(machine.cpu_stepping in some for some in self.steppings))
        )

    def knows_vendor(self, machine: Machine) -> bool:
        return not self.models and machine.cpu_vendor in self.vendors


def vcpu_power(machine: Machine, override: PowerModel | None = None) -> VcpuPower:
    """The watts of this machine's vCPUs.

    The policy's own if it has any; else the table's row for the processor's name, for its family and model
    numbers, for its vendor, or the average, whichever comes first.

    Args:
        machine: Its processor's name and numbers count.
        override: The policy's `measurement.power_model`; `None` when it has none.
    """
    if override is not None:
        return VcpuPower(
            family="the policy's power_model",
            how=How.POLICY,
            idle_watts=override.idle.value,
            full_watts=override.full.value,
            uncertainty=POLICY_UNCERTAINTY,
            source=override.source,
            citation="measurement.power_model in the policy",
        )
    rows = _rows()
    for knows in (_Row.knows_name, _Row.knows_numbers, _Row.knows_vendor):
        for row in rows:
            if knows(row, machine):
                return replace(row.power, how=How.EXACT if knows is _Row.knows_name else How.FAMILY)
    return rows[-1].power


@functools.lru_cache(maxsize=1)
def _rows() -> tuple[_Row, ...]:
    table = resources.files("energygate.measure") / "data" / "vcpu_power.csv"
    with table.open(encoding="utf-8") as lines:
        return tuple(_row(**row) for row in csv.DictReader(lines))


def _row(*, names: str, vendors: str, cpu_family: str, cpu_models: str, steppings: str, **power: str) -> _Row:
    return _Row(
        names=re.compile(names, re.IGNORECASE) if names else None,
        vendors=frozenset(vendors.split()),
        family=int(cpu_family) if cpu_family else None,
        models=_ranges(cpu_models),
        steppings=_ranges(steppings),
        power=VcpuPower(
            family=power["family"],
            how=How.AVERAGE,
            idle_watts=float(power["idle_watts"]),
            full_watts=float(power["full_watts"]),
            uncertainty=float(power["uncertainty"]),
            source=power["source"],
            citation=power["citation"],
        ),
    )


def _ranges(text: str) -> tuple[range, ...]:
    """Read `16-31 160-175 0xd49`: numbers and spans of numbers, ends included."""
    spans = (part.partition("-") for part in text.split())
    return tuple(range(int(low, 0), int(high or low, 0) + 1) for low, _, high in spans)
