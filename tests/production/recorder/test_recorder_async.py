"""Coroutines, tasks and decorated functions: each request is separate, whatever runs in between."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from recorder_harness import Time, manual_recorder, totals


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def recorder(time):
    made = manual_recorder(time=time)
    yield made
    made.close()


def test_interleaved_tasks_are_separate_requests(recorder):
    async def serve(number, turn):
        with recorder.request():
            await turn.wait()
            recorder.current().units(10**number)

    async def main():
        turns = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(serve(number, turn)) for number, turn in enumerate(turns)]
        for turn in (turns[1], turns[2], turns[0]):
            await asyncio.sleep(0)
            turn.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert (totals(recorder).requests, totals(recorder).units) == (3, {"units": 111})


def test_tasks_started_by_a_request_belong_to_it(recorder):
    async def part():
        recorder.current().units(1)
        with recorder.request():  # still the same one
            await asyncio.to_thread(lambda: recorder.current().units(10))

    async def main():
        with recorder.request():
            await asyncio.gather(part(), part())

    asyncio.run(main())
    assert (totals(recorder).requests, totals(recorder).units) == (1, {"units": 22})


def test_work_after_a_request_is_not_part_of_it(recorder):
    async def main():
        over = asyncio.Event()

        async def later():
            await over.wait()
            recorder.current().units(5)
            with recorder.request():
                pass

        with recorder.request():
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        over.set()
        await task

    asyncio.run(main())
    assert (totals(recorder).requests, totals(recorder).units) == (2, {})


def test_a_cancelled_request_counts_as_failed(recorder):
    async def serve():
        with recorder.request():
            await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(serve())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (totals(recorder).requests_ok, totals(recorder).requests_error) == (0, 1)


# The decorator


def test_decorated_functions_keep_their_kind_and_metadata(recorder):
    def plain(a, *, b=2):
        """Adds."""
        return a + b

    async def coroutine():
        pass

    def stream():
        yield

    async def asynchronous_stream():
        yield

    decorated = recorder.measured(plain)
    assert (decorated(1), decorated(1, b=5), decorated.__doc__) == (3, 6, "Adds.")
    assert inspect.iscoroutinefunction(recorder.measured(coroutine))
    assert inspect.isgeneratorfunction(recorder.measured(stream))
    assert inspect.isasyncgenfunction(recorder.measured(workload="other")(asynchronous_stream))


def test_calls_are_requests_and_exceptions_errors(recorder):
    @recorder.measured
    def divide(a, b):
        recorder.current().units(a)
        return a / b

    @recorder.measured(workload="other")
    async def divide_later(a, b):
        await asyncio.sleep(0)
        return divide(a, b)

    assert divide(6, 3) == 2
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)
    assert asyncio.run(divide_later(8, 2)) == 4
    found = totals(recorder)
    assert (found.requests_ok, found.requests_error, found.units) == (2, 1, {"units": 15})
    assert totals(recorder, "other").requests_ok == 1


@pytest.mark.parametrize(
    ("read", "ok", "error", "seconds"),
    [
        (list, 1, 0, 3),
        (lambda stream: (next(stream), stream.close()), 1, 0, 1),  # whoever reads has had enough
        (lambda stream: (next(stream), stream.throw(KeyError("out"))), 0, 1, 1),
        (id, 0, 0, 0),  # never begun, so nothing was asked
    ],
)
def test_a_stream_is_a_request_until_its_end(recorder, time, read, ok, error, seconds):  # noqa: PLR0917
    @recorder.measured
    def stream():
        for piece in range(3):
            time.passes(1)
            yield piece

    opened = stream()
    if error:
        with pytest.raises(KeyError):
            read(opened)
    else:
        read(opened)
    opened.close()
    found = totals(recorder)
    assert (found.requests_ok, found.requests_error) == (ok, error)
    assert found.durations.sum_seconds == seconds


def test_a_generator_keeps_send_and_its_return_value(recorder):
    @recorder.measured
    def echo():
        got = yield "first"
        return got

    stream = echo()
    assert next(stream) == "first"
    with pytest.raises(StopIteration) as stopped:
        stream.send("second")
    assert stopped.value.value == "second"


@pytest.mark.parametrize("how", ["whole", "closed", "thrown", "failing"])
def test_an_asynchronous_generator_is_a_request_until_its_end(recorder, time, how):
    cleaned = []

    @recorder.measured
    async def stream(failing):
        try:
            got = None
            for piece in range(3):
                time.passes(1)
                try:
                    got = yield (piece, got)
                except LookupError as error:
                    got = error
                if failing:
                    raise ValueError("within")
        finally:
            cleaned.append(True)

    async def main():
        opened = stream(how == "failing")
        assert await opened.__anext__() == (0, None)
        if how == "whole":
            assert await opened.asend("sent") == (1, "sent")
            assert [piece async for piece in opened] == [(2, None)]
        elif how == "closed":
            await opened.aclose()
        elif how == "thrown":  # the function may catch it and go on
            error = LookupError("in")
            assert await opened.athrow(error) == (1, error)
            await opened.aclose()
        else:
            with pytest.raises(ValueError, match="within"):
                await opened.__anext__()

    asyncio.run(main())
    assert cleaned == [True]
    assert (totals(recorder).requests_ok, totals(recorder).requests_error) == ((0, 1) if how == "failing" else (1, 0))
