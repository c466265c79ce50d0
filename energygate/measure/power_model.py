"""Watts per vCPU by processor family: what a machine without an energy counter is judged by."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class VcpuPower:
    """Power of one virtual CPU, one row of `data/vcpu_power.csv`.

    Attributes:
        family: The processor family the row is for.
        idle_watts: Its share of the server's power at idle.
        full_watts: Its share at full load.
        uncertainty: Relative uncertainty of both, for a processor of this family in some server.
        source: Where the watts come from.
    """

    family: str
    idle_watts: float
    full_watts: float
    uncertainty: float
    source: str

    def energy_joules(self, cpu_ns: int) -> float:
        """Energy of that much CPU time, in joules.

        Linear in CPU time, at the watts of full load, because a CPU is at full load while it works: spreading
        the same CPU-seconds over more cores, or over a longer time, does not change what they cost.
        """
        return self.full_watts * cpu_ns * 1e-9


def vcpu_power(cpu_model: str) -> VcpuPower:
    """The first row whose pattern is found in the processor's name; the last row fits every name."""
    table = resources.files("energygate.measure") / "data" / "vcpu_power.csv"
    with table.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if re.search(row["pattern"], cpu_model):
                return VcpuPower(
                    family=row["family"],
                    idle_watts=float(row["idle_watts"]),
                    full_watts=float(row["full_watts"]),
                    uncertainty=float(row["uncertainty"]),
                    source=row["source"],
                )
    raise AssertionError("the table's last row fits every name")
