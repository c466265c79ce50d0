"""How requests arrive: from several clients, or at given times; and the units that they yield."""

from __future__ import annotations

import array
import os
from pathlib import Path

import numpy as np
import pytest
from parallel import repeated
from scripted_worker import ScriptedWorker

from energygate.errors import MeasurementError
from energygate.workloads.energygate_worker.window_calls import pack_integers
from energygate.workloads.protocol import Arrivals

MS = 1_000_000

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="forks are POSIX")

SLEEP = """
import time
def make():
    def request():
        time.sleep({seconds})
        return 42
    return request
"""

ASYNC_SLEEP = """
import asyncio
def make():
    async def request():
        await asyncio.sleep({seconds})
        return 42
    return request
"""

MEET = """
import threading, time
def make():
    everybody = threading.Barrier({clients})
    def request():
        everybody.wait()
        time.sleep({seconds})
        return 42
    return request
"""

ASYNC_MEET = """
import asyncio
def make():
    waiting = []
    async def request():
        waiting.append(asyncio.get_running_loop().create_future())
        here = waiting[-1]
        if len(waiting) == {clients}:
            for one in waiting:
                one.set_result(None)
            waiting.clear()
        await here
        await asyncio.sleep({seconds})
        return 42
    return request
"""
"""Requests that go on once so many of them are being served: fewer clients would wait for ever."""

SPIN = """
import time
def make():
    def request():
        end = time.thread_time_ns() + 3_000_000
        while time.thread_time_ns() < end: pass
        return 42
    return request
"""


def arriving(*offsets_ms, span_ms):
    offsets_ns = array.array("q", (round(one * MS) for one in offsets_ms))
    return Arrivals(offsets_ns=offsets_ns, span_ns=round(span_ms * MS))


# --- Several clients ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [MEET, ASYNC_MEET], ids=["threads", "tasks"])
def test_so_many_clients_are_served_at_once(loaded, app, source):
    serving = loaded(app(source.format(clients=4, seconds=0.05)))
    served = serving.run(12, clients=4)
    assert len(served.latencies_ns) == 12
    assert all(latency >= 50 * MS for latency in served.latencies_ns)
    assert served.wall_ns >= 150 * MS  # more clients than these four would need less


@pytest.mark.parametrize("clients", [1, 3])
def test_clients_serve_calls_in_order_from_the_given_position(loaded, app, checkout, tmp_path, clients):
    serving = loaded(
        app("""
            seen = []
            def make():
                def request(number):
                    seen.append(int(number[0]))
                    return list(seen)
                return request
        """)
    )
    np.savez(checkout / "in.npz", number=np.array([10, 20, 30, 40]))
    serving.bind(Path("in.npz"), leave_out=[], batch_size=1)
    serving.run(3, clients=clients)
    serving.run(2, clients=clients, first=9)  # the second of four, two rounds later
    serving.run(1, clients=clients)
    serving.outputs(tmp_path / "out.npz", count=1)
    with np.load(tmp_path / "out.npz") as answers:
        seen = answers["answer"][0].tolist()
    if clients > 1:  # who has taken a call first need not be the first to note it
        seen = sorted(seen[:3]) + sorted(seen[3:5]) + seen[5:]
    assert seen == [10, 20, 30, 20, 30, 40, 10]


def test_a_client_is_the_same_thread_in_every_window(loaded, app, tmp_path):
    serving = loaded(
        app("""
            import threading
            threads = set()
            both = threading.Barrier(2)
            def make():
                def request():
                    threads.add(threading.current_thread())
                    if threading.current_thread() is not threading.main_thread():
                        both.wait()
                    return len(threads)
                return request
        """)
    )
    for _ in range(3):
        serving.run(4, clients=2)
    serving.outputs(tmp_path / "out.npz", count=1)
    with np.load(tmp_path / "out.npz") as answers:
        assert answers["answer"].tolist() == [3]  # two clients, and the worker itself for this answer


def test_the_cpu_time_of_all_clients_is_counted(loaded, app):
    serving = loaded(app(SPIN))
    for clients in (1, 4):
        served = serving.run(20, clients=clients)
        assert 0.97 * 60 * MS < served.cpu_ns < 1.6 * 60 * MS  # taking turns costs some on a busy machine


@pytest.mark.parametrize("clients", [2, *repeated(5)])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_failures_among_several_clients(loaded, app, trouble, clients, kind):
    serving = loaded(
        app(f"""
            import itertools
            def make():
                count = itertools.count(1)
                {kind} request():
                    if (number := next(count)) % 4 == 0:
                        raise OSError("every fourth")
                    return number
                return request
        """)
    )
    served = serving.run(16, tolerant=True, clients=clients)
    assert len(served.failed) == 4
    assert served.first_failure == f"request {served.failed[0] + 1} raised OSError: every fourth"
    with trouble("raised OSError: every fourth"):
        serving.run(16, clients=clients)


@POSIX_ONLY
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_forked_copy_that_returns_is_detected_in_any_client(loaded, app, trouble, kind):
    serving = loaded(
        app(f"""
            import os
            def make():
                {kind} request():
                    if not (pid := os.fork()):
                        return 42
                    os.waitpid(pid, 0)
                    return 42
                return request
        """)
    )
    with trouble("forked", "came back instead of exiting"):
        serving.run(2, clients=2)


# --- Arrivals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clients", [1, 2])
@pytest.mark.parametrize("source", [SLEEP, ASYNC_SLEEP], ids=["threads", "tasks"])
def test_a_window_lasts_until_its_time_is_up(loaded, app, source, clients):
    serving = loaded(app(source.format(seconds=0.001)))
    served = serving.run(3, clients=clients, arrivals=arriving(20, 40, 60, span_ms=150))
    assert served.wall_ns >= 150 * MS  # and no longer: test_paced_by_a_clock.py


@pytest.mark.parametrize("source", [SLEEP, ASYNC_SLEEP], ids=["threads", "tasks"])
def test_nothing_is_served_before_it_arrives(loaded, app, source):
    """A latency counts from the arrival: one that began before it would be shorter than serving takes."""
    serving = loaded(app(source.format(seconds=0.02)))
    served = serving.run(3, arrivals=arriving(10, 50, 90, span_ms=100))
    assert all(latency >= 20 * MS for latency in served.latencies_ns)  # they may start late, never early


@pytest.mark.parametrize("source", [SLEEP, ASYNC_SLEEP], ids=["threads", "tasks"])
def test_waiting_in_the_queue_counts(loaded, app, source):
    """Five arrive at once and each takes 20 ms: the first does not wait, the last waits for four."""
    serving = loaded(app(source.format(seconds=0.02)))
    served = serving.run(5, arrivals=arriving(0, 0, 0, 0, 0, span_ms=1))
    assert [latency >= (place + 1) * 20 * MS for place, latency in enumerate(served.latencies_ns)] == [True] * 5
    assert served.wall_ns >= 100 * MS


@pytest.mark.parametrize("source", [MEET, ASYNC_MEET], ids=["threads", "tasks"])
def test_several_servers_share_one_queue(loaded, app, source):
    serving = loaded(app(source.format(clients=2, seconds=0.05)))
    served = serving.run(4, clients=2, arrivals=arriving(0, 0, 0, 0, span_ms=1))
    rounds = [latency // (50 * MS) for latency in served.latencies_ns]
    assert min(rounds[:2]) >= 1
    assert min(rounds[2:]) >= 2


def test_waiting_for_arrivals_uses_little_cpu(loaded, app):
    """The dispatcher sleeps: what a window of gaps costs is what its requests cost."""
    serving = loaded(app("def make():\n    return lambda: 42\n"))
    served = serving.run(5, arrivals=arriving(50, 100, 150, 200, 250, span_ms=300))
    assert served.wall_ns >= 300 * MS
    assert served.cpu_ns < 0.2 * served.wall_ns


# --- Units -------------------------------------------------------------------------------------------------


def counting(app, answer, *, kind="def"):
    workload = app(f"""
        import itertools
        import numpy as np
        def make():
            count = itertools.count(1)
            {kind} request():
                number = next(count)
                return {answer}
            return request
    """)
    workload["spec"]["units"] = "tokens"
    return workload


@pytest.mark.parametrize("clients", [1, 3])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_units_add_up_whatever_type_of_number_counts_them(loaded, app, kind, clients):
    answer = "{'text': 'word', 'tokens': (int, float, np.int64, np.float32)[number % 4](number)}"
    serving = loaded(counting(app, answer, kind=kind))
    served = serving.run(4, clients=clients)
    assert served.units == 1 + 2 + 3 + 4
    assert serving.run(2, clients=clients, arrivals=arriving(0, 5, span_ms=10)).units == 5 + 6
    assert len(served.first_piece_latencies_ns) == 0


def test_units_are_not_looked_at_unless_asked_for(loaded, app):
    workload = counting(app, "{'tokens': 'none'}")
    workload["spec"]["units"] = None
    assert loaded(workload).run(3).units is None


WITHOUT_UNITS = [
    (
        "{'text': 'word', 'n': 1}",
        ("returned no 'tokens', which `units` names; its answer contains 'text', 'n'",),
    ),
    ("{}", ("its answer contains nothing",)),
    ("42", ("returned int; with `units: tokens` a request returns a mapping",)),
    ("{'tokens': -1}", ("returned -1 as its 'tokens', which is not a count",)),
    ("{'tokens': float('nan')}", ("not a count",)),
    ("{'tokens': float('inf')}", ("not a count",)),
    ("{'tokens': '12'}", ("returned '12' as its 'tokens'",)),
    ("{'tokens': None}", ("not a count",)),
    ("{'tokens': True}", ("not a count",)),
    ("{'tokens': [1, 2]}", ("not a count",)),
]


def test_an_answer_without_its_units_is_a_failed_request(loaded, app, trouble):
    answers = ", ".join(answer for answer, _ in WITHOUT_UNITS)
    serving = loaded(counting(app, f"([{{'tokens': 7}}] * 2 + [{answers}])[number - 1]"))
    assert serving.run(2).units == 14
    for number, (_, words) in enumerate(WITHOUT_UNITS[:-1], 3):
        failure = serving.run(1, tolerant=True).first_failure
        assert [word for word in (f"request {number} ", *words) if word not in failure] == []
    with trouble(f"request {number + 1} ", *WITHOUT_UNITS[-1][1]):
        serving.run(1)


def test_a_tolerant_run_counts_the_units_of_the_other_requests(loaded, app):
    serving = loaded(counting(app, "{'tokens': 7 if number != 3 else -1}"))
    served = serving.run(4, tolerant=True)
    assert (served.failed, served.units) == ((2,), 21)


def scripted(answered):
    return {
        "wall_ns": 3000,
        "cpu_ns": 3000,
        "latencies_ns": pack_integers([1000] * answered),
        "failed": [],
        "first_failure": None,
    }


@pytest.mark.parametrize("answered", [0, 2, 4])
def test_a_window_with_too_few_or_too_many_answers_is_refused(answered):
    with pytest.raises(MeasurementError, match=f"workload 'w': the worker answered {answered} of 3 requests"):
        ScriptedWorker(scripted(answered)).run(3)


def test_a_window_in_which_every_request_was_answered_is_read():
    assert [*ScriptedWorker(scripted(3)).run(3).latencies_ns] == [1000, 1000, 1000]
