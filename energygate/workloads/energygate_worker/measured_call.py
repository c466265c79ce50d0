"""The call that a test measures: `energy(fn, *args, requests=1, units=None, name=None, **kwargs)`.

Both fixtures named `energy` create one: the plugin's, which calls it once in the user's own session, and the
worker's, which serves it as a workload.
"""

from __future__ import annotations

import inspect
import operator
from functools import partial

from .errors import MAX_MESSAGE_LENGTH, UNFINISHED, FailedRequest, describe_error
from .python_callable import CallableWorkload, PrivateLoop, count_of, returns_coroutine

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

NOT_YET = object()
"""Value of a call that has not been made yet."""


class MeasuredCall(CallableWorkload):
    """A function with its arguments, as a test passes them to `energy`.

    Args:
        function: The measured function; a coroutine function runs to its end, on one event loop of its own.
        args: Its positional arguments, the same in every call.
        kwargs: Its keyword arguments.
        requests: How many requests one call serves: results are per request.
        units: How much one call yields: a number, or a function of the call's value that returns it.

    Attributes:
        value: What the first call returned; `NOT_YET` before it.

    Raises:
        TypeError: When `function` cannot be called, or `units` is neither a number nor a function.
        ValueError: When `requests` is not a whole number from 1 up, or `units` is negative.
    """

    # A test may measure a function that returns nothing; a lazy answer would still leave the work itself out.
    refused = {kind: name for kind, name in UNFINISHED.items() if kind is not type(None)}  # noqa: RUF012 - a constant, like UNFINISHED

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        requests: int = 1,
        units: float | Callable[[Any], float] | None = None,
    ) -> None:
        if not callable(function):
            message = "energy() takes the function to measure, then its arguments; this is %s, of type %s"
            raise TypeError(message % (repr(function)[:MAX_MESSAGE_LENGTH], type(function).__name__))
        self.requests = _whole(requests)
        self._units = units if units is None or callable(units) else _number(units)
        bound = partial(function, *args, **(kwargs or {})) if args or kwargs else function
        super().__init__(bound, None, is_async=returns_coroutine(function))
        self.value: Any = NOT_YET

    def once(self) -> Any:
        """Call it once and return its value: what the test sees when nothing is measured."""
        return self._awaited(self.function())

    def count(self, units: str | None) -> None:
        """Count what calls yield from now on, under this name; without `units=` a call's answer contains the number."""
        self.units = units
        self.observes = units is not None

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        if self.value is NOT_YET:
            self.value = self._finished(self._awaited(self.function(**feed)))
            return self.value
        return super().serve(feed)

    async def serve_coroutine(self, feed: dict[str, Any]) -> Any:
        """Answer one call, while others may be answered on the same event loop."""
        answer = await super().serve_coroutine(feed)
        if self.value is NOT_YET:
            self.value = answer
        return answer

    def loop(self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]) -> None:
        """Answer one call per feed and append the time after each."""
        if self.value is NOT_YET:  # the very first call, long before anything is measured
            for feed in feeds:
                self.serve(feed)
                append(clock())
                break
        super().loop(feeds, append, clock)

    def observe(self, answer: Any) -> tuple[float, int]:
        """Return how much a call yielded."""
        if self._units is None:
            return super().observe(answer)
        if not callable(self._units):
            return self._units, 0
        try:
            count = self._units(answer)
        except Exception as error:
            raise FailedRequest("was answered, but its units= %s" % describe_error(error)) from error
        return count_of(count, "was answered, but its units= returned %s"), 0

    def close(self) -> None:
        """Close the event loop, if there is one."""
        if self.event_loop is not None:
            self.event_loop.close()

    def _awaited(self, answer: Any) -> Any:
        """Return the answer; if the function turns out to return awaitables, as lambdas may, what those return."""
        if not inspect.isawaitable(answer):
            return answer
        plain = self.coroutine

        async def rest(awaitable: Any) -> Any:
            return await awaitable

        self.event_loop = self.event_loop or PrivateLoop()
        self.coroutine = lambda **feed: rest(plain(**feed))
        self.function = lambda **feed: self.event_loop.run_until_complete(rest(plain(**feed)))
        return self.event_loop.run_until_complete(rest(answer))


def _whole(requests: Any) -> int:
    message = "energy(): requests=%r; it must be the number of requests that one call serves, from 1 up"
    try:
        number = operator.index(requests)
    except TypeError:
        raise ValueError(message % (requests,)) from None
    if number < 1 or isinstance(requests, bool):
        raise ValueError(message % (requests,))
    return number


def _number(units: Any) -> float:
    try:
        return count_of(units, "%s")
    except FailedRequest:
        message = "energy(): units=%s; it must be what one call yields: a number from 0 up, or a function of its value"
        raise TypeError(message % repr(units)[:MAX_MESSAGE_LENGTH]) from None
