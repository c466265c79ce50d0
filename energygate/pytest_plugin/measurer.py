"""What is asked of whoever measures, and who that may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from energygate.pytest_plugin.collecting import node_id

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pytest

    from energygate.pytest_plugin.calling import Part
    from energygate.pytest_plugin.entries import Entry
    from energygate.pytest_plugin.limits import Marks
    from energygate.result.result import Result


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One part of a test that is to be measured.

    Attributes:
        node_id: The test, relative to the directory that workers run in.
        path: Its file.
        line: Its line, counted from 1.
        part: What it had called.
        marks: Its markers.
    """

    node_id: str
    path: Path
    line: int
    part: Part
    marks: Marks


@dataclass(frozen=True, kw_only=True)
class Removed:
    """The tests about energy that only base has.

    Attributes:
        result: A result with one workload each; `None` where there are none.
        notes: What of that is not known.
    """

    result: Result | None = None
    notes: tuple[str, ...] = ()


class Measurer(Protocol):
    """What measures and judges."""

    def refuse(self, wanted: Wanted) -> None:
        """Raise an `EnergygateError` when the limits or settings make no sense; measures nothing."""

    def is_strict(self, wanted: Wanted) -> bool:
        """Tell whether an inconclusive verdict fails the test."""

    def measure(self, wanted: Wanted) -> Result:
        """Measure and judge one part: a result with one workload. Raises `EnergygateError`."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The policy's entries that name tests."""

    def removed(self, known: Collection[str]) -> Removed:
        """Find the tests about energy that only base has; `known` are head's node ids."""

    def joined(self, results: Sequence[Result], notes: Sequence[str]) -> Result:
        """Join the results of the session; there is at least one."""

    def finish(self) -> None:
        """Leave nothing behind."""


def wanted(item: pytest.Item, root: Path, part: Part, marks: Marks) -> Wanted:
    """One part of a test that pytest has collected; `root` is the directory that workers run in."""
    line = item.location[1]
    return Wanted(
        node_id=node_id(item, root),
        path=item.path,
        line=0 if line is None else line + 1,
        part=part,
        marks=marks,
    )
