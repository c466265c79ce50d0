"""CPU time of threads on other CPUs: exact when read, not at the kernel's next tick."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time

import pytest

from energygate.workloads.energygate_worker import resource_usage

pytestmark = pytest.mark.measures

IN_A_ROW = 12
"""So many readings in a row, 0.1 ms apart, see the other thread's time grow; at ticks of a millisecond two might."""

PATIENCE_S = 60
"""For both threads to run at once for a millisecond, on a busy machine too."""

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or CPUS == 1, reason="needs Linux and a second CPU for the thread"
)
def test_another_threads_cpu_time_arrives_in_steps_far_shorter_than_a_tick():
    done = threading.Event()

    def burn():  # hashing releases the interpreter lock
        while not done.is_set():
            hashlib.pbkdf2_hmac("sha256", b"", b"", 20_000)

    thread = threading.Thread(target=burn)
    thread.start()
    threads = resource_usage.threads()
    longest = row = before = 0
    deadline = time.perf_counter() + PATIENCE_S
    try:
        while longest < IN_A_ROW and time.perf_counter() < deadline:
            pause = time.perf_counter() + 1e-4
            while time.perf_counter() < pause:
                pass
            others = resource_usage.process_cpu_time_ns(threads) - time.thread_time_ns()
            row = row + 1 if others - before > 20_000 else 0
            longest, before = max(longest, row), others
    finally:
        done.set()
        thread.join()
    assert longest >= IN_A_ROW
