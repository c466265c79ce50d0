"""The calls of one window: served back to back by one client, or shared by several, or as they arrive."""

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


class Failures:
    """The calls of a window that failed.

    Args:
        served: How many requests the worker has served before, for messages.
        tolerant: Whether failures are counted; otherwise the first one ends the window.
    """

    def __init__(self, served: int, *, tolerant: bool) -> None:
        self._served = served
        self._tolerant = tolerant
        self._told: dict[int, str] = {}

    def add(self, position: int, error: BaseException) -> None:
        """Count one.

        Raises:
            Trouble: When it is none to be counted.
        """
        failure = describe_failure(self._served + position + 1, error)
        if not self._tolerant or not isinstance(error, Exception):
            raise WorkloadError(failure) from (None if isinstance(error, SELF_EXPLANATORY) else error)
        self._told[position] = failure

    def told(self) -> dict[str, Any]:
        """Where they are, and the first one as a sentence."""
        return {
            "failed": sorted(self._told),
            "first_failure": self._told[min(self._told)] if self._told else None,
        }


class BackToBack:
    """One client that asks again as soon as it is answered: the loop is the workload's own, and bare."""

    def __init__(self, workload: Any, feeds: Iterator[dict[str, Any]], failures: Failures) -> None:
        self._workload = workload
        self._feeds = feeds
        self._failures = failures
        self._stamps: list[int] = []

    def serve(self, start_ns: int) -> int:
        """Serve them all; returns when the last one was answered."""
        stamps, clock = self._stamps, time.perf_counter_ns
        stamps.append(start_ns)
        while True:  # a failed request leaves the loop; the next round goes on with the request after it
            try:
                self._workload.loop(self._feeds, stamps.append, clock)
                return stamps[-1]
            except BaseException as error:
                if forked:
                    raise  # this process must not serve on
                self._failures.add(len(stamps) - 1, error)
                stamps.append(clock())

    def told(self) -> dict[str, Any]:
        """What became of the calls."""
        stamps = self._stamps
        latencies_ns = (stamps[at] - stamps[at - 1] for at in range(1, len(stamps)))
        return dict(self._failures.told(), latencies_ns=pack_integers(latencies_ns))


class SharedCalls:
    """Calls that are handed out in order to whoever is free.

    Whoever takes a call that has not arrived yet waits for it. That is one queue, first come first served, without a
    dispatcher that would need CPU time beside the workload.

    Args:
        workload: What serves them.
        feeds: The inputs of every call.
        failures: Counts those that fail.
        arrivals: When they arrive, `offsets_ns` after the window's beginning, and the window's length `span_ns`;
            `None` where each begins as soon as somebody is free.
        serve_all: Iterates over the calls until there are none left, and says what became of them.
    """

    def __init__(
        self,
        workload: Any,
        feeds: Sequence[dict[str, Any]],
        failures: Failures,
        arrivals: dict[str, Any] | None,
        serve_all: Any,
    ) -> None:
        import threading

        self._feeds = feeds
        self._failures = failures
        self._observe = workload.observe if workload.observes else None
        self._serve_all = serve_all
        self._offsets_ns = unpack_integers(arrivals["offsets_ns"]) if arrivals else None
        self._span_ns = arrivals["span_ns"] if arrivals else 0
        self._lock = threading.Lock()
        self._start_ns = 0
        self._taken = 0
        self._end_ns = 0
        self._latencies_ns = array.array("q", bytes(8 * len(feeds)))
        self._units: list[float] = []
        self._first_pieces_ns: dict[int, int] = {}
        self._trouble: WorkloadError | None = None

    def serve(self, start_ns: int) -> int:
        """Serve them all; returns when the window ended: after the last answer, and not before its time."""
        self._start_ns = start_ns
        self._serve_all(self)
        if self._trouble is not None:
            raise self._trouble
        wait_until(start_ns + self._span_ns)
        return max(self._end_ns, start_ns + self._span_ns)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any], int]]:
        return self

    def __next__(self) -> tuple[int, dict[str, Any], int]:
        """The next call: its position, its inputs, and when it arrives (0: whenever somebody is free)."""
        with self._lock:
            position = self._taken
            if position == len(self._feeds) or self._trouble is not None:
                raise StopIteration
            self._taken += 1
        due_ns = self._start_ns + self._offsets_ns[position] if self._offsets_ns else 0
        return position, self._feeds[position], due_ns

    def answered(self, position: int, began_ns: int, ended_ns: int, answer: Any) -> None:
        """Say that a call was answered; it began when it arrived, or when it was taken."""
        self._ended(position, began_ns, ended_ns)
        if self._observe is None:
            return
        try:
            units, first_ns = self._observe(answer)
        except BaseException as error:
            self._failed(position, error)
            return
        self._units.append(units)
        if first_ns:
            self._first_pieces_ns[position] = first_ns - began_ns

    def raised(self, position: int, began_ns: int, ended_ns: int, error: BaseException) -> None:
        """Say that a call failed."""
        self._ended(position, began_ns, ended_ns)
        self._failed(position, error)

    def _ended(self, position: int, began_ns: int, ended_ns: int) -> None:
        self._latencies_ns[position] = ended_ns - began_ns
        with self._lock:
            self._end_ns = max(self._end_ns, ended_ns)

    def _failed(self, position: int, error: BaseException) -> None:
        try:
            self._failures.add(position, error)
        except (
            WorkloadError
        ) as trouble:  # for the one who opened the window, not for the client that serves it
            self._trouble = self._trouble or trouble

    def told(self) -> dict[str, Any]:
        """What became of the calls, and what they yielded where that was looked at."""
        told = dict(self._failures.told(), latencies_ns=pack_integers(self._latencies_ns))
        if self._observe is not None:
            pieces = self._first_pieces_ns
            told["units"] = math.fsum(self._units)
            told["first_piece_latencies_ns"] = pack_integers(pieces[position] for position in sorted(pieces))
        return told


def wait_until(due_ns: int) -> None:
    """Sleep until then."""
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        time.sleep(left_ns * 1e-9)


def pack_integers(numbers: Any) -> str:
    """Whole numbers as text: JSON's own would be three times as long, and slow."""
    return base64.b64encode(array.array("q", numbers).tobytes()).decode("ascii")


def unpack_integers(text: str) -> Any:
    """The numbers again."""
    return array.array("q", base64.b64decode(text))
