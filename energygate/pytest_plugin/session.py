"""One session's energy tests: what is measured when, what it comes to for a test, and what is left at the end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from energygate.errors import EnergygateError, MeasurementError
from energygate.pytest_plugin.calling import Energy, NotMeasured, Part
from energygate.pytest_plugin.entries import naming, unheld
from energygate.pytest_plugin.measurer import Measurer, Wanted, wanted
from energygate.pytest_plugin.plugin_interop import paused_timeout, warn
from energygate.pytest_plugin.record import RECORD, Record, new_record, unexpected
from energygate.pytest_plugin.session_result import Whole
from energygate.pytest_plugin.settings import Settings, read_settings
from energygate.pytest_plugin.statuses import in_options, trouble_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from energygate.result.result import Result, WorkloadResult

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
        measurer: What measures; `None` where nothing is measured, or nothing was to be measured yet.
        is_refused: Whether measuring was asked for where it cannot be: beside other tests.
        is_measuring: Whether this is a session that measures, with or without tests to measure.
        whole: What it comes to.
        make_measurer: What makes the measurer when it is needed; `None` for energygate's engine.
        results: What was measured, by test and part.
    """

    settings: Settings
    measurer: Measurer | None
    is_refused: bool
    is_measuring: bool
    whole: Whole
    make_measurer: Callable[[pytest.Config, Settings], Measurer] | None
    results: dict[tuple[str, str | None], Result] = field(default_factory=dict)

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
        session = cls(
            settings=settings,
            measurer=None,
            is_refused=is_refused,
            is_measuring=settings.on and not is_worker and not config.option.collectonly,
            whole=Whole(settings=settings),
            make_measurer=make_measurer,
        )
        for item in items:
            session._record(item)
        if items or settings.policy_file is not None or settings.text("base") is not None:
            try:
                session._open(config, items)
            except EnergygateError as error:
                raise pytest.UsageError(in_options(str(error))) from None
        return session

    def _open(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        """Open what measures, unless that is done or is not to be.

        Raises:
            EnergygateError: When a marker or an option makes no sense.
        """
        if not self.is_measuring or self.measurer is not None:
            return
        if self.make_measurer is None:
            from energygate.pytest_plugin.measuring import Engine

            self.make_measurer = Engine.open
        try:
            self.measurer = self.make_measurer(config, self.settings)
            for item in items:
                marks = self._record(item).marks
                for name in {None, *(mark.settings.get("part") for mark in marks.marks)}:
                    self.measurer.refuse(self._wanted(item, Part(name=name, counts_units=True)))
        except EnergygateError:
            if self.measurer is not None:
                self.measurer.finish()
                self.measurer = None
            raise

    def know(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        """Note which energy tests there are, whether or not they are run.

        Args:
            session: What has collected them.
            items: The tests.
        """
        if self.is_measuring:
            self.whole.know(session, items, self.measurer)

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
            trouble = None
            try:
                self._open(item.config, [item])
            except EnergygateError as error:
                trouble = error
            record = self._record(item)
            record.trouble = record.trouble or trouble
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
                self.whole.notes.append(f"not judged: {why.what}; head's policy has it otherwise")
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
        from energygate.pytest_plugin.failure_text import failure, properties, warning

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
            self.whole.notes += [f"not judged: {entry}: {item.nodeid} {how}" for entry in record.entries]
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
        """Close what measures, and make a whole of what was found.

        Args:
            interrupted: Whether the session ended early.
        """
        if self.is_measuring:
            self.whole.finish(self.measurer, list(self.results.values()), interrupted=interrupted)
