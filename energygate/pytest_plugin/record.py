"""What is known of one test."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from energygate.errors import MeasurementError, UsageError
from energygate.pytest_plugin.limits import Marks, read_marks

if TYPE_CHECKING:
    from energygate.errors import EnergygateError
    from energygate.pytest_plugin.calling import Energy
    from energygate.pytest_plugin.entries import Entry


@dataclass(kw_only=True)
class Record:
    """What is known of one test.

    Attributes:
        marks: Its markers.
        calls: Its fixture; `None` before it asked for it.
        trouble: Why it could not be measured; `None` while it could.
        mistake: In its markers, where that is told beside it.
        verdict: The verdict's word; `None` while there is none.
        broke: Whether that failed the test.
        has_ended: Whether its call has; a subtest's report comes before.
        is_parametrised: Whether it has parameters, which its markers are not about one by one.
        entries: The policy's entries that name it.
    """

    marks: Marks
    calls: Energy | None = None
    trouble: EnergygateError | None = None
    mistake: EnergygateError | None = None
    verdict: str | None = None
    broke: bool = False
    has_ended: bool = False
    is_parametrised: bool = False
    entries: tuple[Entry, ...] = ()


RECORD = pytest.StashKey[Record]()
"""Of a test."""


def new_record(item: pytest.Item, *, is_measuring: bool) -> Record:
    """What is known of a test before it runs.

    A mistake in a marker is told beside the test in a worker of pytest-xdist, where it would be an internal error at
    collection. While nothing is measured it is nobody's business on a test without the fixture: the marker may be
    another project's, of the same name.

    Raises:
        pytest.UsageError: When a marker makes no sense.
    """
    try:
        return Record(marks=read_marks(item), is_parametrised=hasattr(item, "callspec"))
    except pytest.UsageError as error:
        if not is_measuring and not _takes_our_fixture(item):
            return Record(marks=Marks(marks=()))
        if hasattr(item.config, "workerinput"):
            mistake = UsageError(str(error))
            return Record(marks=Marks(marks=()), trouble=mistake, mistake=mistake)
        raise


def _takes_our_fixture(item: pytest.Item) -> bool:
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("energy") or ()
    return any(getattr(one.func, "__module__", "") == "energygate.pytest_plugin" for one in known)


def unexpected(error: Exception) -> MeasurementError:
    """What hindered measuring where energygate itself knows nothing of it."""
    return MeasurementError(
        " ".join(f"measuring raised {type(error).__name__}: {error}".split()),
        hint="What the test has patched, such as sys, time, subprocess or open, is still patched while it is measured: "
        "undo that before, for example with monkeypatch.context()",
        detail="".join(traceback.format_exception(error)),
    )
