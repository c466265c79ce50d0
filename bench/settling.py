"""The effect of settling: the scatter of a launch on two threads, with and without it.

    uv run python bench/settling.py [LAUNCHES]

A worker with several threads that was frozen serves a few calls unmeasured when its turn comes: its threads wake up on
one CPU and are spread over the others only milliseconds later. Both kinds of launch alternate, so that the machine's
drift affects both.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from record import TIME_LIMIT_S, serving

from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.stats import launch_log_ratio

SIZE = "two_threads"


def main(launches: int) -> None:
    """Print the standard deviation of a launch's log ratio, by wall time and by CPU time."""
    machine = describe_machine()
    meter = open_meter(machine, power=vcpu_power(this_processor()))
    with tempfile.TemporaryDirectory() as name:
        launcher = Launcher(
            serving("head", SIZE, 100, Path(name)),
            meter,
            base=serving("base", SIZE, 100, Path(name)),
            cpu_sets=cpu_sets(usable_cpus(), 2),
            time_limit_ns=TIME_LIMIT_S * 1e9,
            coin=random.Random(1),  # noqa: S311 - an order, not a secret
            clock=time.perf_counter_ns,
        )
        launcher.launch()
        plan = launcher.plan
        assert plan is not None
        found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for number in range(2 * launches):
            settles = number % 2 == 0
            launcher.plan = replace(plan, settling_calls=plan.settling_calls if settles else 0)
            ((base_launch, head_launch),) = launcher.launch().pairs
            base, head = base_launch.windows, head_launch.windows
            wall, cpu = (
                launch_log_ratio([getattr(one, key) for one in base], [getattr(one, key) for one in head]).value
                for key in ("wall_ns", "cpu_ns")
            )
            found[settles].append((wall, cpu))
    print(f"{machine.cpu_model}, {machine.cpu_count} CPUs; {launches} launches each, in turns")
    print(f"{'':18} {'wall time':>10} {'CPU time':>10}")
    for settles, ratios in found.items():
        wall, cpu = (statistics.stdev(column) for column in zip(*ratios, strict=True))
        print(f"{'with settling' if settles else 'without':18} {wall:10.2%} {cpu:10.2%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
