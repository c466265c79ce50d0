"""The session as a whole: its result, notes for the reader, and energy tests that head has removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.pytest_plugin.collection import node_id
from energygate.pytest_plugin.entries import entries_without_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from energygate.pytest_plugin.engine import Engine
    from energygate.pytest_plugin.plugin_options import PluginSettings
    from energygate.result.result import Result


@dataclass(kw_only=True)
class SessionResult:
    """The session as a whole.

    Attributes:
        settings: The settings of the command line and the ini file.
        result: All that was measured, once the session has ended; `None` when nothing was.
        written: The file it was written to; `None` when it was not.
        notes: Notes about the session, a line each.
        known: Node ids of the collected energy tests, deselected ones too; `None` where not all are known.
        fails_by_removal: Whether head lacks tests that base's policy does not allow to remove.
    """

    settings: PluginSettings
    result: Result | None = None
    written: Path | None = None
    notes: list[str] = field(default_factory=list)
    known: set[str] | None = None
    fails_by_removal: bool = False
    _without_test: Mapping[str, str] = field(default_factory=dict)

    def note_collected(self, session: pytest.Session, items: Sequence[pytest.Item], engine: Engine | None) -> None:
        """Remember the collected energy tests, deselected ones too.

        Args:
            session: What has collected them.
            items: The tests.
            engine: What measures; `None` where there is nothing to measure.
        """
        if session.config.getoption("lf", default=False) or session.testsfailed:
            if engine is not None and self.settings.text("base") is not None:
                why = "some files could not be collected" if session.testsfailed else "--lf leaves files out"
                self.notes.append(f"energy tests that only base has were not looked for: {why}")
            return
        if engine is not None:
            self.known = {node_id(item, self.settings.root) for item in items}
            self._without_test = entries_without_test(engine.builder.entries, session, items)

    def finish(self, engine: Engine | None, results: Sequence[Result], *, interrupted: bool) -> None:
        """Close the engine, join the results, and write them to the file of `--energy-json`.

        Args:
            engine: What has measured; `None` where there was nothing to measure.
            results: What was measured.
            interrupted: Whether the session ended early.
        """
        if engine is not None:
            self._join(engine, list(results), interrupted=interrupted)
        target = self.settings.path("json")
        if target is not None:
            self._write(target, str(self.settings.text("json")))

    def _join(self, engine: Engine, results: list[Result], *, interrupted: bool) -> None:
        try:
            if interrupted:
                self.notes.append("the session was interrupted; tests that had not ended are missing")
            elif self.known is not None:
                removed, notes = engine.removed(self.known)
                self.notes += notes
                if removed is not None:
                    self.fails_by_removal = removed.verdict.value == "fail"
                    results.append(removed)
        finally:
            engine.close()
        names = {workload.name for result in results for workload in result.workloads}
        self.notes += [text for name, text in self._without_test.items() if name not in names]
        if results:
            self.result = engine.joined(results, self.notes)

    def _write(self, target: Path, name: str) -> None:
        if self.result is None:
            self.notes.append(f"nothing was measured, so nothing was written to {name}")
            return
        from energygate.files import write_whole

        try:
            self.written = write_whole(self.result.to_json(), target)
        except OSError as error:
            self.notes.append(f"cannot write the result to {name}: {error.strerror}; the verdicts stand")
