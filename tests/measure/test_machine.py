"""The name and numbers of this machine's processor, as Linux, macOS and Windows report them."""

from __future__ import annotations

import os
import platform

import pytest

from energygate.measure import processor
from energygate.measure.machine import describe_machine
from energygate.measure.processor import Processor, cpuinfo, from_cpuinfo, from_identifier, this_processor

MILAN = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7763 64-Core Processor
stepping\t: 1
flags\t\t: fpu vme hypervisor
power management:

processor\t: 1
vendor_id\t: AuthenticAMD
cpu family\t: 99
model\t\t: 99
model name\t: another
stepping\t: 9
"""


def arm(implementer, part):
    return f"""\
processor\t: 0
BogoMIPS\t: 2000.00
Features\t: fp asimd
CPU implementer\t: {implementer}
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 0
"""


def test_the_first_processor_of_cpuinfo_is_read():
    expected = Processor(name="AMD EPYC 7763 64-Core Processor", vendor="AuthenticAMD", family=25, model=1, stepping=1)
    assert from_cpuinfo(MILAN) == expected


@pytest.mark.parametrize(
    ("implementer", "part", "name", "vendor"),
    [
        ("0x41", "0xd0c", "Arm Neoverse-N1", "Arm"),
        ("0x41", "0xd49", "Arm Neoverse-N2", "Arm"),
        ("0x6d", "0xd49", "Microsoft Azure Cobalt 100", "Microsoft"),
        ("0x41", "0xd40", "Arm Neoverse-V1", "Arm"),
        ("0x41", "0xd4f", "Arm Neoverse-V2", "Arm"),
        ("0x41", "0xd03", "Arm part 0xd03", "Arm"),
        ("0x61", "0x000", "Apple part 0x000", "Apple"),
        ("0xc0", "0xac3", "Ampere part 0xac3", "Ampere"),
        ("0x99", "0x001", "Arm implementer 0x99 part 0x001", "Arm implementer 0x99"),
    ],
)
def test_arm_has_no_model_name_so_one_is_made_from_its_numbers(implementer, part, name, vendor):
    found = from_cpuinfo(arm(implementer, part))
    assert found == Processor(name=name, vendor=vendor, model=int(part, 0))


@pytest.mark.parametrize("text", ["", "processor: 0\n", "cpu family: unheard of\nmodel: \n"])
def test_without_information_there_is_a_name_and_no_numbers(text):
    found = from_cpuinfo(text)
    assert found.name
    assert (found.vendor, found.family, found.model, found.stepping) == ("", None, None, None)


def test_a_system_without_any_name_is_unknown(monkeypatch):
    monkeypatch.setattr(platform, "processor", str)
    monkeypatch.setattr(platform, "machine", str)
    assert from_cpuinfo("").name == "unknown"


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [
        (
            "AMD64 Family 25 Model 17 Stepping 1, AuthenticAMD",
            "AMD EPYC 9V74 80-Core Processor                ",
            Processor(name="AMD EPYC 9V74 80-Core Processor", vendor="AuthenticAMD", family=25, model=17, stepping=1),
        ),
        (
            "Intel64 Family 6 Model 106 Stepping 6, GenuineIntel",
            "",
            Processor(
                name="Intel64 Family 6 Model 106 Stepping 6, GenuineIntel",
                vendor="GenuineIntel",
                family=6,
                model=106,
                stepping=6,
            ),
        ),
        (
            "ARMv8 (64-bit) Family 8 Model D49 Revision   0, Microsoft",
            "Cobalt 100",
            Processor(name="Cobalt 100", vendor="Microsoft", model=0xD49),
        ),
        ("ARMv8 (64-bit) Family 8 Model D0C Revision 301", "", None),
        ("", "Some processor", Processor(name="Some processor")),
    ],
)
def test_windows_identifier_is_read(identifier, name, expected):
    found = from_identifier(identifier, name=name)
    assert found == (expected or Processor(name=identifier, vendor="Arm", model=0xD0C))


def test_macos_asks_sysctl_for_the_brand(monkeypatch, tmp_path):
    """With a stand-in `sysctl`: the real subprocess, the real reading of what it prints."""
    sysctl = tmp_path / "sysctl"
    sysctl.write_text('#!/bin/sh\necho "Apple M1 (Virtual)"\n', "utf-8")
    sysctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(processor.sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(processor, "_BRAND_TIMEOUT_S", 60)
    assert this_processor() == Processor(name="Apple M1 (Virtual)", vendor="Apple")


def test_macos_without_sysctl_still_has_a_name(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(processor.sys, "platform", "darwin")
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert this_processor().name == "arm"


def test_this_machine_is_described_with_its_processors_name():
    machine = describe_machine()
    assert machine.cpu_model == this_processor().name
    assert machine.cpu_count >= 1


@pytest.mark.skipif(not cpuinfo(), reason="only Linux has a cpuinfo to check against")
def test_linux_always_reports_the_vendor():
    assert this_processor().vendor
    assert this_processor().model is not None
