"""Requests that arrive at given times: exact on any machine, on a simulated clock."""

from __future__ import annotations

import array
import asyncio
import time
from types import SimpleNamespace

import pytest

from energygate.workloads.energygate_worker import concurrency, window_calls, worker_commands
from energygate.workloads.energygate_worker.loaded_workload import LoadedWorkload
from energygate.workloads.protocol import Arrivals

MS = 1_000_000


class Clock:
    """Time passes only during a sleep, which always takes too long, or while a request is served."""

    def __init__(self, *, oversleeps_ms=0, while_asleep=lambda: None):
        self.now_ns = 5 * MS
        self.oversleeps_ns = oversleeps_ms * MS
        self.while_asleep = while_asleep

    def perf_counter_ns(self):
        return self.now_ns

    def sleep(self, seconds):
        self.while_asleep()
        self.now_ns += round(seconds * 1e9) + self.oversleeps_ns

    async def async_sleep(self, seconds):
        self.sleep(seconds)


class Workload(LoadedWorkload):
    """Each request takes so long."""

    def __init__(self, clock, takes_ms, event_loop=None):
        self.clock = clock
        self.takes_ns = takes_ms * MS
        self.event_loop = event_loop
        self.versions = {}

    def serve(self, feed):  # noqa: ARG002 - none is looked at
        self.clock.now_ns += self.takes_ns
        return 42

    async def serve_coroutine(self, feed):
        return self.serve(feed)


@pytest.fixture(params=["thread", "task"])
def paced(request, monkeypatch):
    """Serves one window of arrivals with one client; returns the latencies and how long the window was, in ms."""
    loop = asyncio.new_event_loop() if request.param == "task" else None

    def serve(*offsets_ms, span_ms, takes_ms, **options):
        clock = Clock(**options)
        stub = SimpleNamespace(perf_counter_ns=clock.perf_counter_ns, sleep=clock.sleep)
        for module in (window_calls, concurrency):
            monkeypatch.setattr(module, "time", stub)
        monkeypatch.setattr(concurrency, "asyncio", SimpleNamespace(gather=asyncio.gather, sleep=clock.async_sleep))
        workload = Workload(clock, takes_ms, loop)
        arrivals = {
            "offsets_ns": window_calls.pack_integers(one * MS for one in offsets_ms),
            "span_ns": span_ms * MS,
        }
        failures = window_calls.FailedCalls(0, tolerant=False)
        who = concurrency.clients_for(workload, 1)
        window = window_calls.SharedCalls(workload, [{}] * len(offsets_ms), failures, arrivals, who)
        start_ns = clock.now_ns
        wall_ns = window.serve(start_ns) - start_ns
        return [one // MS for one in window_calls.unpack_integers(window.reply()["latencies_ns"])], wall_ns // MS

    yield serve
    if loop is not None:
        loop.close()


def test_calls_are_served_in_order_as_soon_as_they_arrive(paced):
    assert paced(0, 0, 0, 30, 200, span_ms=300, takes_ms=20) == ([20, 40, 60, 50, 20], 300)


def test_a_window_ends_with_its_time_or_its_last_answer(paced):
    assert paced(20, 40, 60, span_ms=150, takes_ms=1) == ([1, 1, 1], 150)
    assert paced(20, span_ms=21, takes_ms=10) == ([10], 30)


@pytest.mark.parametrize("reported", [(0, 1), (1, 0)], ids=["in order", "the last one first"])
@pytest.mark.parametrize("report", ["answered", "raised"])
def test_a_window_ends_with_its_last_answer_whichever_client_reports_last(reported, report):
    ends_ns = [20 * MS, 90 * MS]

    def clients(calls):
        taken = [next(calls)[0] for _ in ends_ns]
        for position in reported:
            outcome = ValueError("refused") if report == "raised" else 42
            getattr(calls, report)(taken[position], 10 * MS, ends_ns[position], outcome)

    failures = window_calls.FailedCalls(0, tolerant=True)
    window = window_calls.SharedCalls(SimpleNamespace(observes=False), [{}, {}], failures, None, clients)
    assert window.serve(10 * MS) == 90 * MS
    assert [*window_calls.unpack_integers(window.reply()["latencies_ns"])] == [10 * MS, 80 * MS]


def test_arrivals_stay_on_time_over_a_long_window(paced):
    """Lateness does not add up: each waits for its own time, not for so long after the one before."""
    assert paced(*range(10, 2010, 10), span_ms=2010, takes_ms=0, oversleeps_ms=3) == ([3] * 200, 2010)


def test_work_after_the_last_answer_is_in_the_window(monkeypatch):
    """As threads of a runtime do that spin: CPU time that is used while the window waits for its end counts."""

    def burn():
        end_ns = time.process_time_ns() + 50 * MS
        while time.process_time_ns() < end_ns:
            pass

    clock = Clock(while_asleep=burn)
    for module in (window_calls, concurrency, worker_commands):
        monkeypatch.setattr(module, "time", clock)
    serving = worker_commands.WorkerCommands()
    serving.workload = Workload(clock, takes_ms=1)
    served = serving.run(
        1, tolerant=False, arrivals={"offsets_ns": window_calls.pack_integers([0]), "span_ns": 100 * MS}
    )
    assert served["wall_ns"] == 100 * MS
    assert served["cpu_ns"] >= 50 * MS


def test_work_between_requests_is_in_the_window(loaded, app):
    """A thread that works on after the answer, as spinning runtimes do: its time counts before the next arrival."""
    serving = loaded(
        app("""
            import threading, time
            def busy():
                end = time.thread_time_ns() + 50_000_000
                while time.thread_time_ns() < end: pass
            thread = threading.Thread(target=busy)
            def make():
                def request():
                    if thread.ident:
                        thread.join()
                    else:
                        thread.start()
                    return 42
                return request
        """)
    )
    served = serving.run(2, arrivals=Arrivals(offsets_ns=array.array("q", [0, 100 * MS]), span_ns=110 * MS))
    assert 50 * MS <= served.cpu_ns < 95 * MS  # up to the first answer it is next to nothing
