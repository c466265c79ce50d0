"""One GPU: what is read of it, and caveats about its joules."""

from __future__ import annotations

from dataclasses import dataclass

COUNTER = "NVML"
POWER_SAMPLES = "NVML power, sampled once a second"
"""What codecarbon reads of an NVIDIA GPU, with and without a counter."""

COUNTER_UNCERTAINTY = 0.05
"""NVML's power is specified to plus or minus 5 % (`nvmlDeviceGetPowerUsage` in NVIDIA's NVML reference)."""

SAMPLES_UNCERTAINTY = 0.35
"""On some GPUs NVML samples power a quarter of the time; correcting for that removed 35 % of error on average
(Yang, Adamek, Armour, SC'24, arXiv:2312.02741)."""

SAMPLE_PERIOD_NS = 1_000_000_000
"""Period at which codecarbon samples the power of a GPU without a counter."""

MAX_WATTS = 2000.0
"""For GPUs whose driver reports no power limit: more than any GPU sold draws (NVIDIA GB300: 1400 W)."""


@dataclass(frozen=True, kw_only=True)
class ListedGpu:
    """A GPU as the driver lists it.

    Attributes:
        index: Its index in the driver's list, which is in PCI bus order; codecarbon's, too.
        uuid: Its UUID, `GPU-…`.
        name: Its model.
        mig_uuids: UUIDs of its MIG instances.
    """

    index: int
    uuid: str
    name: str
    mig_uuids: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"GPU {self.index} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class Gpu(ListedGpu):
    """One GPU that a workload may use.

    Attributes:
        max_watts: The power limit that its driver enforces.
        period_ns: Update period of its counter, or of the power samples.
        has_counter: Whether it has an energy counter; otherwise power is sampled.
        source: What is read.
        citation: Where that is documented.
        uncertainty: Relative uncertainty of absolute joules.
        mig: Whether it is partitioned into MIG instances, which have no counters of their own.
        shared_with: Process ids of other processes that compute on it.
    """

    max_watts: float
    period_ns: int
    has_counter: bool = True
    source: str = COUNTER
    citation: str = "NVIDIA NVML, nvmlDeviceGetTotalEnergyConsumption"
    uncertainty: float = COUNTER_UNCERTAINTY
    mig: bool = False
    shared_with: tuple[int, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats about its joules, as sentences."""
        notes = []
        if self.shared_with:
            others = len(self.shared_with)
            who = "1 other process; its" if others == 1 else f"{others} other processes; their"
            notes.append(f"GPU {self.index} is used by {who} energy is included")
        if self.mig:
            notes.append(
                f"GPU {self.index} is partitioned by MIG; the reading is of the whole GPU, all instances together"
            )
        if not self.has_counter:
            notes.append(f"GPU {self.index} has no energy counter; its energy is {self.source}")
        return tuple(notes)
