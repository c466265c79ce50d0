"""One session's energy tests: when they are measured, what a verdict does to its test, and the session's result."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from energygate.errors import EnergygateError, MeasurementError
from energygate.pytest_plugin.entries import entries_for
from energygate.pytest_plugin.fixture import Energy, NotMeasured, Part
from energygate.pytest_plugin.plugin_interop import paused_timeout, warn
from energygate.pytest_plugin.plugin_options import PluginSettings, read_settings
from energygate.pytest_plugin.record import RECORD, Record, new_record, target_of, unchecked_limits, unexpected
from energygate.pytest_plugin.session_result import SessionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from energygate.pytest_plugin.engine import Engine
    from energygate.pytest_plugin.record import Target
    from energygate.result.result import Result, WorkloadResult

PROPERTY = "energygate."
"""Prefix of the properties that a test's report gets."""


@dataclass(kw_only=True)
class EnergySession:
    """The energy tests of a session.

    Attributes:
        settings: The settings of the command line and the ini file.
        engine: What measures; `None` where nothing is measured, or no test has needed it yet.
        is_refused: Whether measuring was requested where it is impossible: beside other tests.
        is_measuring: Whether this is a session that measures, with or without tests to measure.
        session_result: The session as a whole.
        make_engine: Makes the engine when it is needed; `None` for the usual one.
        results: What was measured, by test and part.
    """

    settings: PluginSettings
    engine: Engine | None
    is_refused: bool
    is_measuring: bool
    session_result: SessionResult
    make_engine: Callable[[pytest.Config, PluginSettings], Engine] | None
    results: dict[tuple[str, str | None], Result] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        make_engine: Callable[[pytest.Config, PluginSettings], Engine] | None,
    ) -> EnergySession:
        """Read markers and settings, and open the engine.

        Raises:
            pytest.UsageError: A marker or an option is invalid.
        """
        settings = read_settings(config, items)
        is_worker = hasattr(config, "workerinput")
        session = cls(
            settings=settings,
            engine=None,
            is_refused=settings.on and is_worker,
            is_measuring=settings.on and not is_worker and not config.option.collectonly,
            session_result=SessionResult(settings=settings),
            make_engine=make_engine,
        )
        for item in items:
            session._record(item)
        if items or settings.policy_file is not None or settings.text("base") is not None:
            try:
                session._open(config, items)
            except EnergygateError as error:
                from energygate.pytest_plugin.failure_text import OPTIONS

                error.option_names = OPTIONS
                raise pytest.UsageError(str(error)) from None
        return session

    def _open(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        """Open the engine, unless it is open or nothing is to be measured.

        Raises:
            EnergygateError: A marker or an option is invalid.
        """
        if not self.is_measuring or self.engine is not None:
            return
        if self.make_engine is None:
            from energygate.pytest_plugin.engine import Engine

            self.make_engine = Engine.open
        engine = self.make_engine(config, self.settings)
        self.engine = engine
        try:
            for item in items:
                marks = self._record(item).marks
                for name in {None, *(mark.settings.get("part") for mark in marks.marks)}:
                    engine.builder.policy(self._target(item, Part(name=name, counts_units=True)))
        except EnergygateError:
            engine.close()
            self.engine = None
            raise

    def _record(self, item: pytest.Item) -> Record:
        """Make a new record of a test, before it runs."""
        record = item.stash[RECORD] = new_record(item, is_measuring=self.settings.on)
        if self.engine is not None:
            named = entries_for(self.engine.builder.entries, item.path, item.nodeid)
            record.entries = tuple(one for one in named if one.has_limits)
        return record

    def reset(self, item: pytest.Item) -> None:
        """Forget the outcome of an earlier run of a test."""
        record = item.stash.get(RECORD, None)
        if record is not None and record.has_ended:
            item.stash[RECORD] = replace(
                record, calls=None, error=record.marker_error, verdict=None, failed=False, has_ended=False
            )
            item.user_properties[:] = [one for one in item.user_properties if not one[0].startswith(PROPERTY)]
            for key in [one for one in self.results if one[0] == item.nodeid]:
                del self.results[key]

    def _target(self, item: pytest.Item, part: Part) -> Target:
        return target_of(item, self.settings.root, part)

    def fixture_of(self, item: pytest.Item) -> Energy:
        """Return a test's fixture."""
        record = item.stash.get(RECORD, None)
        if record is None:  # a test that requests the fixture only while it runs
            failure = None
            try:
                self._open(item.config, [item])
            except EnergygateError as error:
                failure = error
            record = self._record(item)
            record.error = record.error or failure
        is_measuring = self.engine is not None or self.is_refused
        record.calls = Energy((lambda part: self._measure(item, part)) if is_measuring else None)
        return record.calls

    def _measure(self, item: pytest.Item, part: Part) -> WorkloadResult:
        """Measure one part; an error is remembered, since the test itself has not failed."""
        __tracebackhide__ = True
        record = item.stash[RECORD]
        if self.engine is None:
            record.error = MeasurementError(
                "energy is not measured in workers of pytest-xdist, which run tests side by side",
                hint="Measure with -n 0: pytest -n 0 -m energy --energy",
            )
            raise NotMeasured(record.error.what)
        try:
            with paused_timeout(item):
                result = self.engine.measure(self._target(item, part))
        except EnergygateError as error:
            record.error = error
            raise NotMeasured(error.what) from error
        except Exception as error:  # what a test has patched is still patched, in energygate too
            record.error = unexpected(error)
            raise NotMeasured(record.error.what) from error
        self.results[item.nodeid, part.name] = result
        (workload,) = result.workloads
        if workload.error is not None:
            from energygate.pytest_plugin.failure_text import OPTIONS
            from energygate.report.explanations import more_time

            hint = more_time(workload, OPTIONS)
            record.error = MeasurementError(
                workload.error.message, hint=f"{hint[:1].upper()}{hint[1:]}" or None, detail=workload.error.detail
            )
        return workload

    @contextlib.contextmanager
    def judging(self, item: pytest.Item) -> Iterator[None]:
        """Measure and judge a test when it has passed."""
        try:
            yield
            record = item.stash.get(RECORD, None)
            if record is not None and (self.engine is not None or self.is_refused):
                self._judge(item, record)
        except NotMeasured:
            record = item.stash.get(RECORD, None)
            if record is None or record.error is None:
                raise
        finally:
            if RECORD in item.stash:
                item.stash[RECORD].has_ended = True

    def _judge(self, item: pytest.Item, record: Record) -> None:
        __tracebackhide__ = True
        in_head = [one for one in record.entries if one.is_in_head]
        record.error = record.error or unchecked_limits(record, in_head)
        for entry in record.entries:
            why = None if entry.is_in_head else unchecked_limits(record, [entry])
            if why is not None:
                self.session_result.notes.append(f"not judged: {why.what}; head's policy differs")
        if record.calls is None:
            return
        judged = []
        for part in record.calls.parts:
            with contextlib.suppress(NotMeasured):  # reported when the test ends
                workload = record.calls.judged(part.name)
                if workload is not None:
                    judged.append((part, workload))
        if judged:
            self._apply_verdict(item, record, judged)

    def _apply_verdict(self, item: pytest.Item, record: Record, judged: Sequence[tuple[Part, WorkloadResult]]) -> None:
        __tracebackhide__ = True
        from energygate.gate import Verdict, worst
        from energygate.pytest_plugin.failure_text import failure, properties, warning

        for part, workload in judged:
            item.user_properties.extend(properties(workload, part.name))
        record.verdict = worst(workload.verdict for _, workload in judged).value
        texts = []
        for part, workload in judged:
            is_strict = self.settings.flag("strict", record.marks.setting("strict", part.name))
            if workload.verdict is Verdict.FAIL or (workload.verdict is Verdict.INCONCLUSIVE and is_strict):
                texts.append(failure(self.results[item.nodeid, part.name], part.name))
            elif workload.verdict in {Verdict.INCONCLUSIVE, Verdict.WARN}:
                warn(item, warning(self.results[item.nodeid, part.name], part.name))
        if texts:
            record.failed = True
            pytest.fail("\n".join(texts), pytrace=False)

    def raise_error(self, item: pytest.Item) -> None:
        """Raise what prevented measuring, as an error of the test's teardown.

        Raises:
            pytest.fail.Exception: There was such an error.
        """
        __tracebackhide__ = True
        record = item.stash.get(RECORD, None)
        if record is not None and record.error is not None:
            from energygate.pytest_plugin.failure_text import error_text

            # If the two differ, imports and files may too.
            root, here = self.settings.root, self.settings.invocation
            place = "" if root == here else f"tests are measured in {root}, but this session started in {here}"
            pytest.fail(error_text(record.error, place=place), pytrace=False)

    def annotate(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Add the outcome to a report, in plain values."""
        record = item.stash.get(RECORD, None)
        if record is None:
            return
        if report.skipped and record.verdict is None and (report.when == "setup" or record.has_ended):
            how = "failed as expected" if hasattr(report, "wasxfail") else "was skipped"
            self.session_result.notes += [f"not judged: {entry}: {item.nodeid} {how}" for entry in record.entries]
        if report.when == "setup":
            return
        is_error = report.when == "teardown" and record.error is not None
        if report.failed and (record.failed or is_error):
            file, line, domain = report.location
            report.location = (file, line, f"{domain} (energy)")
        if report.when == "call" and record.has_ended and (record.calls is not None or record.marks.is_own):
            report.energygate = {  # type: ignore[attr-defined]  # reports take what plugins add to them
                "limits": str(record.marks),
                "verdict": record.verdict,
                "failed": record.failed,
                "on": self.engine is not None or self.is_refused,
            }

    def finish(self, *, interrupted: bool = False) -> None:
        """Close the engine and complete the session's result.

        Args:
            interrupted: Whether the session ended early.
        """
        if self.is_measuring:
            self.session_result.finish(self.engine, list(self.results.values()), interrupted=interrupted)
