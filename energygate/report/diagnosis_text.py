"""What `energygate doctor` prints: a machine at a glance, then what would make its numbers better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.policy import format_quantity
from energygate.report.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.diagnosis import Diagnosis, SelfTest
    from energygate.result.result import ComponentResult, MachineResult

ABSENT = {"gpu": "none found", "dram": "no counter: memory is left out of the numbers"}
"""What is said of a component that is in no reading."""


def diagnosis_lines(found: Diagnosis) -> list[str]:
    """The lines of the report, without colour."""
    table = [("machine", _machine(found.machine)), *_components(found)]
    if found.idle_watts is not None:
        table.append(("at rest", f"{format_quantity(found.idle_watts, 'W')}, {found.idle_method}"))
    table.append(
        (
            "windows",
            f"of {format_quantity(found.min_window_ms / 1000, 's')} or more; shorter ones say nothing",
        )
    )
    if found.self_test is not None:
        table.append(("self-test", _self_test(found.self_test)))
    width = max(len(name) for name, _ in table)
    lines = [_verdict(found), ""]
    lines += [f"  {name.ljust(width)}  {text}" for name, text in table]
    if found.advice:
        lines += ["", "Advice", *(f"  - {sentence}" for sentence in found.advice)]
    return lines


def _verdict(found: Diagnosis) -> str:
    """The first line: whether this machine will do, and for what."""
    if not found.fit:
        return "✗ `require: measured` cannot be met: this machine has no energy counter that can be read"
    if found.method == "measured":
        return "✓ Energy is measured on this machine"
    return "✓ Energy is estimated on this machine: changes can be gated, absolute numbers are rough"


def _machine(machine: MachineResult) -> str:
    kind = {True: "virtual", False: "not virtual", None: None}[machine.virtual]
    cpus = count(machine.cpu_count, "CPU") + ("" if machine.can_pin else " that processes cannot be bound to")
    memory = f"{machine.memory_bytes / 2**30:.3g} GiB"
    return ", ".join(part for part in (machine.cpu_model, cpus, kind, memory, machine.system) if part)


def _components(found: Diagnosis) -> Iterator[tuple[str, str]]:
    for name in ("cpu", "gpu", "dram"):
        parts = [one for one in found.components if one.name == name]
        for part in parts:
            yield name, _component(part)
            yield "", f"as described in {part.citation}"
        if not parts:
            yield name, ABSENT.get(name, "not in the numbers")


def _component(part: ComponentResult) -> str:
    period = "" if part.period_ms is None else f", moves every {format_quantity(part.period_ms / 1000, 's')}"
    device = f"{part.device}: " if part.device not in part.source else ""
    return f"{part.method}, {device}{part.source}{period}, ± {part.uncertainty * 100:.0f} %"


def _self_test(found: SelfTest) -> str:
    launches = count(found.launches, "launch", "launches")
    text = f"the same code against itself: {found.scatter * 100:.2g} % scatter in {launches}"
    if found.resolvable is None:
        return f"{text}, too few to say more"
    return (
        f"{text}; back to back on one thread, a minute should show a change of {found.resolvable * 100:.2g} %"
    )
