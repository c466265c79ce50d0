"""Python functions as workloads: each call is one request, or a batch of them."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from collections.abc import Mapping

from .errors import (
    MAX_MESSAGE_LENGTH,
    UNFINISHED,
    FailedRequest,
    ForkedCopy,
    UnfinishedAnswer,
    WorkloadError,
    describe_error,
    forked,
)
from .loaded_workload import LoadedWorkload

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any


class CallableWorkload(LoadedWorkload):
    """A function that serves one request per call.

    Attributes:
        coroutine: The function as it was given.
        event_loop: Where it runs if it is a coroutine function; otherwise `None`.
        function: The function as an ordinary one that returns its answer.
        refused: Types that it may not return.
        units: The policy's name for what requests yield; `None` if it is not counted.
    """

    refused = UNFINISHED

    def __init__(self, function: Callable[..., Any], units: str | None, *, is_async: bool) -> None:
        self.coroutine = self.function = function
        self.event_loop: Any = None
        if is_async:
            self.event_loop = loop = PrivateLoop()
            self.function = lambda **feed: loop.run_until_complete(function(**feed))
        self.units = units
        self.observes = units is not None
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        return self._finished(self.function(**feed))

    async def serve_coroutine(self, feed: dict[str, Any]) -> Any:
        """Answer one call, while others may be answered on the same event loop."""
        return self._finished(await self.coroutine(**feed))

    def loop(self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        function, refused = self.function, self.refused
        for feed in feeds:
            if (kind := type(function(**feed))) in refused:
                raise UnfinishedAnswer(kind)
            if forked:
                raise ForkedCopy
            append(clock())

    def observe(self, answer: Any) -> tuple[float, int]:
        """Return how much a call yielded, and 0: a callable returns its whole answer at once."""
        if not isinstance(answer, Mapping):
            message = "returned %s; with `units: %s` a request returns a mapping that contains the number of %s"
            raise FailedRequest(message % (type(answer).__name__, self.units, self.units))
        if self.units not in answer:
            names = ", ".join(repr(name) for name in list(answer)[:10]) or "nothing"
            raise FailedRequest("returned no %r, which `units` names; its answer contains %s" % (self.units, names))
        return count_of(answer[self.units], "returned %%s as its %r" % self.units), 0

    def named(self, answer: Any) -> dict[str, Any]:
        """Return the parts of an answer by name."""
        if isinstance(answer, dict):
            return {str(name): value for name, value in answer.items()}
        if isinstance(answer, tuple):
            return {str(position): value for position, value in enumerate(answer)}
        return {"answer": answer}

    def _finished(self, answer: Any) -> Any:
        if type(answer) in self.refused:
            raise UnfinishedAnswer(type(answer))
        if forked:
            raise ForkedCopy
        return answer


class PythonCallable(CallableWorkload):
    """A function that the user's factory `package.module:factory` returns."""

    def __init__(self, spec: dict[str, Any]) -> None:
        target = spec["target"]
        module_name, _, factory_name = target.partition(":")
        try:
            factory: Any = importlib.import_module(module_name)
        except BaseException as error:  # a script without a main guard may call sys.exit
            if isinstance(error, ModuleNotFoundError) and (module_name + ".").startswith("%s." % error.name):
                message = "there is no module %s in %s, nor in the environment of %s"
                raise WorkloadError(message % (error.name, os.getcwd(), sys.executable)) from None
            message = "%s cannot be imported with %s: it %s"
            raise WorkloadError(message % (module_name, sys.executable, describe_error(error))) from error
        self.origin = getattr(factory, "__file__", None)
        try:
            for part in factory_name.split("."):
                factory = getattr(factory, part)
        except AttributeError as error:
            raise WorkloadError("%s does not exist: %s" % (target, error)) from None
        try:
            function = factory()
        except BaseException as error:
            raise WorkloadError("the factory %s %s" % (target, describe_error(error))) from error
        if inspect.isawaitable(function) or not callable(function):
            what = "nothing" if function is None else type(function).__name__
            message = "%s returned %s; it must return the function that serves one request"
            raise WorkloadError(message % (target, what))
        super().__init__(function, spec.get("units"), is_async=returns_coroutine(function))


class PrivateLoop:
    """An event loop for a measured function, which works even inside a test that runs on another loop."""

    def __init__(self) -> None:
        import asyncio

        self._asyncio: Any = asyncio
        self._loop = asyncio.new_event_loop()

    def run_until_complete(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine. A loop that is running in this thread pauses meanwhile, as during any call."""
        outer = self._asyncio._get_running_loop()  # noqa: SLF001 - documented for those who write loops
        if outer is None:
            return self._loop.run_until_complete(coroutine)
        task = self._asyncio.current_task(outer)
        if task is not None:
            self._asyncio.tasks._leave_task(outer, task)  # noqa: SLF001 - the same
        self._asyncio._set_running_loop(None)  # noqa: SLF001
        try:
            return self._loop.run_until_complete(coroutine)
        finally:
            self._asyncio._set_running_loop(outer)  # noqa: SLF001
            if task is not None:
                self._asyncio.tasks._enter_task(outer, task)  # noqa: SLF001

    def close(self) -> None:
        """Close it, and what still runs on it."""
        self.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def returns_coroutine(function: Callable[..., Any]) -> bool:
    """Return whether calling it returns a coroutine."""
    return any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))


def count_of(value: Any, wording: str) -> float:
    """Return how much a request yielded.

    Args:
        value: What it reports: a number, including scalars of numpy and torch.
        wording: What the request did if that is not a count, with `%s` in place of the value.

    Raises:
        FailedRequest: When it is not a count.
    """
    try:
        count = float("nan" if isinstance(value, (str, bytes, bool)) else value)
    except Exception:
        count = math.nan
    if not 0 <= count < math.inf:
        raise FailedRequest("%s, which is not a count" % (wording % repr(value)[:MAX_MESSAGE_LENGTH]))
    return count
