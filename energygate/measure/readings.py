"""Joules of one window, where they came from, and what a meter is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Method(str, Enum):
    """How a number of joules came about."""

    MEASURED = "measured"
    """Read from a hardware counter."""

    ESTIMATED = "estimated"
    """Computed from a power model."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """The share of one part of the machine in a reading.

    Attributes:
        name: `cpu`, `gpu` or `dram`.
        energy_joules: IT energy, before PUE.
        method: How it came about.
    """

    name: str
    energy_joules: float
    method: Method


@dataclass(frozen=True, kw_only=True)
class Reading:
    """IT energy of one window, by component."""

    components: tuple[Component, ...]

    @property
    def energy_joules(self) -> float:
        """Sum over the components, in joules."""
        return sum(component.energy_joules for component in self.components)


class Usage(Protocol):
    """What a worker used in one window: the power model's input."""

    @property
    def wall_ns(self) -> int:
        """Length of the window."""

    @property
    def cpu_ns(self) -> int:
        """CPU time of the worker and its children."""


@dataclass(frozen=True, kw_only=True)
class ComponentFacts:
    """What holds for one component in every reading of a meter.

    Attributes:
        name: `cpu`, `gpu` or `dram`.
        method: How its joules come about.
        device: Which one: the model's name of the processor or card.
        source: Which counter, or which row of which table, in words.
        citation: Where the counter's interface or the table's row is described.
        uncertainty: Relative uncertainty of absolute joules; ratios on one machine are far better.
        period_ns: How often the counter moves, as found by looking; `None` for a model, or where it is unknown.
        max_watts: Readings above this power are refused; `None` where no bound is known.
        idle_watts: Its power at rest; `None` when unknown.
        active_share: Share of its joules that the work itself causes, beyond what an idle machine draws anyway;
            `None` for a counter, whose idle power counts by the second instead.
    """

    name: str
    method: Method
    device: str
    source: str
    citation: str
    uncertainty: float
    period_ns: int | None = None
    max_watts: float | None = None
    idle_watts: float | None = None
    active_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class MeterFacts:
    """What a meter says about every one of its readings.

    Attributes:
        components: What its readings consist of, in their order.
        codecarbon_version: The version of codecarbon behind the meter.
        min_window_ns: Windows shorter than this are not meaningful with this meter.
        idle_watts: Power at rest of everything it reads, on the machine as a whole; `None` when unknown.
        idle_method: `measured` only if that of every component is; `None` when unknown.
        codecarbon_ram_watts: What codecarbon would add for memory, a constant by its size; never in a reading.
        notes: What a reader should know of the meter.
    """

    components: tuple[ComponentFacts, ...]
    codecarbon_version: str
    min_window_ns: int
    idle_watts: float | None = None
    idle_method: Method | None = None
    codecarbon_ram_watts: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> Method:
        """`measured` only if every component is."""
        methods = {component.method for component in self.components}
        return Method.MEASURED if methods == {Method.MEASURED} else Method.ESTIMATED

    @property
    def source(self) -> str:
        """Which counters, or which row of which table, in words."""
        return " and ".join(dict.fromkeys(component.source for component in self.components))

    @property
    def citation(self) -> str:
        """Where those are described."""
        return "; ".join(dict.fromkeys(component.citation for component in self.components))

    @property
    def uncertainty(self) -> float:
        """The relative uncertainty of the least certain component."""
        return max(component.uncertainty for component in self.components)

    @property
    def signature(self) -> tuple[tuple[str, str, str], ...]:
        """What must be equal for two readings to be compared: name, method and device of each component."""
        return tuple(sorted((one.name, one.method.value, one.device) for one in self.components))


class Meter(Protocol):
    """Reads the energy of windows. One window is open at a time; windows lie within a launch."""

    @property
    def facts(self) -> MeterFacts:
        """What holds for all its readings."""

    def begin_window(self) -> None:
        """Start a window."""

    def end_window(self, usage: Usage) -> Reading:
        """End the window and read it.

        Raises:
            MeasurementError: When the reading cannot be right.
        """

    def begin_launch(self) -> None:
        """Start codecarbon's own account of the windows that follow."""

    def cancel(self) -> None:
        """Forget what is open, if anything is: its worker failed."""

    def end_launch(self) -> float | None:
        """End codecarbon's own account: joules, or `None` where the readings themselves are codecarbon's."""
