"""The effect of a load's shape: one model with idle threads that spin or sleep, back to back and at a rate.

Prints CPU time per request, and the verdict of `check --base` on the one session option that differs. `nothing` is a
request that does nothing: it shows the cost of waiting for arrivals, and how late the worker wakes up for them.

    uv run python bench/load_shape.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from energygate.measure.arrivals import poisson_arrivals
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker

if TYPE_CHECKING:
    from energygate.workloads.protocol import ServedWindow

ROOT = Path(__file__).parent.parent
SESSIONS = (ROOT / "fixtures" / "sessions.py").read_text(encoding="utf-8")
NOTHING = "\n\ndef nothing():\n    return lambda: 42\n"
THREADS = 2
WINDOWS = 5
SECONDS = 2.0
RATES = (None, 200.0, 40.0, 10.0, 2.0)
LIMIT = "10 %"
IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians over the windows of one request and one load.

    Attributes:
        cpu_ms: CPU time of the worker per request.
        latency_ms: Time from a request's arrival until its answer.
    """

    cpu_ms: float
    latency_ms: float


def cost(worker: Worker, rate_per_s: float | None) -> Cost:
    """Serve windows under one load."""
    count = 200 if rate_per_s is None else max(4, round(SECONDS * rate_per_s))
    windows = [_served(worker, count, rate_per_s, window) for window in range(WINDOWS)]
    return Cost(
        cpu_ms=statistics.median(one.cpu_ns for one in windows) / count / 1e6,
        latency_ms=statistics.median(statistics.median(one.latencies_ns) for one in windows) / 1e6,
    )


def _served(worker: Worker, count: int, rate_per_s: float | None, window: int) -> ServedWindow:
    if rate_per_s is None:
        return worker.run(count)
    return worker.run(count, arrivals=poisson_arrivals(rate_per_s=rate_per_s, count=count, seed=str(window)))


def table(directory: Path) -> None:
    """Print what every request costs under every load."""
    (directory / "app.py").write_text(SESSIONS + NOTHING, encoding="utf-8")
    names = ["back to back" if rate is None else f"{rate:g} req/s" for rate in RATES]
    print(f"{'idle threads':16}" + "".join(f"{name:>22}" for name in names))
    for label, factory in (("spin (default)", "spins"), ("sleep", "sleeps"), ("nothing", "nothing")):
        start = WorkerStart(
            label=label,
            python=sys.executable,
            directory=directory,
            cpus=usable_cpus()[:THREADS],
            threads=THREADS,
        )
        with Worker(start, timeout_s=120) as worker:
            worker.load("python", {"target": f"app:{factory}"}, timeout_s=120)
            worker.run(100)
            costs = [cost(worker, rate) for rate in RATES]
        print(
            f"{label:16}" + "".join(f"{one.cpu_ms:9.3f} ms{one.latency_ms:8.2f} ms" for one in costs),
            flush=True,
        )
    print("per request: CPU time, median latency\n")


def verdicts(directory: Path) -> None:
    """Print what `check --base` says when a change lets idle threads spin."""

    def git(*arguments: str) -> None:
        subprocess.run(["git", *IDENTITY, *arguments], cwd=directory, check=True, capture_output=True)

    def commit(how: str) -> None:
        (directory / "app.py").write_text(f"{SESSIONS}\n\nmake = {how}\n", encoding="utf-8")
        git("add", "--all")
        git("commit", "--quiet", "--message", how)

    workload = {
        "python": "app:make",
        "threads": THREADS,
        "budgets": {"energy_per_request": {"max_increase": LIMIT}},
    }
    workloads = {"back-to-back": workload, "at-a-rate": {**workload, "load": {"rate": "40 req/s"}}}
    policy = yaml.safe_dump({"version": 1, "workloads": workloads})
    (directory / "energygate.yml").write_text(policy, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main")
    commit("sleeps")
    git("checkout", "--quiet", "-b", "change")
    commit("spins")
    subprocess.run([sys.executable, "-m", "energygate", "check", "--base", "main"], cwd=directory, check=False)


def main() -> None:
    """Print both."""
    machine = describe_machine()
    print(f"{machine.cpu_model}, {machine.cpu_count} CPUs, load {os.getloadavg()[0]:.1f}; {THREADS} threads\n")
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        table(Path(first))
        verdicts(Path(second))


if __name__ == "__main__":
    main()
