"""The overhead of the plugin in a pytest that does not use it: at most 2 ms of import, and 5 ms on an empty suite.

The suite runs alternately with the plugin and with `-p no:energygate`, so that a machine that slows down slows both.
Its CPU time is compared, since a single thread never waits. Every run is a fork of one process that has imported
pytest but not the plugin, because the start of an interpreter varies by more than the difference to be measured; so do
other installed plugins, which are disabled. A second run without the plugin shows the difference between two equal
runs. The import is timed inside fresh interpreters that have already loaded pytest.

Usage: python bench/pytest_overhead.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata

import pytest

IMPORT_TARGET_MS = 2.0
SUITE_TARGET_MS = 5.0
LEAST_ROUNDS = 20
ROUNDS = 300

IMPORT = """
import time, pytest
started = time.perf_counter()
import energygate.pytest_plugin
print((time.perf_counter() - started) * 1e3)
"""

PLUGIN = "energygate"
OTHERS = sorted({point.name for point in metadata.entry_points(group="pytest11")} - {PLUGIN})
OPTIONS = ["-q", *(f"-pno:{name}" for name in ["cacheprovider", *OTHERS])]
WITHOUT = [f"-pno:{PLUGIN}"]
RUNS = {"with": [], "without": WITHOUT, "without again": WITHOUT}

NO_TESTS = 5
"""What pytest exits with where there are none."""


def main() -> int:
    """Print medians; returns 1 when a target is missed."""
    rounds = max(LEAST_ROUNDS, int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has been compiled
    sys.dont_write_bytecode = False
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as byte_code:
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = byte_code
        os.chdir(empty)
        suite_ms([])  # compile everything once
        import_ms()
        imports = [import_ms() for _ in range(rounds)]
        times = [round_ms(number) for number in range(rounds)]
        os.chdir("/")
    extra = [each["with"] - each["without"] for each in times]
    equal = [each["without again"] - each["without"] for each in times]
    print(f"import of the plugin      {statistics.median(imports):6.2f} ms   target: at most {IMPORT_TARGET_MS:g} ms")
    print(f"empty suite without it    {statistics.median(each['without'] for each in times):6.1f} ms")
    print(f"empty suite, extra        {described(extra)}   target: at most {SUITE_TARGET_MS:g} ms   ({rounds} rounds)")
    print(f"two equal runs, extra     {described(equal)}")
    met = statistics.median(imports) <= IMPORT_TARGET_MS and statistics.median(extra) <= SUITE_TARGET_MS
    print(f"targets: {'met' if met else 'MISSED'}")
    return int(not met)


def import_ms() -> float:
    """Time the import in a fresh interpreter."""
    command = [sys.executable, "-c", IMPORT]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def round_ms(number: int) -> dict[str, float]:
    """Time each kind of run once, every round beginning with the next kind."""
    kinds = list(RUNS)
    first = number % len(kinds)
    return {kind: suite_ms(RUNS[kind]) for kind in [*kinds[first:], *kinds[:first]]}


def suite_ms(options: list[str]) -> float:
    """Take the CPU time of an empty suite: wall time, less what the machine does for others meanwhile."""
    process = os.fork()
    if process == 0:
        run_suite(options)
    _, status, used = os.wait4(process, 0)
    assert os.waitstatus_to_exitcode(status) == NO_TESTS, status
    return (used.ru_utime + used.ru_stime) * 1e3


def run_suite(options: list[str]) -> None:
    """Be the pytest of an empty suite, in silence, and end with its exit code."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os._exit(int(pytest.main([*OPTIONS, *options])))


def described(values: list[float]) -> str:
    """A median, and its standard error from the quartiles as of a normal distribution."""
    low, _, high = statistics.quantiles(values, n=4)
    error = 1.2533 * (high - low) / 1.349 / len(values) ** 0.5
    return f"{statistics.median(values):+6.2f} ms ± {error:.2f}"


if __name__ == "__main__":
    sys.exit(main())
