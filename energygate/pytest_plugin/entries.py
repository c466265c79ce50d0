"""The policy's entries that name tests, and limits that nothing was held against: they are told, never lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from energygate.pytest_plugin.record import Record


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A workload of the policy that is a test.

    Attributes:
        name: The workload's name.
        path: The test's file.
        test: The rest of its node id, such as `TestIt::test_it[1]`.
        part: The part that is measured; `None` for the one without a name.
        where: Where it is written, such as `energygate.yml:7`.
        has_limits: Whether anything is held against it.
        is_kept: Whether head's policy has it as well, where base's decides.
    """

    name: str
    path: Path
    test: str
    part: str | None
    where: str
    has_limits: bool = True
    is_kept: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.where})"


def naming(entries: Sequence[Entry], path: Path, node_id: str) -> list[Entry]:
    """The entries that name a test; its file may be known by another name where links lead to it."""
    alike = [one for one in entries if one.test == node_id.partition("::")[2]]
    return [one for one in alike if one.path == path] or [
        one for one in alike if one.path.resolve() == path.resolve()
    ]


def unheld(record: Record, entries: Sequence[Entry]) -> UsageError | None:
    """Why limits on a test that has passed are held against nothing; `None` when they are.

    Limits are the test's own marker and the policy's entries. A marker on a class, a module, or all parameters of a
    test is about some of them.

    Args:
        record: Of the test.
        entries: The policy's, about the test.
    """
    parts = [] if record.calls is None else [part.name for part in record.calls.parts]
    if not parts:
        if not entries and not (record.marks.is_own and (record.calls is not None or str(record.marks))):
            return None
        whose = (
            "the test has limits and" if not entries else f"the policy's {entries[0]} limits the test, which"
        )
        return UsageError(
            f"{whose} never called energy(...), so nothing was held against them",
            hint="Take the fixture and call through it: energy(predict, image)",
        )
    for mark in record.marks.marks:
        part = mark.settings.get("part")
        if mark.own and not record.is_parametrised and part is not None and part not in parts:
            return _no_part("its marker", part, parts)
    for entry in entries:
        if entry.part not in parts:
            return _no_part(f"the policy's {entry}", entry.part, parts)
    return None


def _no_part(whose: str, part: str | None, parts: Sequence[str | None]) -> UsageError:
    known = " and ".join(repr(one) for one in parts if one is not None) or "what has no name"
    named = "names no part" if part is None else f"is about the part {part!r}"
    return UsageError(
        f"{whose} {named}, and the test measures {known}, so nothing was held against its limits",
        hint='A part has its name from energy(encode, text, name="encode")',
    )


def unmatched(
    entries: Sequence[Entry], session: pytest.Session, items: Sequence[pytest.Item]
) -> dict[str, str]:
    """Entries about tests that are not there, as far as can be told before any runs: a sentence by the entry's name.

    Args:
        entries: The policy's.
        session: What has collected.
        items: The energy tests in it, those that are not run too. One that asks for the fixture only while it runs is
            not among them.
    """
    if session.config.option.pyargs:
        return {}
    here = session.config.invocation_params.dir
    partly = {(here / one.partition("::")[0]).resolve() for one in session.config.args if "::" in one}
    files = {path.resolve() for path in {item.path for item in (*session.items, *items)}} - partly
    tests = {(item.path.resolve(), item.nodeid.partition("::")[2]) for item in items}
    found = {}
    for entry in entries:
        path = entry.path.resolve()
        if not path.exists():
            found[entry.name] = f"not judged: {entry}: there is no file {entry.path.name}"
        if path not in files or (path, entry.test) in tests:
            continue
        with_parameters = sorted(
            test for one, test in tests if one == path and test.startswith(f"{entry.test}[")
        )
        hint = f"; name one of its parameters, such as {with_parameters[0]}" if with_parameters else ""
        found[entry.name] = (
            f"not judged: {entry}: no energy test {entry.test} was collected from {entry.path.name}{hint}"
        )
    return found
