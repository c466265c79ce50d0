"""What is known of one test, which parts of it are measured, and which of its limits were never checked."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from energygate.errors import MeasurementError, UsageError
from energygate.pytest_plugin.collection import node_id
from energygate.pytest_plugin.markers import Marks, read_marks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from energygate.errors import EnergygateError
    from energygate.pytest_plugin.entries import PolicyEntry
    from energygate.pytest_plugin.fixture import Energy, Part


@dataclass(frozen=True, kw_only=True)
class Target:
    """One part of a test that is to be measured.

    Attributes:
        node_id: The test, relative to the directory that workers run in.
        path: Its file.
        line: Its line, counted from 1.
        part: The function that the test passed to `energy(...)`.
        marks: The test's markers.
    """

    node_id: str
    path: Path
    line: int
    part: Part
    marks: Marks


@dataclass(kw_only=True)
class Record:
    """What is known of one test.

    Attributes:
        marks: Its markers.
        calls: Its fixture; `None` before the test requested it.
        error: Why it could not be measured; `None` while it could.
        marker_error: A mistake in its markers that is reported beside the test.
        verdict: The verdict's word; `None` while there is none.
        failed: Whether the verdict failed the test.
        has_ended: Whether its call has ended; a subtest's report comes earlier.
        is_parametrised: Whether it has parameters: then a marker need not apply to each of them.
        entries: The policy's entries that name it.
    """

    marks: Marks
    calls: Energy | None = None
    error: EnergygateError | None = None
    marker_error: EnergygateError | None = None
    verdict: str | None = None
    failed: bool = False
    has_ended: bool = False
    is_parametrised: bool = False
    entries: tuple[PolicyEntry, ...] = ()


RECORD = pytest.StashKey[Record]()
"""A test's record."""


def new_record(item: pytest.Item, *, is_measuring: bool) -> Record:
    """Return what is known of a test before it runs.

    A worker of pytest-xdist reports a mistake in a marker beside the test: raised at collection it would be an internal
    error. While nothing is measured, mistakes on tests without the fixture are ignored: the marker may be another
    project's, of the same name.

    Raises:
        pytest.UsageError: A marker is invalid.
    """
    try:
        return Record(marks=read_marks(item), is_parametrised=hasattr(item, "callspec"))
    except pytest.UsageError as error:
        if not is_measuring and not _uses_our_fixture(item):
            return Record(marks=Marks(marks=()))
        if hasattr(item.config, "workerinput"):
            mistake = UsageError(str(error))
            return Record(marks=Marks(marks=()), error=mistake, marker_error=mistake)
        raise


def _uses_our_fixture(item: pytest.Item) -> bool:
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("energy") or ()
    return any(getattr(one.func, "__module__", "") == "energygate.pytest_plugin" for one in known)


def target_of(item: pytest.Item, root: Path, part: Part) -> Target:
    """Return one part of a collected test as a target; `root` is the directory that workers run in."""
    line = item.location[1]
    return Target(
        node_id=node_id(item, root),
        path=item.path,
        line=0 if line is None else line + 1,
        part=part,
        marks=item.stash[RECORD].marks,
    )


def unexpected(error: Exception) -> MeasurementError:
    """Return the error to report when measuring raised something that energygate does not raise itself."""
    return MeasurementError(
        " ".join(f"measuring raised {type(error).__name__}: {error}".split()),
        hint="What the test has patched, such as sys, time, subprocess or open, is still patched while it is measured: "
        "undo that before, for example with monkeypatch.context()",
        detail="".join(traceback.format_exception(error)),
    )


def unchecked_limits(record: Record, entries: Sequence[PolicyEntry]) -> UsageError | None:
    """Explain which limits of a passed test were not checked; `None` when all were.

    Limits are those of the test's own marker and of the policy's entries. A marker on a class, a module, or a
    parametrised test need not apply to each of its tests.

    Args:
        record: The test's record.
        entries: The policy's, for the test.
    """
    parts = [] if record.calls is None else [part.name for part in record.calls.parts]
    if not parts:
        if not entries and not (record.marks.is_own and (record.calls is not None or str(record.marks))):
            return None
        subject = f"the policy's {entries[0]} limits the test, which" if entries else "the test has limits but"
        return UsageError(
            f"{subject} never called energy(...), so its limits were not checked",
            hint="Request the fixture and call through it: energy(predict, image)",
        )
    for mark in record.marks.marks:
        part = mark.settings.get("part")
        if mark.own and not record.is_parametrised and part is not None and part not in parts:
            return _no_such_part("its marker", part, parts)
    for entry in entries:
        if entry.part not in parts:
            return _no_such_part(f"the policy's {entry}", entry.part, parts)
    return None


def _no_such_part(subject: str, part: str | None, parts: Sequence[str | None]) -> UsageError:
    known = " and ".join(repr(one) for one in parts if one is not None) or "a part without a name"
    named = "names no part" if part is None else f"names the part {part!r}"
    return UsageError(
        f"{subject} {named}, but the test measures {known}, so its limits were not checked",
        hint='A part gets its name from energy(encode, text, name="encode")',
    )
