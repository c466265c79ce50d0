"""`@recorder.measured`: every call of a function is a request."""
# ruff: noqa: ANN401 - arguments and answers are whatever the function takes and gives

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from energygate.production.recorder.recorder import Recorder


def measured(recorder: Recorder, function: Callable[..., Any], workload: str | None) -> Callable[..., Any]:
    """The same function, each call of which is a request. Its kind stays what it is."""
    if inspect.isasyncgenfunction(function):
        return _asynchronous_stream(recorder, function, workload)
    if inspect.isgeneratorfunction(function):
        return _stream(recorder, function, workload)
    if inspect.iscoroutinefunction(function):
        return _asynchronous(recorder, function, workload)

    @functools.wraps(function)
    def synchronous(*args: Any, **kwargs: Any) -> Any:
        with recorder.request(workload):
            return function(*args, **kwargs)

    return synchronous


def _asynchronous(
    recorder: Recorder, function: Callable[..., Any], workload: str | None
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        with recorder.request(workload):
            return await function(*args, **kwargs)

    return asynchronous


def _stream(recorder: Recorder, function: Callable[..., Any], workload: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    def stream(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        request = recorder.request(workload).begin()
        ok = False
        try:
            answer = yield from function(*args, **kwargs)
            ok = True
        except GeneratorExit:  # whoever reads has had enough
            ok = True
            raise
        else:
            return answer
        finally:
            request.end(ok=ok)

    return stream


def _asynchronous_stream(
    recorder: Recorder, function: Callable[..., Any], workload: str | None
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        request = recorder.request(workload).begin()
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
                except BaseException as error:  # noqa: BLE001 - what its reader throws in is the function's to see
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        finally:
            try:
                await inner.aclose()
            finally:
                request.end(ok=ok)

    return stream
