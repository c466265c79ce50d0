"""The calls of one window: back to back from one client, shared by several clients, or at their arrival times."""

from __future__ import annotations

import array
import base64
import math
import time

from .errors import SELF_EXPLANATORY, WorkloadError, describe_failure, forked

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


class FailedCalls:
    """The failed calls of a window.

    Args:
        served: How many requests the worker has served before, for messages.
        tolerant: Whether failures are counted; otherwise the first one ends the window.
    """

    def __init__(self, served: int, *, tolerant: bool) -> None:
        self._served = served
        self._tolerant = tolerant
        self._sentences: dict[int, str] = {}

    def add(self, position: int, error: BaseException) -> None:
        """Count a failure.

        Raises:
            WorkloadError: When failures are not tolerated, or this one is no ordinary exception.
        """
        sentence = describe_failure(self._served + position + 1, error)
        if not self._tolerant or not isinstance(error, Exception):
            raise WorkloadError(sentence) from (None if isinstance(error, SELF_EXPLANATORY) else error)
        self._sentences[position] = sentence

    def reply(self) -> dict[str, Any]:
        """Return the positions of the failed calls, and a sentence about the first."""
        return {
            "failed": sorted(self._sentences),
            "first_failure": self._sentences[min(self._sentences)] if self._sentences else None,
        }


class BackToBackCalls:
    """Calls of one client that sends the next as soon as the last is answered, in the workload's own bare loop."""

    def __init__(self, workload: Any, feeds: Iterator[dict[str, Any]], failures: FailedCalls) -> None:
        self._workload = workload
        self._feeds = feeds
        self._failures = failures
        self._stamps: list[int] = []

    def serve(self, start_ns: int) -> int:
        """Serve all calls; return when the last one was answered."""
        stamps, clock = self._stamps, time.perf_counter_ns
        stamps.append(start_ns)
        while True:  # a failed request leaves the loop; the next round continues with the request after it
            try:
                self._workload.loop(self._feeds, stamps.append, clock)
                return stamps[-1]
            except BaseException as error:
                if forked:
                    raise  # this process must not continue to serve
                self._failures.add(len(stamps) - 1, error)
                stamps.append(clock())

    def reply(self) -> dict[str, Any]:
        """Return latencies and failures."""
        stamps = self._stamps
        latencies_ns = (stamps[at] - stamps[at - 1] for at in range(1, len(stamps)))
        return dict(self._failures.reply(), latencies_ns=pack_integers(latencies_ns))


class SharedCalls:
    """Calls that are handed out in order to the next free client.

    The client that takes a call that has not arrived yet waits for it. That is one queue, first come first served,
    without a dispatcher that would need CPU time beside the workload.

    Args:
        workload: The workload that serves them.
        feeds: The inputs of every call.
        failures: Counts the failed ones.
        arrivals: Their arrival times, `offsets_ns` after the start of the window, and its length `span_ns`; `None` if
            each starts as soon as a client is free.
        clients: Iterate over the calls until none are left, and report what happened to each.
    """

    def __init__(
        self,
        workload: Any,
        feeds: Sequence[dict[str, Any]],
        failures: FailedCalls,
        arrivals: dict[str, Any] | None,
        clients: Any,
    ) -> None:
        import threading

        self._feeds = feeds
        self._failures = failures
        self._observe = workload.observe if workload.observes else None
        self._clients = clients
        self._offsets_ns = unpack_integers(arrivals["offsets_ns"]) if arrivals else None
        self._span_ns = arrivals["span_ns"] if arrivals else 0
        self._lock = threading.Lock()
        self._start_ns = 0
        self._taken = 0
        self._end_ns = 0
        self._latencies_ns = array.array("q", bytes(8 * len(feeds)))
        self._units: list[float] = []
        self._first_pieces_ns: dict[int, int] = {}
        self._error: WorkloadError | None = None

    def serve(self, start_ns: int) -> int:
        """Serve all calls; return the end of the window: after the last answer, and not before its span is over."""
        self._start_ns = start_ns
        self._clients(self)
        if self._error is not None:
            raise self._error
        wait_until(start_ns + self._span_ns)
        return max(self._end_ns, start_ns + self._span_ns)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any], int]]:
        return self

    def __next__(self) -> tuple[int, dict[str, Any], int]:
        """Take the next call: its position, its inputs, and its arrival (0: as soon as a client is free)."""
        with self._lock:
            position = self._taken
            if position == len(self._feeds) or self._error is not None:
                raise StopIteration
            self._taken += 1
        due_ns = self._start_ns + self._offsets_ns[position] if self._offsets_ns else 0
        return position, self._feeds[position], due_ns

    def answered(self, position: int, start_ns: int, end_ns: int, answer: Any) -> None:
        """Report an answered call; it started when it arrived, or when it was taken."""
        self._ended(position, start_ns, end_ns)
        if self._observe is None:
            return
        try:
            units, first_ns = self._observe(answer)
        except BaseException as error:
            self._failed(position, error)
            return
        self._units.append(units)
        if first_ns:
            self._first_pieces_ns[position] = first_ns - start_ns

    def raised(self, position: int, start_ns: int, end_ns: int, error: BaseException) -> None:
        """Report a failed call."""
        self._ended(position, start_ns, end_ns)
        self._failed(position, error)

    def _ended(self, position: int, start_ns: int, end_ns: int) -> None:
        self._latencies_ns[position] = end_ns - start_ns
        with self._lock:
            self._end_ns = max(self._end_ns, end_ns)

    def _failed(self, position: int, error: BaseException) -> None:
        try:
            self._failures.add(position, error)
        except WorkloadError as fatal:  # `serve` raises it, not the client
            self._error = self._error or fatal

    def reply(self) -> dict[str, Any]:
        """Return latencies and failures, and what the calls yielded if it was observed."""
        reply = dict(self._failures.reply(), latencies_ns=pack_integers(self._latencies_ns))
        if self._observe is not None:
            pieces = self._first_pieces_ns
            reply["units"] = math.fsum(self._units)
            reply["first_piece_latencies_ns"] = pack_integers(pieces[position] for position in sorted(pieces))
        return reply


def wait_until(due_ns: int) -> None:
    """Sleep until a time of `perf_counter_ns`."""
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        time.sleep(left_ns * 1e-9)


def pack_integers(numbers: Any) -> str:
    """Encode integers as text: JSON numbers would be three times as long, and slow."""
    return base64.b64encode(array.array("q", numbers).tobytes()).decode("ascii")


def unpack_integers(text: str) -> Any:
    """Decode `pack_integers`."""
    return array.array("q", base64.b64decode(text))
