"""Facts about the machine a result was measured on."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine, as far as it matters for trusting and comparing numbers.

    Attributes:
        cpu_model: The processor's name as the system gives it.
        cpu_count: Logical CPUs that this process may use.
        memory_bytes: Installed (or, in a virtual machine, assigned) memory.
        system: Operating system and release.
        virtual: Whether it is a virtual machine; `None` when unknown.
        can_pin: Whether worker processes can be bound to CPUs.
    """

    cpu_model: str
    cpu_count: int
    memory_bytes: int
    system: str
    virtual: bool | None
    can_pin: bool


def describe_machine() -> Machine:
    """Look at the machine. Cheap: a few files, no subprocess on Linux."""
    import psutil

    return Machine(
        cpu_model=cpu_model(),
        cpu_count=len(usable_cpus()) or os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        virtual=_is_virtual(),
        can_pin=bool(usable_cpus()),
    )


def usable_cpus() -> tuple[int, ...]:
    """CPUs that this process may run on, in order; empty where the system has no affinity calls."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def asleep_s() -> float:
    """Time since boot that the machine has been suspended, in seconds; 0 where the system does not say."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def cpu_model() -> str:
    """The processor's name; `unknown` when the system does not say."""
    for line in _cpuinfo().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _is_virtual() -> bool | None:
    flags = next((line for line in _cpuinfo().splitlines() if line.startswith("flags")), None)
    return None if flags is None else "hypervisor" in flags.split()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
