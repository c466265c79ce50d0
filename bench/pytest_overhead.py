"""What energygate costs a pytest that does not use it: at most 2 ms of import, and 5 ms on an empty suite.

The suite runs with the plugin and with `-p no:energygate` in turns, so that a machine that slows down slows both; its
CPU time counts, for a single thread waits for nothing. The import is timed inside fresh interpreters that have loaded
pytest already. Usage: python bench/pytest_overhead.py [PAIRS]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

IMPORT_TARGET_MS = 2.0
SUITE_TARGET_MS = 5.0
LEAST_PAIRS = 20

IMPORT = """
import time, pytest
started = time.perf_counter()
import energygate.pytest_plugin
print((time.perf_counter() - started) * 1e3)
"""

SUITE = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
WITHOUT = ["-p", "no:energygate"]
NO_TESTS = 5
"""What pytest exits with where there are none."""


def main() -> int:
    """Print medians; returns 1 when a target is missed."""
    pairs = max(LEAST_PAIRS, int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as byte_code:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has been compiled
        os.environ["PYTHONPYCACHEPREFIX"] = byte_code
        suite_ms(empty, [])  # compile everything once
        imports = [import_ms() for _ in range(pairs)]
        runs = [paired_ms(empty, swapped=bool(number % 2)) for number in range(pairs)]
    extra = [with_it - without for with_it, without in runs]
    print(
        f"import of the plugin      {statistics.median(imports):6.2f} ms   target: at most {IMPORT_TARGET_MS:g} ms"
    )
    print(f"empty suite without it    {statistics.median(without for _, without in runs):6.1f} ms")
    print(
        f"empty suite, extra        {statistics.median(extra):+6.2f} ms   target: at most {SUITE_TARGET_MS:g} ms   "
        f"(± {standard_error(extra):.2f}; {pairs} pairs)"
    )
    met = statistics.median(imports) <= IMPORT_TARGET_MS and statistics.median(extra) <= SUITE_TARGET_MS
    print(f"targets: {'met' if met else 'MISSED'}")
    return int(not met)


def import_ms() -> float:
    """Time the import in a fresh interpreter."""
    command = [sys.executable, "-c", IMPORT]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def paired_ms(directory: str, *, swapped: bool) -> tuple[float, float]:
    """Time one run with the plugin and one without, the second first in every other pair."""
    if swapped:
        without = suite_ms(directory, WITHOUT)
        return suite_ms(directory, []), without
    return suite_ms(directory, []), suite_ms(directory, WITHOUT)


def suite_ms(directory: str, options: list[str]) -> float:
    """Take the CPU time of an empty suite: wall time, less what the machine does for others meanwhile."""
    started = cpu_s()
    done = subprocess.run([*SUITE, *options], cwd=directory, capture_output=True, check=False)
    elapsed_ms = (cpu_s() - started) * 1e3
    assert done.returncode == NO_TESTS, done.stderr
    return elapsed_ms


def cpu_s() -> float:
    """The CPU time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def standard_error(values: list[float]) -> float:
    """The standard error of a median, from the quartiles as of a normal distribution."""
    low, _, high = statistics.quantiles(values, n=4)
    return 1.2533 * (high - low) / 1.349 / len(values) ** 0.5


if __name__ == "__main__":
    sys.exit(main())
