"""The time that a Recorder adds to every request, and how well its joules agree with the meter's.

Requests with and without it alternate in the same process (ABBA), so that the machine's drift cancels; the table shows
the median of the added time. Then threads serve for a while, and the Recorder's total is compared with the meter's own
formula on the process's CPU time and the wall clock, as the system counts them. Targets: at most 50 µs, and 1 %.

    uv run python bench/recorder.py                  # a minute for each number of threads
    uv run python bench/recorder.py --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import energygate

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKS = 200
REQUESTS = 200
TARGET_US = 50.0
TARGET = 0.01
THREADS = (1, 8, 64)


def work() -> int:
    """Serve a request of some microseconds."""
    return sum(range(200))


def seconds_of(job: Callable[[], object]) -> float:
    """Return the time of `REQUESTS` requests."""
    start = time.perf_counter()
    for _ in range(REQUESTS):
        job()
    return time.perf_counter() - start


def added_us(bare: Callable[[], object], recorded: Callable[[], object]) -> tuple[float, float]:
    """Return the time that recording adds to a request: the median over blocks, and the 95th percentile."""
    found = []
    for block in range(BLOCKS):
        order = (bare, recorded, recorded, bare) if block % 2 else (recorded, bare, bare, recorded)
        times = [(job, seconds_of(job)) for job in order]
        of_recorded = sum(spent for job, spent in times if job is recorded)
        of_bare = sum(spent for job, spent in times if job is bare)
        found.append((of_recorded - of_bare) / (2 * REQUESTS) * 1e6)
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


def wsgi_app(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Serve as a small application."""
    start_response("200 OK", [])
    work()
    return [b"answer"]


async def asgi_app(_: Any, __: Any, send: Callable[..., Any]) -> None:  # noqa: ANN401 - the standard's dictionaries
    """Serve the same."""
    await send({"type": "http.response.start", "status": 200})
    work()
    await send({"type": "http.response.body", "body": b"answer"})


def wsgi_request(app: Callable[..., Any]) -> Callable[[], object]:
    """Return a function that makes one request, as a server does."""

    def request() -> None:
        answer = app({"PATH_INFO": "/"}, lambda *_: None)
        list(answer)
        if hasattr(answer, "close"):
            answer.close()

    return request


def asgi_request(app: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[[], object]:
    """Return a function that makes one request, as a server does."""

    async def send(_: object) -> None:
        pass

    return lambda: loop.run_until_complete(app({"type": "http", "path": "/"}, None, send))


def overhead(recorder: energygate.Recorder) -> None:
    """Print the time that each way of recording adds."""

    def with_block() -> None:
        with recorder.request() as request:
            work()
            request.units(1, "tokens")
            request.bytes_out(10)

    loop = asyncio.new_event_loop()
    cases = {
        "with recorder.request()": (work, with_block),
        "@recorder.measured": (work, recorder.measured(work)),
        "WSGI middleware": (wsgi_request(wsgi_app), wsgi_request(recorder.wsgi(wsgi_app))),
        "ASGI middleware": (asgi_request(asgi_app, loop), asgi_request(recorder.asgi(asgi_app), loop)),
    }
    print(f"{'added to a request':26} {'median':>10} {'95 %':>10}   target")
    for name, (bare, recorded) in cases.items():
        median, high = added_us(bare, recorded)
        met = "met" if median <= TARGET_US else "MISSED"
        print(f"{name:26} {median:7.1f} µs {high:7.1f} µs   ≤ {TARGET_US:.0f} µs  {met}")
    loop.close()


def overhead_in_threads(recorder: energygate.Recorder, threads: int) -> None:
    """Print the CPU time that recording adds to a request while a number of threads serve."""

    def bare() -> None:
        work()

    def recorded() -> None:
        with recorder.request():
            work()

    def cpu_seconds(job: Callable[[], object], each: int) -> float:
        workers = [threading.Thread(target=lambda: [job() for _ in range(each)]) for _ in range(threads)]
        start = time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.process_time() - start

    each = max(100, 10_000 // threads)
    found = []
    for block in range(12):
        order = (bare, recorded) if block % 2 else (recorded, bare)
        times = {job: cpu_seconds(job, each) for job in order}
        found.append((times[recorded] - times[bare]) / (each * threads) * 1e6)
    median = statistics.median(found)
    met = "met" if median <= TARGET_US else "MISSED"
    print(f"{f'CPU time, {threads} threads':26} {median:7.1f} µs {'':10}   ≤ {TARGET_US:.0f} µs  {met}")


def system_cpu_seconds() -> float:
    """Return the CPU time of this process, as the system accounts for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def agreement(threads: int, seconds: float) -> None:
    """Print the Recorder's total and the meter's."""
    full_watts, idle_watts = 3.0, 1.0
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as policy:
        policy.write(
            "version: 1\n"
            f"measurement: {{power_model: {{idle: {idle_watts} W, full: {full_watts} W, source: bench}}}}\n"
            "workloads: {bench: {onnx: bench.onnx}}\n"
        )
        policy.flush()
        recorder = energygate.Recorder(policy.name)
    recorder.start()
    while recorder.snapshot().meter is None:
        time.sleep(0.01)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with recorder.request():
                work()
            time.sleep(0.001)

    cpu_s, wall_s = system_cpu_seconds(), time.time()
    recorder.sample()
    before = recorder.snapshot().workloads["bench"]
    workers = [threading.Thread(target=serve) for _ in range(threads)]
    for worker in workers:
        worker.start()
    time.sleep(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    cpu_s, wall_s = system_cpu_seconds() - cpu_s, time.time() - wall_s
    recorder.sample()
    after = recorder.snapshot().workloads["bench"]
    recorder.close()
    counted = sum(getattr(after, key) - getattr(before, key) for key in ("energy_joules", "idle_energy_joules"))
    cpus = len(os.sched_getaffinity(0))
    metered = full_watts * cpu_s + idle_watts * max(0.0, cpus * wall_s - cpu_s)
    apart = counted / metered - 1
    served = after.requests - before.requests
    met = "met" if abs(apart) <= TARGET else "MISSED"
    totals = f"{threads:7} {served:10} {counted:10.3f} J {metered:10.3f} J"
    print(f"{totals} {apart * 100:+7.2f} %   ≤ {TARGET * 100:.0f} %  {met}")


def memory(recorder: energygate.Recorder) -> None:
    """Print the memory that a hundred thousand requests leave allocated."""
    tracemalloc.start()
    for _ in range(1000):
        with recorder.request():
            pass
    before = tracemalloc.take_snapshot()
    for _ in range(100_000):
        with recorder.request():
            pass
    grown = sum(
        one.size_diff
        for one in tracemalloc.take_snapshot().compare_to(before, "filename")
        if "recorder" in str(one.traceback)
    )
    tracemalloc.stop()
    print(f"\n100,000 requests leave {grown} bytes allocated in the recorder")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to serve for each comparison of joules")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as alone:
        tempfile.tempdir = alone  # other recorders on this machine would share its idle energy
        tables(chosen.seconds)
        tempfile.tempdir = None


def tables(seconds: float) -> None:
    """Print the tables."""
    with energygate.Recorder(pue=1.2, workload="bench") as recorder:
        overhead(recorder)
        for threads in THREADS[1:]:
            overhead_in_threads(recorder, threads)
        memory(recorder)
    print(f"\n{'threads':>7} {'requests':>10} {'Recorder':>12} {'meter':>12} {'apart':>9}   target")
    for threads in THREADS:
        agreement(threads, seconds)


if __name__ == "__main__":
    main()
