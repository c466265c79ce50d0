"""The processor: its name, and the numbers that identify its family where the name is masked."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ARM_VENDORS = {
    0x41: "Arm",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x51: "Qualcomm",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}
"""Vendors by `CPU implementer` (Linux, arch/arm64/include/asm/cputype.h)."""

_ARM_PARTS = {
    0xD0C: "Neoverse-N1",
    0xD40: "Neoverse-V1",
    0xD49: "Neoverse-N2",
    0xD4F: "Neoverse-V2",
    0xD84: "Neoverse-V3",
    0xD8E: "Neoverse-N3",
}
"""Arm's own server cores by `CPU part` (the same file)."""

_COBALT_100 = ("Microsoft", 0xD49)
"""Microsoft's Neoverse-N2, under Microsoft's implementer number (the same file)."""

_BRAND_TIMEOUT_S = 5


@dataclass(frozen=True, kw_only=True)
class Processor:
    """The model of a logical CPU; all CPUs of a machine are assumed to be alike.

    Attributes:
        name: Its name in the system; derived from the numbers where it has none, `unknown` without either.
        vendor: As CPUID spells it (`AuthenticAMD`, `GenuineIntel`), or the company behind an Arm implementer number.
        family: CPUID's family; `None` for Arm, or when unknown.
        model: CPUID's model, or an Arm core's part number; `None` when unknown.
        stepping: CPUID's stepping; `None` for Arm, or when unknown.
    """

    name: str
    vendor: str = ""
    family: int | None = None
    model: int | None = None
    stepping: int | None = None


def this_processor() -> Processor:
    """Return the processor: from a file on Linux, the registry on Windows, `sysctl` on macOS."""
    if sys.platform == "darwin":
        vendor = "Apple" if platform.machine() == "arm64" else ""
        return Processor(name=_brand_string() or _fallback_name(), vendor=vendor)
    if sys.platform == "win32":
        return from_identifier(platform.processor(), name=_registry_name())
    return from_cpuinfo(cpuinfo())


def from_cpuinfo(text: str) -> Processor:
    """Parse the first processor of a `/proc/cpuinfo` of x86, or of Arm, which has no name in it."""
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    implementer, part = _number(facts.get("CPU implementer")), _number(facts.get("CPU part"))
    if implementer is not None:
        vendor = _ARM_VENDORS.get(implementer, f"Arm implementer 0x{implementer:02x}")
        return Processor(name=facts.get("model name") or _arm_name(vendor, part), vendor=vendor, model=part)
    return Processor(
        name=facts.get("model name") or _fallback_name(),
        vendor=facts.get("vendor_id", ""),
        family=_number(facts.get("cpu family")),
        model=_number(facts.get("model")),
        stepping=_number(facts.get("stepping")),
    )


def from_identifier(identifier: str, *, name: str) -> Processor:
    """Parse Windows' identifier, such as `AMD64 Family 25 Model 1 Stepping 1, AuthenticAMD`.

    Args:
        identifier: The value of `platform.processor()`.
        name: The processor's name in the registry; empty when it has none.
    """
    vendor = identifier.rpartition(",")[2].strip() if "," in identifier else ""
    name = name.strip() or identifier.strip() or _fallback_name()
    if arm := re.search(r"^ARM.* Model ([0-9A-F]+)", identifier):
        return Processor(name=name, vendor=vendor or "Arm", model=int(arm[1], 16))
    if x86 := re.search(r"Family (\d+) Model (\d+) Stepping (\d+)", identifier):
        family, model, stepping = (int(number) for number in x86.groups())
        return Processor(name=name, vendor=vendor, family=family, model=model, stepping=stepping)
    return Processor(name=name, vendor=vendor)


def cpuinfo() -> str:
    """Return `/proc/cpuinfo`; empty where there is none."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _arm_name(vendor: str, part: int | None) -> str:
    if (vendor, part) == _COBALT_100:
        return "Microsoft Azure Cobalt 100"
    if part is None:
        return vendor
    if vendor == "Arm" and part in _ARM_PARTS:
        return f"Arm {_ARM_PARTS[part]}"
    return f"{vendor} part 0x{part:03x}"


def _number(text: str | None) -> int | None:
    try:
        return int(text or "", 0)
    except ValueError:
        return None


def _fallback_name() -> str:
    return platform.processor() or platform.machine() or "unknown"


def _brand_string() -> str:
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_BRAND_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _registry_name() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as place:
            return str(winreg.QueryValueEx(place, "ProcessorNameString")[0])
    except OSError:
        return ""
