"""A Python callable as a workload."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from collections.abc import Mapping

from .kind import Kind
from .troubles import NO_ANSWER, TEXT_LIMIT, FailedRequest, ForkedCopy, NoAnswer, Trouble, deed, forked

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class PythonCallable(Kind):
    """A function that serves one request, made by the user's factory `package.module:factory`."""

    def __init__(self, spec: dict[str, Any]) -> None:
        target = spec["target"]
        module_name, _, factory_name = target.partition(":")
        try:
            factory: Any = importlib.import_module(module_name)
        except BaseException as error:  # a script without a main guard may well call sys.exit
            if isinstance(error, ModuleNotFoundError) and (module_name + ".").startswith("%s." % error.name):
                message = "there is no module %s in %s, nor in the environment of %s"
                raise Trouble(message % (error.name, os.getcwd(), sys.executable)) from None
            raise Trouble(
                "%s cannot be imported with %s: it %s" % (module_name, sys.executable, deed(error))
            ) from error
        self.origin = getattr(factory, "__file__", None)
        try:
            for part in factory_name.split("."):
                factory = getattr(factory, part)
        except AttributeError as error:
            raise Trouble("%s does not exist: %s" % (target, error)) from None
        try:
            function = factory()
        except BaseException as error:
            raise Trouble("the factory %s %s" % (target, deed(error))) from error
        if inspect.isawaitable(function) or not callable(function):
            raise Trouble(
                "%s returned %s; it must return the function that serves one request"
                % (target, "nothing" if function is None else type(function).__name__)
            )
        self.event_loop = _event_loop(function)
        self.coroutine = function  # where there is a loop for it
        self.function = _blocking(function, self.event_loop)
        self.units: str | None = spec.get("units")
        self.observes = self.units is not None
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        return _finished(self.function(**feed))

    async def serve_coroutine(self, feed: dict[str, Any]) -> Any:
        """Answer one call, while others may be answered on the same event loop."""
        return _finished(await self.coroutine(**feed))

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
        value = answer[self.units]
        try:
            count = float(
                "nan" if isinstance(value, (str, bytes, bool)) else value
            )  # numpy's and torch's scalars, too
        except Exception:
            count = math.nan
        if not 0 <= count < math.inf:
            message = "returned %s as its %r, which is no count"
            raise FailedRequest(message % (repr(value)[:TEXT_LIMIT], self.units))
        return count, 0

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        function = self.function
        for feed in feeds:
            if (kind := type(function(**feed))) in NO_ANSWER:
                raise NoAnswer(kind)
            if forked:
                raise ForkedCopy
            append(clock())

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        if isinstance(answer, dict):
            return {str(name): value for name, value in answer.items()}
        if isinstance(answer, tuple):
            return {str(position): value for position, value in enumerate(answer)}
        return {"answer": answer}


def _finished(answer: Any) -> Any:
    """The answer, if it is one."""
    if type(answer) in NO_ANSWER:
        raise NoAnswer(type(answer))
    if forked:
        raise ForkedCopy
    return answer


def _event_loop(function: Callable[..., Any]) -> Any:
    """An event loop for a coroutine function to live on; `None` for any other function."""
    if not any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        return None
    import asyncio

    return asyncio.new_event_loop()


def _blocking(function: Callable[..., Any], event_loop: Any) -> Callable[..., Any]:
    """A coroutine function as an ordinary one; any other function as it is."""
    if event_loop is None:
        return function
    return lambda **feed: event_loop.run_until_complete(function(**feed))
