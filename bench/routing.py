"""Latency under load as `energygate route` predicts it, compared with energygate's own open-loop measurement.

Each workload is served back to back, as `load: closed` does, and at several utilisations with Poisson arrivals, as
`load: {rate}` does, alternating. The queue predicts p50, p95 and p99 under load from the closed windows alone. `waits`
sleeps for 4 ms, or for 12 ms once in ten requests, like work on a device without the CPU. `digits-cnn-heavy` computes.

On a shared machine, bursts of other processes disturb the measurement; a real-time priority excludes most of them:

    chrt -f 10 .venv/bin/python bench/routing.py [SECONDS PER UTILISATION]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.measure.arrivals import poisson_arrivals
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.windows import quantile
from energygate.production.routing.queueing import ReplicaQueue, ServiceTimes
from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = Path(__file__).parent.parent / "fixtures"
CALLABLE = """
import random
import time

def waits():
    draw = random.Random(1)
    def request():
        time.sleep(0.012 if draw.random() < 0.1 else 0.004)
        return True
    return request
"""
UTILISATIONS = (0.3, 0.5, 0.7, 0.8, 0.9)
SECONDS = 14.0
PAUSE_S = 0.3
"""Between windows: Linux stops a process with a real-time priority (`chrt`) that computes for 0.95 s of a second."""
SHARES = (0.5, 0.95, 0.99)


@dataclass(kw_only=True)
class Latencies:
    """Latencies of one load over all rounds, in nanoseconds, and their total duration."""

    request_ns: list[int] = field(default_factory=list)
    wall_ns: int = 0

    def quantiles_s(self) -> list[float]:
        """Return the quantiles of `SHARES`, in seconds."""
        ordered = sorted(self.request_ns)
        return [quantile(ordered, share) * 1e-9 for share in SHARES]


def measure(worker: Worker, seconds: float, rounds: int) -> tuple[Latencies, dict[float, Latencies]]:
    """Serve closed and open windows alternately, so that both are exposed to the same drift of the machine."""
    first = worker.run(50)
    per_s = 50 / (first.wall_ns * 1e-9)
    closed, opened = Latencies(), {share: Latencies() for share in UTILISATIONS}
    for turn in range(rounds):
        _serve(worker, closed, max(20, round(per_s * seconds / rounds)), None, "")
        per_s = len(closed.request_ns) / (closed.wall_ns * 1e-9)
        for share, latencies in opened.items():
            rate = share * per_s
            _serve(worker, latencies, max(20, round(rate * seconds / rounds)), rate, f"{turn}:{share}")
    return closed, opened


def _serve(worker: Worker, latencies: Latencies, count: int, rate_per_s: float | None, seed: str) -> None:
    arrivals = None if rate_per_s is None else poisson_arrivals(rate_per_s=rate_per_s, count=count, seed=seed)
    time.sleep(PAUSE_S)
    served = worker.run(count) if arrivals is None else worker.run(count, arrivals=arrivals)
    latencies.request_ns += served.latencies_ns
    latencies.wall_ns += served.wall_ns


def show(label: str, closed: Latencies, opened: dict[float, Latencies]) -> list[float]:
    """Print predicted and measured quantiles; return the relative deviations of p95."""
    times = closed.quantiles_s()
    mean_s = closed.wall_ns * 1e-9 / len(closed.request_ns)
    service = ServiceTimes(p50_s=times[0], p95_s=times[1], p99_s=times[2], mean_s=mean_s)
    replica = ReplicaQueue(service)
    print(f"{label}: {_ms(mean_s)} ms a request, p95 {_ms(times[1])} ms, {1 / mean_s:,.0f} req/s back to back")
    print(f"{'utilisation':>12}  {'p50':>8} {'':>8}  {'p95':>8} {'':>8}  {'p99':>8} {'':>8}  p95 predicted/measured")
    deviations = []
    for share, latencies in opened.items():
        predicted = [quantile_s(replica, one, share) for one in SHARES]
        measured = latencies.quantiles_s()
        pairs = "  ".join(f"{_ms(p):>8} {_ms(m):>8}" for p, m in zip(predicted, measured, strict=True))
        deviations.append(predicted[1] / measured[1] - 1)
        print(f"{share:12.0%}  {pairs}  {deviations[-1]:+.0%}", flush=True)
    print()
    return deviations


def quantile_s(replica: ReplicaQueue, share: float, utilisation: float) -> float:
    """Return the time that a share of the requests stays within, waiting included."""
    low, high = 0.0, 1 / replica.capacity_per_s
    while replica.within(high, utilisation) < share:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if replica.within(middle, utilisation) >= share else (middle, high)
    return high


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One workload, as its worker loads it, and how many windows it is measured in.

    Fewer, longer windows where requests are long, because a queue takes time to build up.
    """

    label: str
    kind: str
    spec: dict[str, object]
    rounds: int


def served(case: Case, directory: Path, seconds: float) -> list[float]:
    """Measure one workload; return the deviations."""
    start = WorkerStart(label=case.label, python=sys.executable, directory=directory, cpus=usable_cpus()[:1], threads=1)
    with Worker(start, timeout_s=300) as worker:
        worker.load(case.kind, case.spec, timeout_s=120)
        if case.kind == "onnx":
            worker.bind(FIXTURES / "data" / "digits.npz", leave_out=["label"], batch_size=1)
        worker.run(200)
        return show(case.label, *measure(worker, seconds, case.rounds))


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    seconds = float(arguments[0]) if arguments else SECONDS
    machine = describe_machine()
    print(f"{machine.cpu_model}, {machine.cpu_count} CPUs, load {os.getloadavg()[0]:.1f}")
    print("milliseconds, predicted and measured\n")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "app.py").write_text(CALLABLE, encoding="utf-8")
        model = {"provider": "CPUExecutionProvider", "provider_options": {}, "threads": 1}
        heavy = {"path": str(FIXTURES / "models" / "digits-cnn-heavy.onnx"), **model}
        cases = (
            Case(label="waits", kind="python", spec={"target": "app:waits"}, rounds=4),
            Case(label="digits-cnn-heavy", kind="onnx", spec=heavy, rounds=20),
        )
        found = [deviation for case in cases for deviation in served(case, root, seconds)]
    print(f"p95: median deviation {statistics.median(map(abs, found)):.0%}, largest {max(found, key=abs):+.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
