"""CPU time of threads that run on other CPUs: booked when it is read, not at the kernel's next tick."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import threading
import time

import pytest

from energygate.workloads.energygate_worker import accounting

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
    threads = accounting.threads()
    try:
        readings = []
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            pause = time.perf_counter() + 1e-4
            while time.perf_counter() < pause:
                pass
            readings.append((accounting.process_cpu_time_ns(threads), time.thread_time_ns()))
    finally:
        done.set()
        thread.join()
    others = [cpu - own for cpu, own in readings]
    steps = sum(after - before > 20_000 for before, after in itertools.pairwise(others))
    ran_ms = (others[-1] - others[0]) / 1e6
    assert ran_ms > 5, "the thread hardly ran"
    assert steps > 3 * ran_ms  # at ticks it would be one step a millisecond at the most
