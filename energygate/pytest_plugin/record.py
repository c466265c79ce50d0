"""What is known of one test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from energygate.errors import UsageError
from energygate.pytest_plugin.limits import Marks, read_marks

if TYPE_CHECKING:
    from energygate.errors import EnergygateError
    from energygate.pytest_plugin.calling import Energy


@dataclass(kw_only=True)
class Record:
    """What is known of one test.

    Attributes:
        marks: Its markers.
        calls: Its fixture; `None` before it asked for it.
        trouble: Why it could not be measured; `None` while it could.
        verdict: The verdict's word; `None` while there is none.
        broke: Whether that failed the test.
    """

    marks: Marks
    calls: Energy | None = None
    trouble: EnergygateError | None = None
    verdict: str | None = None
    broke: bool = False


RECORD = pytest.StashKey[Record]()
"""Of a test."""


def lenient_record(item: pytest.Item) -> Record:
    """A test of a worker of pytest-xdist, where a mistake at collection would be an internal error."""
    try:
        return Record(marks=read_marks(item))
    except pytest.UsageError as error:
        return Record(marks=Marks(marks=()), trouble=UsageError(str(error)))
