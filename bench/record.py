"""Record launches of comparisons with a known truth, quiet and next to a bursty process, into bench/traces/OCCASION.

    uv run --with tensorflow-cpu python bench/record.py OCCASION [PERCENT] [ONLY]

The launches are real ones, by the engine that `check --base` uses; the tables are made from them by
false_alarms.py, detection.py and replay.py. Takes an hour for the launches of `COMPARISONS`, less for PERCENT of them.
"""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from scaled_work import SIZES
from traces import TRACES, RecordedLaunch, Trace

from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.measure.windows import quantile
from energygate.policy import parse_policy
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.measure.launch import Launch
    from energygate.measure.readings import Meter

HERE = Path(__file__).parent
TIME_LIMIT_S = 60.0

COMPARISONS = (
    # size, units, launches beside a neighbour, launches without
    ("one_ms", 100, 80, 150),
    ("four_ms", 100, 80, 150),
    ("forty_ms", 100, 80, 30),
    ("two_threads", 100, 50, 30),
    *((size, 105, 0, 20) for size in ("one_ms", "four_ms", "two_threads")),
    ("python_code", 100, 0, 30),
    ("python_loop", 100, 0, 30),
    ("served", 100, 0, 15),
    ("slow_load", 130, 0, 40),
    ("tensorflow", 100, 0, 8),
    ("forty_ms", 105, 0, 10),
)

NEIGHBOUR = """
import random, time
while True:
    until = time.perf_counter() + random.uniform(0.05, 1.5)
    while time.perf_counter() < until:
        sum(range(1000))
    time.sleep(random.uniform(0.05, 1.5))
"""
"""A process that computes for a second and sleeps for a second, give or take, on whichever CPU it gets."""


@contextlib.contextmanager
def bursty_neighbour(*, present: bool) -> Iterator[None]:
    """Run a bursty process beside whatever is measured."""
    if not present:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def serving(side: str, size: str, units: int, scratch: Path) -> Serving:
    """Return how one side serves a workload of known size."""
    threads = SIZES[size][3]
    what = f"python: 'scaled_work:{size}_{units}'"
    if size == "served":
        command = f"exec {sys.executable} scaled_work.py {size}_{units} {{port}}"
        what = f"http: 'http://127.0.0.1:{{port}}/', serve: '{command}', ready: /"
    text = f"version: 1\nworkloads:\n  scaled_work: {{{what}, threads: {threads}}}\n"
    return Serving(
        name="scaled_work",
        workload=parse_policy(text).workloads["scaled_work"],
        side=Side(name=side, directory=HERE, python=sys.executable),
        seed=0,
        timeout_s=TIME_LIMIT_S,
        scratch=scratch,
        inputs_directory=HERE,
    )


def p95_us(launch: Launch) -> int:
    """The p95 of a launch's latencies, in microseconds."""
    return quantile(sorted(one for window in launch.windows for one in window.latencies_ns), 0.95) // 1000


def record(size: str, units: int, *, neighbour: bool, launches: int, meter: Meter) -> Trace:
    """Record one comparison."""
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as name, bursty_neighbour(present=neighbour):
        launcher = Launcher(
            serving("head", size, units, Path(name)),
            meter,
            base=serving("base", size, 100, Path(name)),
            cpu_sets=cpu_sets(usable_cpus(), SIZES[size][3]),
            time_limit_ns=TIME_LIMIT_S * 1e9,
            coin=random.Random(f"{size}-{units}-{neighbour}"),  # noqa: S311 - an order, not a secret
            clock=time.perf_counter_ns,
        )
        recorded = []
        for _ in range(launches):
            started = time.perf_counter()
            ((base_launch, head_launch),) = launcher.launch().pairs
            seconds = time.perf_counter() - started
            warm_up_ns = base_launch.warm_up_ns + head_launch.warm_up_ns
            base, head = list(base_launch.windows), list(head_launch.windows)
            recorded.append(
                RecordedLaunch(
                    seconds=round(seconds, 3),
                    request_seconds=round((sum(window.wall_ns for window in base + head) + warm_up_ns) * 1e-9, 3),
                    base_cpu=[window.cpu_ns // 1000 for window in base],
                    head_cpu=[window.cpu_ns // 1000 for window in head],
                    base_wall=[window.wall_ns // 1000 for window in base],
                    head_wall=[window.wall_ns // 1000 for window in head],
                    p95=[p95_us(one) for one in (base_launch, head_launch)],
                    cold_start=[one.cold_start_ns // 1_000_000 for one in (base_launch, head_launch)],
                    peak_memory=[one.peak_memory_bytes // 1024 for one in (base_launch, head_launch)],
                )
            )
    assert launcher.plan is not None
    return Trace(
        size=size,
        units=units,
        neighbour=neighbour,
        machine=f"{machine.cpu_model}, {machine.cpu_count} CPUs{', virtual' if machine.virtual else ''}",
        recorded=datetime.now(timezone.utc).date().isoformat(),
        calls=launcher.plan.calls,
        launches=recorded,
    )


def main(occasion: str, percent: int, only: str) -> None:
    """Record everything that the tables need."""
    meter = open_meter(describe_machine(), power=vcpu_power(this_processor()))
    comparisons = [(neighbour, *one) for neighbour in (True, False) for one in COMPARISONS]
    for neighbour, size, units, beside, without in comparisons:
        launches = beside if neighbour else without
        if not launches or (only and not re.search(only, f"{size}-{units}-{'noisy' if neighbour else 'quiet'}")):
            continue
        started = time.perf_counter()
        trace = record(size, units, neighbour=neighbour, launches=max(2, launches * percent // 100), meter=meter)
        trace.save(TRACES / occasion)
        print(
            f"{trace.name:28} {len(trace.launches)} launches in {time.perf_counter() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]) if len(sys.argv) > 2 else 100,
        sys.argv[3] if len(sys.argv) > 3 else "",
    )
