"""How long `energygate --help` takes, against `python -c "import click"`: the target is at most 1.5 times.

Both run in turns, so that a machine that slows down slows both. Usage: python bench/startup.py [PAIRS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET = 1.5
LEAST_PAIRS = 15


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
    print(f"target: at most {TARGET}: {'met' if worst <= TARGET else 'MISSED'}")
    return int(worst > TARGET)


def seconds(command: list[str]) -> float:
    """Time one run."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
