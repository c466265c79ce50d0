"""A Python callable as a workload."""

from __future__ import annotations

import importlib
import inspect
import os
import sys

from .troubles import NO_ANSWER, ForkedCopy, NoAnswer, Trouble, deed, forked

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class PythonCallable:
    """A function that serves one request, made by the user's factory `package.module:factory`."""

    inputs = None
    counts_own_cpu = True
    observes = False
    outputs = None
    origin: str | None = None

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
        self.function = _blocking(function)
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        answer = self.function(**feed)
        if type(answer) in NO_ANSWER:
            raise NoAnswer(type(answer))
        if forked:
            raise ForkedCopy
        return answer

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


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function as an ordinary one on an event loop of its own; any other function as it is."""
    if not any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        return function
    import asyncio

    loop = asyncio.new_event_loop()
    return lambda **feed: loop.run_until_complete(function(**feed))
