"""Watts per vCPU by processor, for machines without an energy counter."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass, replace
from enum import Enum
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.measure.processor import Processor
    from energygate.policy.measurement import PowerModel

POLICY_UNCERTAINTY = 0.30
"""Uncertainty of a team's own watts: that of a table row for the exact processor. However good their meter, the model
gives equal energy to equal CPU time, whatever the instructions and the other load on the chip."""


class How(str, Enum):
    """How the watts of a machine were determined."""

    EXACT = "exact"
    """The table has the processor's name."""

    FAMILY = "family"
    """The name is masked or new, but the CPUID family and model, the Arm part number, or the vendor is known."""

    AVERAGE = "average"
    """The processor is unknown: the average of all families."""

    POLICY = "policy"
    """The policy's own `power_model`."""


@dataclass(frozen=True, kw_only=True)
class VcpuPower:
    """Power of one vCPU: a logical CPU as the machine shows it, so half a core where cores have two threads.

    Attributes:
        family: The processors that the watts are for, or the policy.
        how: How they were determined for this machine.
        idle_watts: One vCPU's share of the server's power at idle.
        full_watts: Its share at full load.
        uncertainty: Relative uncertainty of both, for a processor of this family in some server.
        source: Where the watts come from.
        citation: The reference for it.
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
        """The row, how it was determined, and its watts, in words."""
        watts = f"{self.full_watts:.2f} W per vCPU at full load"
        if self.how is How.POLICY:
            return f"the policy's power_model, {watts}"
        how = {How.EXACT: "by name", How.FAMILY: "by family", How.AVERAGE: "unknown processor"}[self.how]
        return f"power model row {self.family} ({how}), {watts}"

    def energy_joules(self, cpu_ns: int) -> float:
        """Return the gross energy of that much CPU time, in joules.

        It is linear in CPU time, at the watts of full load, because a CPU is at full load while it works. Idle watts
        are included, as in a counter's reading: a busy vCPU is not available to others. The same CPU-seconds cost the
        same on more cores, or over a longer time. Idle time is not included; it is reported separately.
        """
        return self.full_watts * cpu_ns * 1e-9

    def idle_watts_of(self, cpu_count: int) -> float:
        """Return the power of an idle machine with that many logical CPUs, in watts."""
        return self.idle_watts * cpu_count


@dataclass(frozen=True, kw_only=True)
class _Row:
    names: re.Pattern[str] | None
    vendors: frozenset[str]
    family: int | None
    models: tuple[range, ...]
    steppings: tuple[range, ...]
    power: VcpuPower

    def knows_name(self, processor: Processor) -> bool:
        return self.names is not None and self.names.search(processor.name) is not None

    def knows_numbers(self, processor: Processor) -> bool:
        return (
            processor.vendor in self.vendors
            and processor.family == self.family
            and any(processor.model in models for models in self.models)
            and (not self.steppings or any(processor.stepping in some for some in self.steppings))
        )

    def knows_vendor(self, processor: Processor) -> bool:
        return not self.models and processor.vendor in self.vendors


def vcpu_power(processor: Processor, override: PowerModel | None = None) -> VcpuPower:
    """Return the watts of this machine's vCPUs.

    They are the policy's own if it has any, else those of the first table row that matches the processor's name, its
    family and model numbers, or its vendor, else the average.

    Args:
        processor: The machine's processor.
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
            if knows(row, processor):
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
    """Parse `16-31 160-175 0xd49`: numbers and ranges, ends included."""
    spans = (part.partition("-") for part in text.split())
    return tuple(range(int(low, 0), int(high or low, 0) + 1) for low, _, high in spans)
