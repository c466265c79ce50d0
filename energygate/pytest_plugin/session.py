"""One session's energy tests: what is measured when, what it comes to for a test, and what is left at the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from energygate.errors import EnergygateError, MeasurementError
from energygate.pytest_plugin.calling import Energy, NotMeasured, Part
from energygate.pytest_plugin.collecting import node_id
from energygate.pytest_plugin.company import paused_timeout, warn
from energygate.pytest_plugin.entries import naming, unheld, unmatched
from energygate.pytest_plugin.record import RECORD, Record, new_record, unexpected
from energygate.pytest_plugin.settings import Settings, read_settings
from energygate.pytest_plugin.statuses import in_options, trouble_text
from energygate.pytest_plugin.wanted import Measurer, Wanted, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from energygate.report.result import Result, WorkloadResult

XDIST = (
    "energy is not measured in workers of pytest-xdist, which run tests side by side",
    "Measure with -n 0: pytest -n 0 -m energy --energy",
)


PROPERTY = "energygate."
"""What begins the names of the properties of a report."""


@dataclass(kw_only=True)
class EnergySession:
    """The energy tests of a session.

    Attributes:
        settings: What the command line and the ini file say.
        measurer: What measures; `None` where nothing is measured.
        is_refused: Whether measuring was asked for where it cannot be: beside other tests.
        results: What was measured, by test and part.
        result: All of it, once the session has ended; `None` when nothing was measured.
        written: Where it was written; `None` when it was not.
        notes: What a reader should know of the session.
        known: Names of the energy tests that were collected, those that are not run too; `None` where not all were.
        is_broken_by_removal: Whether base has tests that head must not remove.
    """

    settings: Settings
    measurer: Measurer | None
    is_refused: bool
    results: dict[tuple[str, str | None], Result] = field(default_factory=dict)
    result: Result | None = None
    written: Path | None = None
    notes: list[str] = field(default_factory=list)
    known: set[str] | None = None
    is_broken_by_removal: bool = False
    _unmatched: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        make_measurer: Callable[[pytest.Config, Settings], Measurer] | None,
    ) -> EnergySession:
        """Read markers and settings, and open what measures.

        Raises:
            pytest.UsageError: When a marker or an option makes no sense.
        """
        settings = read_settings(config, items)
        is_worker = hasattr(config, "workerinput")
        is_refused = settings.on and is_worker
        session = cls(settings=settings, measurer=None, is_refused=is_refused)
        for item in items:
            session._record(item)
        if settings.on and not is_refused and not config.option.collectonly:
            try:
                session._open(config, items, make_measurer)
            except EnergygateError as error:
                if session.measurer is not None:
                    session.measurer.finish()
                raise pytest.UsageError(in_options(str(error))) from None
        return session

    def _open(
        self,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        make_measurer: Callable[[pytest.Config, Settings], Measurer] | None,
    ) -> None:
        if make_measurer is None:
            from energygate.pytest_plugin.measuring import Engine

            make_measurer = Engine.open
        self.measurer = make_measurer(config, self.settings)
        for item in items:
            marks = self._record(item).marks
            for name in {None, *(mark.settings.get("part") for mark in marks.marks)}:
                self.measurer.refuse(self._wanted(item, Part(name=name, counts_units=True)))

    def know(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        """Note which energy tests there are, whether or not they are run.

        Args:
            session: What has collected them.
            items: The tests.
        """
        if self.measurer is None:
            return
        if session.config.getoption("lf", default=False) or session.testsfailed:
            if self.settings.text("base") is not None:
                why = "files that could not be collected" if session.testsfailed else "--lf leaves files out"
                self.notes.append(f"which energy tests only base has was not looked for: {why}")
            return
        self.known = {node_id(item, self.settings.root) for item in items}
        self._unmatched = unmatched(self.measurer.entries, session, items)

    def _record(self, item: pytest.Item) -> Record:
        """A new record of a test, before it runs."""
        record = item.stash[RECORD] = new_record(item, is_measuring=self.settings.on)
        if self.measurer is not None:
            named = naming(self.measurer.entries, item.path, item.nodeid)
            record.entries = tuple(one for one in named if one.has_limits)
        return record

    def renew(self, item: pytest.Item) -> None:
        """Forget what an earlier run of a test has found."""
        record = item.stash.get(RECORD, None)
        if record is not None and record.has_ended:
            item.stash[RECORD] = replace(
                record, calls=None, trouble=record.mistake, verdict=None, broke=False, has_ended=False
            )
            item.user_properties[:] = [one for one in item.user_properties if not one[0].startswith(PROPERTY)]
            for key in [one for one in self.results if one[0] == item.nodeid]:
                del self.results[key]

    def _wanted(self, item: pytest.Item, part: Part) -> Wanted:
        return wanted(item, self.settings.root, part, item.stash[RECORD].marks)

    def calls_of(self, item: pytest.Item) -> Energy:
        """A test's fixture."""
        record = item.stash.get(RECORD, None)
        if record is None:  # it has not said before that it would ask
            record = self._record(item)
        is_measuring = self.measurer is not None or self.is_refused
        record.calls = Energy((lambda part: self._measured(item, part)) if is_measuring else None)
        return record.calls

    def _measured(self, item: pytest.Item, part: Part) -> WorkloadResult:
        """Measure one part; what hinders that is remembered, for it is no failure of the test."""
        __tracebackhide__ = True
        record = item.stash[RECORD]
        if self.measurer is None:
            record.trouble = MeasurementError(XDIST[0], hint=XDIST[1])
            raise NotMeasured(record.trouble.what)
        try:
            with paused_timeout(item):
                result = self.measurer.measure(self._wanted(item, part))
        except EnergygateError as error:
            record.trouble = error
            raise NotMeasured(error.what) from error
        except Exception as error:  # what a test has patched is still patched, in energygate too
            record.trouble = unexpected(error)
            raise NotMeasured(record.trouble.what) from error
        self.results[item.nodeid, part.name] = result
        (workload,) = result.workloads
        if workload.error is not None:
            record.trouble = MeasurementError(workload.error.message, detail=workload.error.detail)
        return workload

    @contextlib.contextmanager
    def judging(self, item: pytest.Item) -> Iterator[None]:
        """Measure and judge a test when it has passed."""
        try:
            yield
            record = item.stash.get(RECORD, None)
            if record is not None and (self.measurer is not None or self.is_refused):
                self._judge(item, record)
        except NotMeasured:
            record = item.stash.get(RECORD, None)
            if record is None or record.trouble is None:
                raise
        finally:
            if RECORD in item.stash:
                item.stash[RECORD].has_ended = True

    def _judge(self, item: pytest.Item, record: Record) -> None:
        __tracebackhide__ = True
        kept = [one for one in record.entries if one.is_kept]
        record.trouble = record.trouble or unheld(record, kept)
        for entry in record.entries:
            why = None if entry.is_kept else unheld(record, [entry])
            if why is not None:
                self.notes.append(f"not judged: {why.what}; head's policy has it otherwise")
        if record.calls is None:
            return
        found = []
        for part in record.calls.parts:
            with contextlib.suppress(NotMeasured):  # what hinders one part is told when the test ends
                workload = record.calls.judged(part.name)
                if workload is not None:
                    found.append((part, workload))
        if found:
            self._tell(item, record, found)

    def _tell(self, item: pytest.Item, record: Record, found: Sequence[tuple[Part, WorkloadResult]]) -> None:
        __tracebackhide__ = True
        from energygate.gate import Verdict, worst
        from energygate.pytest_plugin.telling import failure, properties, warning

        assert self.measurer is not None  # noqa: S101 - something was measured
        for part, workload in found:
            item.user_properties.extend(properties(workload, part.name))
        verdict = worst(workload.verdict for _, workload in found)
        record.verdict = verdict.value
        texts = []
        for part, workload in found:
            is_strict = self.measurer.is_strict(self._wanted(item, part))
            if workload.verdict is Verdict.FAIL or (workload.verdict is Verdict.INCONCLUSIVE and is_strict):
                texts.append(failure(self.results[item.nodeid, part.name], part.name))
            elif workload.verdict in {Verdict.INCONCLUSIVE, Verdict.WARN}:
                warn(item, warning(self.results[item.nodeid, part.name], part.name))
        if texts:
            record.broke = True
            pytest.fail("\n".join(texts), pytrace=False)

    def raise_trouble(self, item: pytest.Item) -> None:
        """Raise what hindered measuring, as an error of the test's end.

        Raises:
            pytest.fail.Exception: When there was anything.
        """
        __tracebackhide__ = True
        record = item.stash.get(RECORD, None)
        if record is not None and record.trouble is not None:
            pytest.fail(trouble_text(record.trouble, place=self._elsewhere), pytrace=False)

    @property
    def _elsewhere(self) -> str:
        """What to know where workers run in another directory than the session, whose imports and files may differ."""
        root, here = self.settings.root, self.settings.invocation
        return "" if root == here else f"tests are measured in {root}, and this session was begun in {here}"

    def annotate(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Let a report say what was found, in plain values."""
        record = item.stash.get(RECORD, None)
        if record is None:
            return
        if report.skipped and record.verdict is None and (report.when == "setup" or record.has_ended):
            how = "failed as expected" if hasattr(report, "wasxfail") else "was skipped"
            self.notes += [f"not judged: {entry}: {item.nodeid} {how}" for entry in record.entries]
        if report.when == "setup":
            return
        is_trouble = report.when == "teardown" and record.trouble is not None
        if report.failed and (record.broke or is_trouble):
            file, line, domain = report.location
            report.location = (file, line, f"{domain} (energy)")
        if report.when == "call" and record.has_ended and (record.calls is not None or record.marks.is_own):
            report.energygate = {  # type: ignore[attr-defined]  # reports take what plugins give them
                "limits": str(record.marks),
                "verdict": record.verdict,
                "broke": record.broke,
                "on": self.measurer is not None or self.is_refused,
            }

    def finish(self, *, interrupted: bool = False) -> None:
        """Close what measures, join the results, and write them where they were asked for.

        Args:
            interrupted: Whether the session ended early.
        """
        if self.measurer is None:
            return
        results = list(self.results.values())
        if interrupted:
            self.notes.append("the session was interrupted; tests that had not ended are missing")
        try:
            results += [] if interrupted else self._removed()
        finally:
            self.measurer.finish()
        told = {workload.name for result in results for workload in result.workloads}
        self.notes += [text for name, text in self._unmatched.items() if name not in told]
        if results:
            self.result = self.measurer.joined(results, self.notes)
        target = self.settings.path("json")
        if target is None:
            return
        name = self.settings.text("json")
        if self.result is None:
            self.notes.append(f"nothing was measured, so nothing was written to {name}")
            return
        from energygate.writing import write_whole

        try:
            self.written = write_whole(self.result.to_json(), target)
        except OSError as error:
            self.notes.append(f"the result cannot be written to {name}: {error.strerror}; the verdicts stand")

    def _removed(self) -> list[Result]:
        """What is only at base, where that can be known."""
        assert self.measurer is not None  # noqa: S101 - the caller's
        if self.known is None:
            return []
        found = self.measurer.removed(self.known)
        self.notes += found.notes
        if found.result is None:
            return []
        self.is_broken_by_removal = found.result.verdict.value == "fail"
        return [found.result]
