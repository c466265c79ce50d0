"""The machine that measures."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass

from energygate.measure.processor import cpuinfo, this_processor


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What matters of a machine for trusting and comparing numbers.

    Attributes:
        cpu_model: The processor's name as the system reports it.
        cpu_count: Logical CPUs that this process may use: hardware threads, or cores that have only one.
        memory_bytes: Installed (or, in a virtual machine, assigned) memory.
        system: Operating system and release.
        virtual: Whether it is a virtual machine; `None` when unknown.
        can_pin: Whether processes can be pinned to CPUs.
        cpu_vendor: The processor's vendor: `AuthenticAMD`, `GenuineIntel`, `Arm`, ...; empty when unknown.
        cpu_family: CPUID's family; `None` for Arm, or when unknown.
        cpu_model_number: CPUID's model, or an Arm core's part number; `None` when unknown.
        cpu_stepping: CPUID's stepping; `None` for Arm, or when unknown.
    """

    cpu_model: str
    cpu_count: int
    memory_bytes: int
    system: str
    virtual: bool | None
    can_pin: bool
    cpu_vendor: str = ""
    cpu_family: int | None = None
    cpu_model_number: int | None = None
    cpu_stepping: int | None = None


def describe_machine() -> Machine:
    """Return the machine. Cheap: reads a few files, and no subprocess on Linux."""
    import psutil

    processor = this_processor()
    return Machine(
        cpu_model=processor.name,
        cpu_count=len(usable_cpus()) or os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        virtual=_is_virtual(),
        can_pin=bool(usable_cpus()),
        cpu_vendor=processor.vendor,
        cpu_family=processor.family,
        cpu_model_number=processor.model,
        cpu_stepping=processor.stepping,
    )


def usable_cpus() -> tuple[int, ...]:
    """Return the CPUs that this process may use, in order; empty where the system has no affinity calls."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def asleep_s() -> float:
    """Return how long the machine has been suspended since boot, in seconds; 0 when unknown."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _is_virtual() -> bool | None:
    flags = next((line for line in cpuinfo().splitlines() if line.startswith("flags")), None)
    return None if flags is None else "hypervisor" in flags.split()
