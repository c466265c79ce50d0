"""The policy's entries that name tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


@dataclass(frozen=True, kw_only=True)
class PolicyEntry:
    """A workload of the policy that is a test.

    Attributes:
        name: The workload's name.
        path: The test's file.
        test: The rest of its node id, such as `TestIt::test_it[1]`.
        part: The part that is measured; `None` for the one without a name.
        place: Where it is written, such as `energygate.yml:7`.
        has_limits: Whether any of its budgets is on.
        is_in_head: Whether head's policy has it as well, where base's decides.
    """

    name: str
    path: Path
    test: str
    part: str | None
    place: str
    has_limits: bool = True
    is_in_head: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.place})"


def entries_for(entries: Sequence[PolicyEntry], path: Path, node_id: str) -> list[PolicyEntry]:
    """Return the entries that name a test; links may lead to its file under another name."""
    same_test = [one for one in entries if one.test == node_id.partition("::")[2]]
    return [one for one in same_test if one.path == path] or [
        one for one in same_test if one.path.resolve() == path.resolve()
    ]


def entries_without_test(
    entries: Sequence[PolicyEntry], session: pytest.Session, items: Sequence[pytest.Item]
) -> dict[str, str]:
    """Explain, by the entry's name, which entries name a test that was not collected.

    Args:
        entries: The policy's.
        session: What has collected.
        items: The energy tests in it, deselected ones too. A test that requests the fixture only while it runs is not
            among them.
    """
    if session.config.option.pyargs:
        return {}
    here = session.config.invocation_params.dir
    partly = {(here / one.partition("::")[0]).resolve() for one in session.config.args if "::" in one}
    files = {path.resolve() for path in {item.path for item in (*session.items, *items)}} - partly
    tests = {(item.path.resolve(), item.nodeid.partition("::")[2]) for item in items}
    reasons = {}
    for entry in entries:
        path = entry.path.resolve()
        if not path.exists():
            reasons[entry.name] = f"not judged: {entry}: there is no file {entry.path.name}"
        if path not in files or (path, entry.test) in tests:
            continue
        with_parameters = sorted(test for one, test in tests if one == path and test.startswith(f"{entry.test}["))
        hint = f"; name one of its parameters, such as {with_parameters[0]}" if with_parameters else ""
        reasons[entry.name] = (
            f"not judged: {entry}: no energy test {entry.test} was collected from {entry.path.name}{hint}"
        )
    return reasons
