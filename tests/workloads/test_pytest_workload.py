"""A test as a workload: the function given to its fixture is served, inside the running test."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from parallel import repeated
from pytest_specs import node, write

from energygate.workloads.energygate_worker.measured_call import MeasuredCall

PATIENCE_S = 60


@pytest.fixture
def served(loaded, checkout):
    """Loads a test and serves so many requests; returns the worker and the window."""

    def serve(count, source=None, *, tolerant=False, clients=1, **more):
        worker = loaded(node(checkout, source, **more))
        return worker, worker.run(count, tolerant=tolerant, clients=clients)

    return serve


def answers(worker, tmp_path, count=3):
    worker.outputs(tmp_path / "out.npz", count=count)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as archive:
        return {name: archive[name].tolist() for name in archive.files}


def test_each_call_of_the_fixtures_function_is_one_request(served, checkout, tmp_path):
    source = """
        def test_it(energy, tmp_path):
            calls = []

            def work(x, *, factor):
                calls.append(x)
                return {"twice": factor * x, "calls": len(calls)}

            assert energy(work, 4, factor=2) == {"twice": 8, "calls": 1}  # the value is that of the first call
            (tmp_path.parent / "calls").write_text(str(len(calls)))
            open("ended", "w").write(str(len(calls)))
    """
    worker, window = served(7, source)
    assert len(window.latencies_ns) == 7
    assert worker.run(3).failed == ()
    assert answers(worker, tmp_path) == {"twice": [8], "calls": [11]}
    worker.shut_down()
    assert (checkout / "ended").read_text("ascii") == "11"  # the test went on to its end before the worker's
    assert sorted(path.name for path in checkout.iterdir() if path.name != "__pycache__") == [
        "ended",
        "tests",
    ]


def test_windows_time_the_calls_and_cold_start_includes_the_test(loaded, checkout):
    source = """
        import time

        def spin(milliseconds):
            end = time.process_time_ns() + milliseconds * 10**6
            while time.process_time_ns() < end:
                pass

        def test_it(energy):
            spin(200)
            energy(spin, 4)
    """
    worker = loaded(node(checkout, source))
    window = worker.run(20)
    assert 80e6 <= window.cpu_ns < 200e6
    assert sum(window.latencies_ns) == window.wall_ns
    assert sorted(window.latencies_ns)[10] < 200e6


@pytest.mark.parametrize(
    ("target", "part", "said"),
    [
        ("test_it[a-b c/d]", None, "a-b c/d"),
        *repeated(("test_it[x::y]", None, "x::y")),
        ("TestIt::TestInner::test_it", None, "inner"),
        ("TestCase::test_it", None, "unittest"),
        ("test_parts", "encode", "encode"),
        *repeated(
            ("test_parts", None, "unnamed"),
            ("test_async", None, "async"),
            ("test_async", "lambda", "async"),
            ("test_async", "object", "object"),
        ),
        ("test_in_a_loop", None, "async"),
    ],
)
def test_kinds_of_tests_and_callables(served, tmp_path, target, part, said):
    source = """
        import asyncio, unittest
        import pytest

        @pytest.fixture
        def say(request):
            return lambda text: text

        @pytest.mark.parametrize("text", ["a-b c/d", "x::y"])
        def test_it(energy, say, text):
            assert energy(say, text) == text

        class TestIt:
            class TestInner:
                def test_it(self, energy, say):
                    energy(say, text="inner")

        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def with_energy(self, energy):
                self.energy = energy

            def test_it(self):
                assert self.energy(lambda: "unittest") == "unittest"

        def test_parts(energy):
            assert energy(lambda: "decode", name="decode") == "decode"
            assert energy.result.metrics["energy_per_request"].head * 2 < 1 and energy.result_of("decode")
            energy(lambda: "unnamed")
            energy(lambda: "encode", name="encode")

        async def work():
            await asyncio.sleep(0)
            return "async"

        class Object:
            async def __call__(self):
                return "object"

        def test_async(energy):
            assert energy(work) == "async"
            assert energy(lambda: work(), name="lambda") == "async"
            energy(Object(), name="object")

        def test_in_a_loop(energy):
            async def test():
                mine = asyncio.get_running_loop(), asyncio.current_task()
                assert energy(work) == "async"
                await asyncio.sleep(0.001)
                assert mine == (asyncio.get_running_loop(), asyncio.current_task())
            asyncio.run(test())
            open("went_on", "w").close()
    """
    more = {"target": f"tests/test_energy.py::{target}", "part": part}
    worker, window = served(3, source, **more)
    assert window.failed == ()
    assert answers(worker, tmp_path) == {"answer": [said]}
    worker.shut_down()
    if target == "test_in_a_loop":
        assert (tmp_path / "checkout" / "went_on").exists()


def test_coroutines_are_served_at_once(served):
    source = """
        import asyncio

        waiting = []

        async def meet():  # one that is served alone would wait for ever
            waiting.append(asyncio.get_running_loop().create_future())
            here = waiting[-1]
            if len(waiting) == 8:
                for one in waiting:
                    one.set_result(None)
            await here
            return 3

        def test_it(energy):
            energy(meet)
    """
    _, window = served(8, source, clients=8)
    assert window.failed == ()


@pytest.mark.parametrize(
    ("call", "name", "count", "requests"),
    [
        ("energy(lambda: 3, requests=8)", None, None, 8),
        ("energy(lambda: [3, 4], units=len)", "tokens", 2.0, 1),
        *repeated(("energy(lambda: 3, units=2.5)", "tokens", 2.5, 1)),
        ("energy(lambda: {'tokens': 4})", "tokens", 4.0, 1),
        *repeated(("energy(lambda: 3, units=len)", None, None, 1)),  # nobody asks
    ],
)
def test_requests_and_units(worker, checkout, *, call, name, count, requests):
    started = worker()
    found = started.load(**node(checkout, f"def test_it(energy):\n    {call}", units=name), timeout_s=PATIENCE_S)
    assert found.requests_per_call == requests
    assert set(found.versions) >= {"python", "pytest"}
    assert started.run(5).units == (None if count is None else 5 * count)


@pytest.mark.parametrize(
    ("call", "name", "sentence"),
    [
        ("energy(fails)", None, "request 1 raised ValueError: no weights"),
        (
            "energy(iter_, 'ab')",
            None,
            "request 1 returned a generator; a request must return its finished answer, for example list(...) of it",
        ),
        (
            "energy(lambda: 3, units=len)",
            "tokens",
            "request 1 was answered, but its units= raised TypeError: object of type 'int' has no len()",
        ),
        *repeated(
            (
                "energy(lambda: 3, units=lambda v: -v)",
                "tokens",
                "request 1 was answered, but its units= returned -3",
            ),
            (
                "energy(lambda: 3)",
                "tokens",
                "request 1 returned int; with `units: tokens` a request returns a mapping",
            ),
            ("energy(sys.exit, 4)", None, "request 1 called sys.exit(4)"),
        ),
    ],
)
def test_a_failed_request_is_an_error_as_for_other_workloads(loaded, checkout, trouble, *, call, name, sentence):
    source = f"""
        import sys

        def fails():
            raise ValueError("no weights")

        def iter_(text):
            yield from text

        def test_it(energy):
            {call}
    """
    worker = loaded(node(checkout, source, units=name))
    with trouble(sentence):
        worker.run(3)


def test_failed_requests_may_be_counted(served):
    source = """
        def test_it(energy):
            left = [1, 0, 2]
            energy(lambda: 1 / left.pop() if left else 0)
    """
    worker, window = served(4, source, tolerant=True)
    assert window.failed == (1,)
    assert window.first_failure == "request 2 raised ZeroDivisionError: division by zero"
    worker.shut_down()


def test_answers_without_content_are_not_compared(loaded, checkout, tmp_path, trouble):
    source = """
        class Answer: ...

        def test_it(energy):
            energy(Answer)
    """
    worker = loaded(node(checkout, source))
    with trouble("answer 'answer' to request 1 cannot be compared with another: <test_energy.Answer object"):
        worker.outputs(tmp_path / "out.npz", count=1)


def test_none_is_a_valid_answer(served, tmp_path):
    worker, _ = served(2, "def test_it(energy):\n    assert energy(lambda: None) is None")
    assert answers(worker, tmp_path) == {"answer": ["None"]}


def test_tracing_is_off_while_measuring(served, checkout):
    source = """
        import logging, sys, threading

        def test_it(energy, caplog):
            seen = []

            def work():
                logging.getLogger().debug("said")
                seen.append((sys.gettrace(), sys.getprofile(), watched))

            watched = False
            if hasattr(sys, "monitoring"):
                sys.monitoring.use_tool_id(3, "watch")
                def called(*_):
                    nonlocal watched
                    watched = True
                sys.monitoring.register_callback(3, sys.monitoring.events.PY_START, called)
                sys.monitoring.set_events(3, sys.monitoring.events.PY_START)
                (lambda: 0)()
                assert watched
                watched = False

            def trace(*_): return None

            sys.settrace(trace)
            sys.setprofile(trace)
            energy(work)
            assert sys.gettrace() is trace
            sys.settrace(None)
            sys.setprofile(None)
            open("seen", "w").write(repr((set(seen), caplog.messages)))
    """
    files = {"pytest.ini": "[pytest]\nlog_level = DEBUG\n"}
    worker, _ = served(3, source, files=files)
    worker.shut_down()
    seen, messages = ast.literal_eval((checkout / "seen").read_text("utf-8"))
    assert seen == {(None, None, False)}
    assert messages == []


def test_the_workers_modules_are_not_imported_from_the_tests(served, checkout):
    write(checkout, {"tests/mmap.py": "raise SystemExit", "queue.py": "raise SystemExit"})
    served(4, "def test_it(energy):\n    energy(len, '')", clients=2)


def test_fixture_teardown_comes_after_the_measurement(loaded, checkout):
    source = """
        import os, time
        import pytest

        @pytest.fixture
        def server():
            yield 3
            while not os.path.exists("shut_down"):
                time.sleep(0.01)
            open("ended", "w").close()

        def test_it(energy, server):
            energy(abs, server)
            assert not "the test itself is judged in the user's own session"
    """
    worker = loaded(node(checkout, source))
    worker.run(2)
    assert worker._ask("shut_down")["peak_memory_bytes"] > 0
    assert not (checkout / "ended").exists()
    (checkout / "shut_down").touch()
    worker.close()
    assert (checkout / "ended").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"function": 3}, TypeError, "energy() takes the function to measure, then its arguments; this is 3"),
        ({"function": len, "requests": 0}, ValueError, "requests=0; it must be the number of requests"),
        ({"function": len, "requests": True}, ValueError, "requests=True"),
        ({"function": len, "requests": 2.0}, ValueError, "requests=2.0"),
        ({"function": len, "units": "tokens"}, TypeError, "units='tokens'; it must be what one call yields"),
        ({"function": len, "units": -1}, TypeError, "units=-1"),
    ],
)
def test_invalid_arguments(arguments, error, sentence):
    with pytest.raises(error) as caught:
        MeasuredCall(**arguments)
    assert sentence in str(caught.value)


def test_numpys_integers_are_numbers_of_requests():
    assert MeasuredCall(len, ("",), requests=np.int64(3)).requests == 3


def test_a_single_call_returns_the_functions_value():
    async def work(x):
        return x

    call = MeasuredCall(work, (3,))
    assert call.once() == call.once() == 3
    call.close()
    assert list(MeasuredCall(iter, ("ab",)).once()) == ["a", "b"]
