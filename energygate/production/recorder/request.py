"""One request, from its begin to its end, and which one the running code belongs to."""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import TYPE_CHECKING

from energygate.production.recorder.labels import MAX_UNITS, OTHER, label

if TYPE_CHECKING:
    from types import TracebackType

    from energygate.production.recorder.ledger import WorkloadCounters
    from energygate.production.recorder.recorder import Recorder
    from energygate.production.recorder.recording import Recording

CURRENT: ContextVar[Request | None] = ContextVar("energygate_request", default=None)
"""The innermost request that the running thread or task serves. It may have ended: streams end elsewhere."""


class Request:
    """A request; made by `Recorder.request`, and begun when it is entered.

    Nothing here ever raises: what cannot be counted is left out.

    Example:
        >>> with recorder.request() as request:  # doctest: +SKIP
        ...     answer = model(inputs)
        ...     request.units(len(answer.tokens), "tokens")
        ...     request.bytes_out(len(answer.text.encode()))
    """

    __slots__ = (
        "_account",
        "_answered_ns",
        "_began_ns",
        "_bytes",
        "_failed",
        "_outer",
        "_recorder",
        "_recording",
        "_same",
        "_units",
        "_workload",
    )

    def __init__(self, recorder: Recorder, workload: object) -> None:
        self._recorder = recorder
        self._workload = workload
        self._recording: Recording | None = None
        self._account: WorkloadCounters | None = None
        self._outer: Request | None = None
        self._same: Request | None = None
        self._began_ns = 0
        self._answered_ns: int | None = None
        self._bytes = 0
        self._failed = False
        self._units: dict[str, float] | None = None

    def units(self, count: float, unit: str = "units") -> None:
        """Count what the request yields.

        Args:
            count: How many; negative ones and what is no number count nothing.
            unit: Of what, such as `tokens`.
        """
        if self._same is not None:
            self._same.units(count, unit)
            return
        try:
            if not (count > 0 and math.isfinite(count)):
                return
            units = self._units
            if units is None:
                units = self._units = {}
            name = unit if unit in units else label(unit)
            if name not in units and len(units) >= MAX_UNITS:
                name = OTHER
            units[name] = units.get(name, 0) + float(count)
        except Exception as error:  # noqa: BLE001 - the service goes on, whatever it counted
            self._recorder.note("units could not be counted", error)

    def bytes_out(self, count: int) -> None:
        """Count bytes of the answer; the middlewares do it by themselves."""
        if self._same is not None:
            self._same.bytes_out(count)
            return
        try:
            if count > 0:
                self._bytes += int(count)
        except Exception as error:  # noqa: BLE001 - the same
            self._recorder.note("bytes could not be counted", error)

    def error(self) -> None:
        """Let the request count as failed, although nothing is raised."""
        if self._same is not None:
            self._same.error()
            return
        self._failed = True

    def answered(self) -> None:
        """The answer is complete: its duration ends here, though work for it may go on."""
        recording = self._recording
        if recording is not None and self._answered_ns is None:
            self._answered_ns = recording.ledger.now_ns()

    def begin(self) -> Request:
        """Begin it; `with` does that."""
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001 - the same
            self._recorder.note("a request could not be counted", error)
        return self

    def end(self, *, ok: bool = True) -> None:
        """End it; `with` does that. Only the first time counts.

        Args:
            ok: Whether it ended well.
        """
        try:
            self._end(ok=ok)
        except Exception as error:  # noqa: BLE001 - the same
            self._recorder.note("a request could not be counted", error)

    def __enter__(self) -> Request:  # noqa: PYI034 - Self came with Python 3.11
        return self.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(ok=kind is None)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, was never begun, or is part of another one."""
        return self._recording is None

    def _begin(self) -> None:
        if self._recording is not None:
            return
        recorder = self._recorder
        recording = recorder.recording()
        if recording is None:  # closed
            return
        outer = CURRENT.get()
        if self._workload is None:
            self._workload = recorder.workload
        workload = self._workload
        self._outer = outer
        self._same = _same(outer, recording, workload)
        if self._same is None:
            self._account, self._began_ns = recording.ledger.begin(workload)
            self._recording = recording
        CURRENT.set(self)

    def _end(self, *, ok: bool) -> None:
        recording, account = self._recording, self._account
        if CURRENT.get() is self:
            CURRENT.set(self._outer)
        self._outer = self._same = None
        if recording is None or account is None:
            return
        self._recording = None
        if recording is not self._recorder.recording():
            return  # it began before a fork: the parent ends it
        recording.ledger.end(
            account,
            self._began_ns,
            ok=ok and not self._failed,
            answered_ns=self._answered_ns,
            response_bytes=self._bytes,
            units=self._units,
        )
        if recording.last_words:
            recording.leave_word()


def _same(outer: Request | None, recording: Recording, workload: object) -> Request | None:
    """The request around this one that it is part of: one of the same workload and recorder that still goes on."""
    while outer is not None:
        # As it was named: its account can be that of many, `other`, or have a name that was cut.
        if outer._recording is recording and outer._workload == workload:  # noqa: SLF001 - of this module
            return outer
        outer = outer._same or outer._outer  # noqa: SLF001
    return None
