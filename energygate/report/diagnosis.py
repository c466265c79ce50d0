"""What `energygate doctor` reports: what a machine can measure, how well, and what would make it better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from energygate.document import Document, DocumentPart, Finite
from energygate.measure.machine import MachineResult  # noqa: TC001 - pydantic reads annotations
from energygate.policy import format_quantity
from energygate.report.phrases import count
from energygate.result.result import ComponentResult  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Iterator


class SelfTest(DocumentPart):
    """A comparison of the same code with itself."""

    seconds: Finite = Field(description="How long it took.")
    launches: int
    scatter: Finite = Field(description="Standard deviation of ln(head/base) from launch to launch.")
    resolvable: Finite | None = Field(
        description="Smallest change that a minute of measuring could show, as a fraction; null where none."
    )


class Diagnosis(Document):
    """What a machine can measure and how well."""

    schema_name: Literal["energygate/doctor/1"] = Field(alias="schema", default="energygate/doctor/1")
    energygate_version: str
    codecarbon_version: str
    created: str = Field(description="When, in ISO 8601, UTC.")
    machine: MachineResult
    method: Literal["measured", "estimated"] = Field(description="measured only if every component is.")
    components: tuple[ComponentResult, ...]
    min_window_ms: Finite = Field(description="The shortest meaningful window.")
    idle_watts: Finite | None = Field(description="Power of the idle machine; null when unknown.")
    idle_method: Literal["measured", "estimated"] | None
    require: Literal["any", "measured"] = Field(description="What the policy, or the command line, asks for.")
    fit: bool = Field(description="Whether this machine meets that.")
    advice: tuple[str, ...] = Field(description="What would make the numbers better, or what to know about them.")
    self_test: SelfTest | None = Field(description="Null when it was not asked for, or failed.")


ABSENT = {"gpu": "none found", "dram": "no counter: memory is left out of the numbers"}
"""How a component without a reading is described."""


def diagnosis_lines(found: Diagnosis) -> list[str]:
    """Return the lines of the report, without colour."""
    table = [("machine", _machine(found.machine)), *_components(found)]
    if found.idle_watts is not None:
        table.append(("idle", f"{format_quantity(found.idle_watts, 'W')}, {found.idle_method}"))
    table.append(
        (
            "windows",
            f"of {format_quantity(found.min_window_ms / 1000, 's')} or more; shorter ones are too coarse",
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
    """Return the first line: whether this machine will do, and for what."""
    if not found.fit:
        return "✗ `require: measured` cannot be met: this machine has no energy counter that can be read"
    if found.method == "measured":
        return "✓ Energy is measured on this machine"
    return "✓ Energy is estimated on this machine: changes can be gated, absolute numbers are rough"


def _machine(machine: MachineResult) -> str:
    kind = {True: "virtual", False: "not virtual", None: None}[machine.virtual]
    cpus = count(machine.cpu_count, "CPU") + ("" if machine.can_pin else " that processes cannot be pinned to")
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
    return f"{text}; back to back on one thread, a minute should show a change of {found.resolvable * 100:.2g} %"
