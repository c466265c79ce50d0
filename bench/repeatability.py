"""Whether the stated intervals hold: repeated runs of `check` on one machine, and how often their intervals overlap.

Absolute energy per request follows the machine's speed, which drifts on shared machines. The interval allows for
that (`drift_sd` in the result); this script measures how much it really drifts. Target: 19 of 20 pairs overlap.

    uv run python bench/repeatability.py [RUNS] [PAUSE_SECONDS]
"""

from __future__ import annotations

import itertools
import math
import statistics
import sys
import time
from pathlib import Path

from energygate.measure.machine import describe_machine
from energygate.policy import parse_policy
from energygate.run.check import check
from energygate.run.options import Options

ROOT = Path(__file__).parent.parent
POLICY = """
version: 1
workloads:
  digits-cnn: {onnx: fixtures/models/digits-cnn.onnx}
  digits-cnn-heavy: {onnx: fixtures/models/digits-cnn-heavy.onnx}
  digits-cnn-fat, 2 threads: {onnx: fixtures/models/digits-cnn-fat.onnx, threads: 2}
"""


def main(runs: int, pause_s: float) -> None:
    """Run, then print per workload how far the runs lay apart and how many pairs of intervals overlap."""
    policy = parse_policy(POLICY)
    energies: dict[str, list[tuple[float, float, float]]] = {name: [] for name in policy.workloads}
    started = time.monotonic()
    for _ in range(runs):
        for workload in check(policy, ROOT, Options()).workloads:
            metric = workload.metrics["energy_per_request"]
            assert metric.head_low is not None
            assert metric.head_high is not None
            energies[workload.name].append((metric.head, metric.head_low, metric.head_high))
        time.sleep(pause_s)
    machine = describe_machine()
    minutes = (time.monotonic() - started) / 60
    print(
        f"{machine.cpu_model}, {machine.cpu_count} CPUs, virtual: {machine.virtual}; {runs} runs in {minutes:.0f} min"
    )
    print(f"{'workload':28} {'sd of ln':>9} {'max/min':>8} {'half-width':>11} {'pairs that overlap':>20}")
    together = []
    for name, found in energies.items():
        logs = [math.log(value) for value, _, _ in found]
        pairs = [a[1] <= b[2] and b[1] <= a[2] for a, b in itertools.combinations(found, 2)]
        together += pairs
        half = statistics.median(math.log(high / low) / 2 for _, low, high in found)
        share = f"{sum(pairs)} of {len(pairs)}"
        print(
            f"{name:28} {statistics.stdev(logs):9.1%} {math.exp(max(logs) - min(logs)):8.2f} {half:11.1%} {share:>20}"
        )
    share_of_all = sum(together) / len(together)
    print(f"all pairs: {share_of_all:.1%} overlap; target 95 %: {'met' if share_of_all >= 0.95 else 'MISSED'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)
