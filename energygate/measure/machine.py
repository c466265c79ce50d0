"""The machine that measures."""

from __future__ import annotations

import os
import platform
import time

from energygate.document import DocumentPart
from energygate.measure.processor import cpuinfo, this_processor


class MachineResult(DocumentPart):
    """The machine that measured."""

    cpu_model: str
    cpu_count: int  # logical ones that this process may use
    memory_bytes: int  # installed, or assigned to a virtual machine
    system: str
    virtual: bool | None  # null when unknown
    can_pin: bool  # processes to CPUs


def describe_machine() -> MachineResult:
    """Return the machine. Cheap: reads a few files, and no subprocess on Linux."""
    import psutil

    return MachineResult(
        cpu_model=this_processor().name,
        cpu_count=len(usable_cpus()) or os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        virtual=_is_virtual(),
        can_pin=bool(usable_cpus()),
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
