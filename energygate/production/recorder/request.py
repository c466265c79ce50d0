"""One request, from its start to its end, and the request that the running code belongs to."""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from energygate.production.recorder.labels import MAX_UNITS, OTHER, label

if TYPE_CHECKING:
    from types import TracebackType

    from energygate.production.recorder.ledger import WorkloadCounters
    from energygate.production.recorder.recording import Recording

CURRENT: ContextVar[Request | None] = ContextVar("energygate_request", default=None)
"""The innermost request of the running thread or task. It may have ended: streams end elsewhere."""


class RequestRecorder(Protocol):
    """What a request needs of the `Recorder` that counts it."""

    workload: str

    def recording(self) -> Recording | None:
        """Return this process's recording, started; `None` once the recorder is closed."""

    def note(self, what: str, error: BaseException) -> None:
        """Count an internal error; log it once."""


@dataclass(slots=True, eq=False, repr=False)
class Request:
    """A request; made by `Recorder.request`, begun when it is entered.

    No method ever raises: what cannot be counted is left out.

    Example:
        >>> with recorder.request() as request:  # doctest: +SKIP
        ...     answer = model(inputs)
        ...     request.units(len(answer.tokens), "tokens")
        ...     request.bytes_out(len(answer.text.encode()))
    """

    _recorder: RequestRecorder
    _workload: object
    _recording: Recording | None = None
    _counters: WorkloadCounters | None = None
    _outer: Request | None = None
    _whole: Request | None = None
    """The request that this one is part of."""
    _began_ns: int = 0
    _answered_ns: int | None = None
    _bytes: int = 0
    _failed: bool = False
    _units: dict[str, float] | None = None

    def units(self, count: float, unit: str = "units") -> None:
        """Count what the request yields.

        Args:
            count: How many; a negative value, or one that is not a number, counts nothing.
            unit: Of what, such as `tokens`.
        """
        if self._whole is not None:
            self._whole.units(count, unit)
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
        except Exception as error:  # noqa: BLE001 - nothing may reach the service
            self._recorder.note("units could not be counted", error)

    def bytes_out(self, count: int) -> None:
        """Count bytes of the response; the middlewares do so themselves."""
        if self._whole is not None:
            self._whole.bytes_out(count)
            return
        try:
            if count > 0:
                self._bytes += int(count)
        except Exception as error:  # noqa: BLE001 - nothing may reach the service
            self._recorder.note("bytes could not be counted", error)

    def error(self) -> None:
        """Mark the request as failed although nothing is raised."""
        if self._whole is not None:
            self._whole.error()
            return
        self._failed = True

    def answered(self) -> None:
        """Mark the response as complete: the duration ends here, though work for the request may go on."""
        recording = self._recording
        if recording is not None and self._answered_ns is None:
            self._answered_ns = recording.ledger.now_ns()

    def begin(self) -> Request:
        """Begin the request; `with` does so."""
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001 - nothing may reach the service
            self._recorder.note("a request could not be counted", error)
        return self

    def end(self, *, ok: bool = True) -> None:
        """End the request; `with` does so. Only the first call counts.

        Args:
            ok: Whether the request succeeded.
        """
        try:
            self._end(ok=ok)
        except Exception as error:  # noqa: BLE001 - nothing may reach the service
            self._recorder.note("a request could not be counted", error)

    def __enter__(self) -> Request:  # noqa: PYI034 - Self came with Python 3.11
        return self.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(ok=kind is None)

    def _begin(self) -> None:
        if self._recording is not None:
            return
        recording = self._recorder.recording()
        if recording is None:  # closed
            return
        if self._workload is None:
            self._workload = self._recorder.workload
        self._outer = CURRENT.get()
        self._whole = _enclosing(self._outer, recording, self._workload)
        if self._whole is None:
            self._counters, self._began_ns = recording.ledger.begin(self._workload)
            self._recording = recording
        CURRENT.set(self)

    def _end(self, *, ok: bool) -> None:
        recording, counters = self._recording, self._counters
        if CURRENT.get() is self:
            CURRENT.set(self._outer)
        self._outer = self._whole = None
        if recording is None or counters is None:
            return
        self._recording = None
        if recording is not self._recorder.recording():
            return  # it began before a fork: the parent process ends it
        recording.ledger.end(
            counters,
            self._began_ns,
            ok=ok and not self._failed,
            answered_ns=self._answered_ns,
            response_bytes=self._bytes,
            units=self._units,
        )
        if recording.early_writes_left:
            recording.write_early()


def _enclosing(outer: Request | None, recording: Recording, workload: object) -> Request | None:
    """Return the unfinished request of the same workload and recorder that encloses a new one."""
    while outer is not None:
        # Compare the name as given: counters may belong to `other`, or to a truncated name.
        if outer._recording is recording and outer._workload == workload:  # noqa: SLF001 - same class
            return outer
        outer = outer._whole or outer._outer  # noqa: SLF001
    return None
