"""Joules of one window, where they came from, and what a meter is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

JOULES_PER_KWH = 3.6e6


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


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a worker used in one window: the power model's input.

    Attributes:
        wall_ns: Length of the window.
        cpu_ns: CPU time of the worker and its children.
    """

    wall_ns: int
    cpu_ns: int


@dataclass(frozen=True, kw_only=True)
class MeterFacts:
    """What a meter says about every one of its readings.

    Attributes:
        method: `measured` only if every component is.
        source: Which counter, or which row of which table, in words.
        citation: Where the table or the counter's interface is described.
        uncertainty: Relative uncertainty of absolute joules; ratios on one machine are far better.
        codecarbon_version: The version of codecarbon behind the meter.
        min_window_ns: Windows shorter than this are not meaningful with this meter.
    """

    method: Method
    source: str
    citation: str
    uncertainty: float
    codecarbon_version: str
    min_window_ns: int


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
