"""What is asked of whoever measures, and who that may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from energygate.pytest_plugin.calling import Part
    from energygate.pytest_plugin.limits import Marks
    from energygate.report.result import Result


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One part of a test that is to be measured.

    Attributes:
        node_id: The test, relative to the root directory.
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


class Measurer(Protocol):
    """What measures and judges."""

    def refuse(self, wanted: Wanted) -> None:
        """Raise an `EnergygateError` when the limits or settings make no sense; measures nothing."""

    def is_strict(self, wanted: Wanted) -> bool:
        """Tell whether an inconclusive verdict fails the test."""

    def measure(self, wanted: Wanted) -> Result:
        """Measure and judge one part: a result with one workload. Raises `EnergygateError`."""

    def joined(self, results: Sequence[Result], notes: Sequence[str]) -> Result:
        """Join the results of the session; there is at least one."""

    def finish(self) -> None:
        """Leave nothing behind."""


def wanted(item: pytest.Item, part: Part, marks: Marks) -> Wanted:
    """One part of a test that pytest has collected."""
    line = item.location[1]
    return Wanted(
        node_id=item.nodeid, path=item.path, line=0 if line is None else line + 1, part=part, marks=marks
    )
