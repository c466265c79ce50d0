"""A function of this process as a workload: each call of it is one request, or a batch of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .kind import Kind
from .troubles import NO_ANSWER, TEXT_LIMIT, FailedRequest, ForkedCopy, NoAnswer, forked

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Calls(Kind):
    """A function that serves one request per call.

    Attributes:
        coroutine: The function as it was given.
        event_loop: Where it runs, if it is a coroutine function; otherwise `None`.
        function: The function as an ordinary one, that returns its answer.
        refused: What it may not return, by type.
        units: The policy's name for what requests yield; `None` where that is not counted.
    """

    refused = NO_ANSWER

    def __init__(self, function: Callable[..., Any], event_loop: Any, units: str | None) -> None:
        self.coroutine = function
        self.event_loop = event_loop
        self.function = _blocking(function, event_loop)
        self.units = units
        self.observes = units is not None
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        return self._finished(self.function(**feed))

    async def serve_coroutine(self, feed: dict[str, Any]) -> Any:
        """Answer one call, while others may be answered on the same event loop."""
        return self._finished(await self.coroutine(**feed))

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        function, refused = self.function, self.refused
        for feed in feeds:
            if (kind := type(function(**feed))) in refused:
                raise NoAnswer(kind)
            if forked:
                raise ForkedCopy
            append(clock())

    def observe(self, answer: Any) -> tuple[float, int]:
        """How much a call yielded; never when its first piece came, since a callable returns its whole answer."""
        if not isinstance(answer, Mapping):
            message = "returned %s; with `units: %s` a request returns a mapping that holds the number of %s"
            raise FailedRequest(message % (type(answer).__name__, self.units, self.units))
        if self.units not in answer:
            held = ", ".join(repr(name) for name in list(answer)[:10]) or "nothing"
            raise FailedRequest(
                "returned no %r, which `units` names; its answer holds %s" % (self.units, held)
            )
        return count_of(answer[self.units], "returned %%s as its %r" % self.units), 0

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        if isinstance(answer, dict):
            return {str(name): value for name, value in answer.items()}
        if isinstance(answer, tuple):
            return {str(position): value for position, value in enumerate(answer)}
        return {"answer": answer}

    def _finished(self, answer: Any) -> Any:
        """The answer, if it is one."""
        if type(answer) in self.refused:
            raise NoAnswer(type(answer))
        if forked:
            raise ForkedCopy
        return answer


def count_of(value: Any, deed: str) -> float:
    """How much a request yielded.

    Args:
        value: What it says: a number, numpy's and torch's scalars too.
        deed: What the request did if that is no count, with `%s` in place of the value.

    Raises:
        FailedRequest: When it is no count.
    """
    try:
        count = float("nan" if isinstance(value, (str, bytes, bool)) else value)
    except Exception:
        count = math.nan
    if not 0 <= count < math.inf:
        raise FailedRequest("%s, which is no count" % (deed % repr(value)[:TEXT_LIMIT]))
    return count


def _blocking(function: Callable[..., Any], event_loop: Any) -> Callable[..., Any]:
    """A coroutine function as an ordinary one; any other function as it is."""
    if event_loop is None:
        return function
    return lambda **feed: event_loop.run_until_complete(function(**feed))
