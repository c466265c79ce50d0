"""One GPU: what is read of it, and what a reader of its joules should know."""

from __future__ import annotations

from dataclasses import dataclass

COUNTER = "NVML"
POWER_SAMPLES = "NVML power, sampled once a second"
"""What codecarbon reads of an NVIDIA GPU with and without a counter."""

COUNTER_UNCERTAINTY = 0.05
"""NVML's power is specified to plus or minus 5 % (`nvmlDeviceGetPowerUsage` in NVIDIA's NVML reference)."""

SAMPLES_UNCERTAINTY = 0.35
"""NVML's power covers a quarter of the time on some GPUs; correcting for that took 35 % of error away on average
(Yang, Adamek, Armour, SC'24, arXiv:2312.02741)."""

SAMPLE_PERIOD_NS = 1_000_000_000
"""How often codecarbon asks a GPU without a counter for its power."""

MAX_WATTS = 2000.0
"""A bound for GPUs whose driver names no limit: more than any GPU sold takes (NVIDIA GB300: 1400 W)."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU that a workload may use.

    Attributes:
        index: Its place in the driver's list, by which codecarbon knows it.
        uuid: Its unique name.
        name: Its model.
        max_watts: The most it may draw, as its driver enforces it.
        period_ns: How often what is read of it changes: the counter's own period, or that of the samples.
        has_counter: Whether it counts energy; power samples stand in for a counter.
        source: What is read, in words.
        citation: Where that is described.
        uncertainty: Relative uncertainty of absolute joules.
        mig: Whether it is split into instances, of which none has a counter of its own.
        shared_with: Process ids of others that compute on it.
    """

    index: int
    uuid: str
    name: str
    max_watts: float
    period_ns: int
    has_counter: bool = True
    source: str = COUNTER
    citation: str = "NVIDIA NVML, nvmlDeviceGetTotalEnergyConsumption"
    uncertainty: float = COUNTER_UNCERTAINTY
    mig: bool = False
    shared_with: tuple[int, ...] = ()

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"GPU {self.index} ({self.name})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its joules should know, as sentences."""
        notes = []
        if self.shared_with:
            others = len(self.shared_with)
            who = "1 other process; its" if others == 1 else f"{others} other processes; their"
            notes.append(f"GPU {self.index} is used by {who} energy is in the reading")
        if self.mig:
            notes.append(
                f"GPU {self.index} is split by MIG; the reading is the whole GPU's, all instances together"
            )
        if not self.has_counter:
            notes.append(f"GPU {self.index} has no energy counter; its energy is {self.source}")
        return tuple(notes)
