"""What `doctor` prints."""

from __future__ import annotations

import pytest
from builders import component_result

from energygate.measure.machine import MachineResult
from energygate.report.diagnosis import Diagnosis, SelfTest, diagnosis_lines

RAPL = component_result(
    method="measured",
    device="Intel Xeon Gold 6338",
    source="RAPL",
    uncertainty=0.05,
    period_ms=1.0,
    max_watts=615.0,
)
CARD = component_result(
    name="gpu",
    method="measured",
    device="NVIDIA A100 (GPU 0)",
    source="NVML",
    uncertainty=0.05,
    period_ms=100.0,
)


def diagnosis(**fields):
    defaults = {
        "energygate_version": "1.2.3",
        "codecarbon_version": "3.3.2",
        "created": "2026-03-01T10:00:00+00:00",
        "machine": MachineResult(
            cpu_model="AMD EPYC 7763 64-Core Processor",
            cpu_count=4,
            memory_bytes=16 * 2**30,
            system="Linux 6.8",
            virtual=True,
            can_pin=True,
        ),
        "method": "estimated",
        "components": (component_result(),),
        "min_window_ms": 5.0,
        "idle_watts": 1.78,
        "idle_method": "estimated",
        "require": "any",
        "fit": True,
        "advice": (),
        "self_test": None,
    }
    return Diagnosis(**{**defaults, **fields})


def test_a_virtual_machine():
    lines = diagnosis_lines(diagnosis(advice=("Do this", "Mind that")))
    assert lines == [
        "✓ Energy is estimated on this machine: changes can be gated, absolute numbers are rough",
        "",
        "  machine  AMD EPYC 7763 64-Core Processor, 4 CPUs, virtual, 16 GiB, Linux 6.8",
        (
            "  cpu      estimated, AMD EPYC 7763: power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load"
            ", ± 30 %"
        ),
        "           as described in Cloud Carbon Footprint coefficients 2023-05, Azure",
        "  gpu      none found",
        "  dram     no counter: memory is left out of the numbers",
        "  idle     1.78 W, estimated",
        "  windows  of 5.00 ms or more; shorter ones are too coarse",
        "",
        "Advice",
        "  - Do this",
        "  - Mind that",
    ]


def test_a_machine_with_counters():
    lines = diagnosis_lines(diagnosis(method="measured", components=(RAPL, CARD), min_window_ms=1000.0))
    assert lines[0] == "✓ Energy is measured on this machine"
    assert "  cpu      measured, Intel Xeon Gold 6338: RAPL, moves every 1.00 ms, ± 5 %" in lines
    assert "  gpu      measured, NVIDIA A100 (GPU 0): NVML, moves every 100 ms, ± 5 %" in lines


def test_an_unsuitable_machine_is_reported_first():
    first = diagnosis_lines(diagnosis(require="measured", fit=False))[0]
    assert first == "✗ `require: measured` cannot be met: this machine has no energy counter that can be read"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            SelfTest(seconds=10.2, launches=6, scatter=0.0061, resolvable=0.0042),
            (
                "the same code against itself: 0.61 % scatter in 6 launches; "
                "back to back on one thread, a minute should show a change of 0.42 %"
            ),
        ),
        (
            SelfTest(seconds=31.0, launches=2, scatter=0.02, resolvable=None),
            "the same code against itself: 2 % scatter in 2 launches, too few to say more",
        ),
    ],
)
def test_the_self_test(found, line):
    assert f"  self-test  {line}" in diagnosis_lines(diagnosis(self_test=found))


def test_a_system_that_cannot_pin_processes_and_does_not_say_whether_it_is_virtual():
    machine = diagnosis().machine.model_copy(update={"can_pin": False, "virtual": None})
    (line,) = (one for one in diagnosis_lines(diagnosis(machine=machine)) if one.startswith("  machine"))
    assert "4 CPUs that processes cannot be pinned to, 16 GiB" in line
