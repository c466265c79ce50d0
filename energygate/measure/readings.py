"""Readings of energy, and the interface of meters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Method(str, Enum):
    """How energy was determined."""

    MEASURED = "measured"
    """Read from a hardware counter."""

    ESTIMATED = "estimated"
    """Computed from a power model."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component of the machine in a reading.

    Attributes:
        name: `cpu`, `gpu` or `dram`.
        energy_joules: IT energy, before PUE.
        method: How it was determined.
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
    """A worker's usage in one window: the power model's input."""

    @property
    def wall_ns(self) -> int:
        """Length of the window."""

    @property
    def cpu_ns(self) -> int:
        """CPU time of the worker and its children."""


@dataclass(frozen=True, kw_only=True)
class ComponentFacts:
    """The facts about one component in all readings of a meter.

    Attributes:
        name: `cpu`, `gpu` or `dram`.
        method: How its joules are determined.
        device: The model name of the processor or card.
        source: The counter, or the row of the power model, in words.
        citation: Where the counter's interface or the row is documented.
        uncertainty: Relative uncertainty of absolute joules; ratios on one machine are far better.
        period_ns: Measured update period of the counter; `None` for a model, or when unknown.
        max_watts: Readings above this power are refused; `None` without a known bound.
        idle_watts: Its idle power; `None` when unknown.
        active_share: Share of its joules above idle; `None` for a counter, whose idle power is subtracted by time.
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
    """The facts about all readings of a meter.

    Attributes:
        components: The components of its readings, in order.
        codecarbon_version: The version of codecarbon that it uses.
        min_window_ns: The minimum meaningful window.
        idle_watts: Idle power of everything it reads, for the whole machine; `None` when unknown.
        idle_method: `measured` only if that of every component is; `None` when unknown.
        codecarbon_ram_watts: codecarbon's constant for memory, by its size; never part of a reading.
        notes: Caveats about the meter.
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
        """The sources of the components, in words."""
        return " and ".join(dict.fromkeys(component.source for component in self.components))

    @property
    def citation(self) -> str:
        """Where they are documented."""
        return "; ".join(dict.fromkeys(component.citation for component in self.components))

    @property
    def uncertainty(self) -> float:
        """The relative uncertainty of the least certain component."""
        return max(component.uncertainty for component in self.components)


class Meter(Protocol):
    """Reads the energy of windows. One window is open at a time; windows lie within a launch."""

    @property
    def facts(self) -> MeterFacts:
        """The facts about all its readings."""

    def begin_window(self) -> None:
        """Start a window."""

    def end_window(self, usage: Usage) -> Reading:
        """End the window and read it.

        Raises:
            MeasurementError: When the reading is implausible.
        """

    def begin_launch(self) -> None:
        """Start codecarbon's own measurement of the following windows."""

    def cancel(self) -> None:
        """Discard the open window or launch, if any, after its worker failed."""

    def end_launch(self) -> float | None:
        """End codecarbon's own measurement; return its joules, `None` where the readings are codecarbon's."""
