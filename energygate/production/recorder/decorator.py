"""`@recorder.measured`: every call of a function is a request."""
# ruff: noqa: ANN401 - arguments and results are whatever the function takes and returns

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from energygate.production.recorder.request import Request


def measured(function: Callable[..., Any], new_request: Callable[[], Request]) -> Callable[..., Any]:
    """Return the function with every call a request; a coroutine or generator function stays one."""
    if inspect.isasyncgenfunction(function):
        wrapper = _asynchronous_stream(function, new_request)
    elif inspect.isgeneratorfunction(function):
        wrapper = _stream(function, new_request)
    elif inspect.iscoroutinefunction(function):

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with new_request():
                return await function(*args, **kwargs)

    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with new_request():
                return function(*args, **kwargs)

    return functools.wraps(function)(wrapper)


def _stream(function: Callable[..., Any], new_request: Callable[[], Request]) -> Callable[..., Any]:
    def stream(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        request = new_request().begin()
        ok = False
        try:
            answer = yield from function(*args, **kwargs)
            ok = True
        except GeneratorExit:  # the consumer has stopped reading
            ok = True
            raise
        else:
            return answer
        finally:
            request.end(ok=ok)

    return stream


def _asynchronous_stream(function: Callable[..., Any], new_request: Callable[[], Request]) -> Callable[..., Any]:
    async def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        request = new_request().begin()
        inner = function(*args, **kwargs)
        ok = False
        try:
            step = inner.asend(None)
            while True:
                try:
                    piece = await step
                except StopAsyncIteration:
                    ok = True
                    return
                try:
                    sent = yield piece
                except GeneratorExit:
                    ok = True
                    raise
                except BaseException as error:  # noqa: BLE001 - the function decides what to do with it
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        finally:
            try:
                await inner.aclose()
            finally:
                request.end(ok=ok)

    return stream
