"""What a session comes to as a whole: its result, what a reader should know of it, and what is not there any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.pytest_plugin.collecting import node_id
from energygate.pytest_plugin.entries import unmatched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from energygate.pytest_plugin.measurer import Measurer
    from energygate.pytest_plugin.settings import Settings
    from energygate.result.result import Result


@dataclass(kw_only=True)
class Whole:
    """A session as a whole.

    Attributes:
        settings: What the command line and the ini file say.
        result: All that was measured, once the session has ended; `None` when nothing was.
        written: Where it was written; `None` when it was not.
        notes: What a reader should know of the session.
        known: Names of the energy tests that were collected, those that are not run too; `None` where not all were.
        is_broken_by_removal: Whether base has tests that head must not remove.
    """

    settings: Settings
    result: Result | None = None
    written: Path | None = None
    notes: list[str] = field(default_factory=list)
    known: set[str] | None = None
    is_broken_by_removal: bool = False
    _unmatched: Mapping[str, str] = field(default_factory=dict)

    def know(self, session: pytest.Session, items: Sequence[pytest.Item], measurer: Measurer | None) -> None:
        """Note which energy tests there are, whether or not they are run.

        Args:
            session: What has collected them.
            items: The tests.
            measurer: What measures; `None` where there is nothing that it could do.
        """
        if session.config.getoption("lf", default=False) or session.testsfailed:
            if measurer is not None and self.settings.text("base") is not None:
                why = "files that could not be collected" if session.testsfailed else "--lf leaves files out"
                self.notes.append(f"which energy tests only base has was not looked for: {why}")
            return
        if measurer is not None:
            self.known = {node_id(item, self.settings.root) for item in items}
            self._unmatched = unmatched(measurer.entries, session, items)

    def finish(self, measurer: Measurer | None, results: Sequence[Result], *, interrupted: bool) -> None:
        """Close what measures, join the results, and write them where they were asked for.

        Args:
            measurer: What measures; `None` where there was nothing that it could do.
            results: What was measured.
            interrupted: Whether the session ended early.
        """
        if measurer is not None:
            self._join(measurer, list(results), interrupted=interrupted)
        target = self.settings.path("json")
        if target is not None:
            self._write(target, str(self.settings.text("json")))

    def _join(self, measurer: Measurer, results: list[Result], *, interrupted: bool) -> None:
        if interrupted:
            self.notes.append("the session was interrupted; tests that had not ended are missing")
        try:
            results += [] if interrupted else self._removed(measurer)
        finally:
            measurer.finish()
        told = {workload.name for result in results for workload in result.workloads}
        self.notes += [text for name, text in self._unmatched.items() if name not in told]
        if results:
            self.result = measurer.joined(results, self.notes)

    def _removed(self, measurer: Measurer) -> list[Result]:
        """What is only at base, where that can be known."""
        if self.known is None:
            return []
        found = measurer.removed(self.known)
        self.notes += found.notes
        if found.result is None:
            return []
        self.is_broken_by_removal = found.result.verdict.value == "fail"
        return [found.result]

    def _write(self, target: Path, name: str) -> None:
        if self.result is None:
            self.notes.append(f"nothing was measured, so nothing was written to {name}")
            return
        from energygate.files import write_whole

        try:
            self.written = write_whole(self.result.to_json(), target)
        except OSError as error:
            self.notes.append(f"the result cannot be written to {name}: {error.strerror}; the verdicts stand")
