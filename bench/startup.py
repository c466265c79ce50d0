"""How long `energygate --help` takes, against `python -c "import click"`: the target is at most 1.5 times.

Both run alternately, so that a machine that slows down slows both. It also shows how long the first meter takes to
open, by parts, in fresh processes: the target is at most 1.5 s. Usage: python bench/startup.py [PAIRS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET = 1.5
LEAST_PAIRS = 15

METER_TARGET_S = 1.5
METER_STARTS = 9
IDLE_S = 0.0
"""How long to measure the idle machine: 2 s where it has counters, which is measuring and not starting."""

METER_PARTS = (
    "our own modules",
    "the machine",
    "codecarbon's modules",
    "codecarbon's start",
    "a second meter",
)

METER = f"""
import json, time
times = [time.perf_counter()]
def done():
    times.append(time.perf_counter())
from energygate.measure.machine import describe_machine
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
done()
machine = describe_machine()
power = vcpu_power(this_processor())
done()
import codecarbon
done()
open_meter(machine, power=power, idle_s={IDLE_S})
done()
open_meter(machine, power=power, idle_s={IDLE_S})
done()
print(json.dumps([after - before for before, after in zip(times, times[1:])]))
"""


def main() -> int:
    """Print both medians and the median of the paired ratios; returns 1 when the target is missed."""
    pairs = max(LEAST_PAIRS, int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    script = Path(sys.executable).with_name("energygate")
    ours = [str(script)] if script.exists() else [sys.executable, "-m", "energygate"]
    commands = {
        "energygate --help": [*ours, "--help"],
        "energygate --version": [*ours, "--version"],
        'python -c "import click"': [sys.executable, "-c", "import click"],
    }
    for command in commands.values():
        seconds(command)  # fill the disk cache, and write byte code
    runs = [[seconds(command) for command in commands.values()] for _ in range(pairs)]
    baselines = [run[-1] for run in runs]
    worst = 0.0
    print(f"{'':26} {'median':>9} {'ratio':>6}   ({pairs} runs of each, in turns)")
    for name, times in zip(commands, zip(*runs, strict=True), strict=True):
        ratio = statistics.median(one / base for one, base in zip(times, baselines, strict=True))
        worst = max(worst, ratio)
        print(f"{name:26} {statistics.median(times) * 1e3:6.1f} ms {ratio:6.2f}")
    print(f"target: at most {TARGET}: {'met' if worst <= TARGET else 'MISSED'}\n")
    started = meter_start()
    return int(worst > TARGET or started > METER_TARGET_S)


def meter_start() -> float:
    """Print how long it takes to open a meter, by parts; returns the median of all but the second one, in s."""
    command = [sys.executable, "-c", METER]
    runs = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(METER_STARTS)]
    for name, times in zip(METER_PARTS, zip(*runs, strict=True), strict=True):
        print(f"{name:26} {statistics.median(times) * 1e3:6.1f} ms")
    whole = statistics.median(sum(run[:-1]) for run in runs)
    print(f"{'to the first meter':26} {whole * 1e3:6.1f} ms   ({METER_STARTS} processes)")
    print(f"target: at most {METER_TARGET_S} s: {'met' if whole <= METER_TARGET_S else 'MISSED'}")
    return whole


def seconds(command: list[str]) -> float:
    """Time one run."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
