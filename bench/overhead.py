"""What the harness adds to the CPU-seconds it measures: the worker's request loop against a bare one.

Both loops serve the same requests in the same process, in alternating chunks (ABBA), so that the machine's drift
cancels. Targets: at most 1 % for requests of 1 ms, 10 % for requests of 30 µs. The per-request clock is included.

    uv run python bench/overhead.py
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from energygate.workloads.energygate_worker.worker_commands import WorkerCommands

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
BLOCKS = 60
CHUNK_NS = 30_000_000


def loop_of_work(count: int) -> Callable[[], int]:
    """A pure-Python request of fixed work."""

    def request() -> int:
        total = 0
        for number in range(count):
            total += number
        return total

    return request


def calibrated_work(request_ns: float) -> Callable[[], int]:
    """A pure-Python request of about that much time."""
    start = time.perf_counter_ns()
    loop_of_work(1_000_000)()
    return loop_of_work(max(1, int(1_000_000 * request_ns / (time.perf_counter_ns() - start))))


def onnx_case(name: str) -> tuple[WorkerCommands, Callable[[int], None]]:
    """The worker's server and a bare loop over the same session and inputs."""
    server = WorkerCommands()
    path = str(ROOT / f"fixtures/models/{name}.onnx")
    spec: dict[str, Any] = {
        "path": path,
        "threads": 1,
        "provider": "CPUExecutionProvider",
        "provider_options": {},
    }
    server.load("onnx", spec)
    server.bind(str(ROOT / "fixtures/data/digits.npz"), ["label"], 1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    images = np.load(ROOT / "fixtures/data/digits.npz")["image"]
    feeds = itertools.cycle([{"image": images[index : index + 1]} for index in range(len(images))])

    def bare(count: int) -> None:
        for feed in itertools.islice(feeds, count):
            session.run(None, feed)

    return server, bare


def python_case(request_ns: float) -> tuple[WorkerCommands, Callable[[int], None]]:
    """The worker's server and a bare loop over the same function."""
    function = calibrated_work(request_ns)
    bench = sys.modules[__name__]
    bench.factory = lambda: function  # type: ignore[attr-defined]
    server = WorkerCommands()
    server.load("python", {"target": f"{__name__}:factory"})

    def bare(count: int) -> None:
        for _ in range(count):
            function()

    return server, bare


def overhead(server: WorkerCommands, bare: Callable[[int], None]) -> tuple[float, float, float]:
    """Time of a bare request in µs, and the median overhead with its standard error, as fractions."""

    def harness_ns(count: int) -> int:
        return int(server.run(count, tolerant=False)["cpu_ns"])

    def bare_ns(count: int) -> int:
        start = time.process_time_ns()
        bare(count)
        return time.process_time_ns() - start

    count = 1
    while bare_ns(count) < CHUNK_NS:
        count *= 2
    harness_ns(count)
    ratios, times = [], []
    for block in range(BLOCKS):
        order = (bare_ns, harness_ns, harness_ns, bare_ns) if block % 2 else (harness_ns, bare_ns, bare_ns, harness_ns)
        measured = [(measure, measure(count)) for measure in order]
        bare_total = sum(value for measure, value in measured if measure is bare_ns)
        ratios.append(sum(value for measure, value in measured if measure is harness_ns) / bare_total)
        times.append(bare_total / 2 / count / 1e3)
    error = 1.25 * statistics.stdev(ratios) / len(ratios) ** 0.5  # of a median of normal values
    return statistics.median(times), statistics.median(ratios) - 1, error


def main() -> None:
    """Print the table."""
    cases = [
        ("onnx digits-cnn", onnx_case("digits-cnn"), 0.10),
        ("onnx digits-cnn-heavy", onnx_case("digits-cnn-heavy"), 0.01),
        ("python 30 µs", python_case(30e3), 0.10),
        ("python 1 ms", python_case(1e6), 0.01),
    ]
    print(f"{'request':24} {'bare µs':>9} {'overhead':>16}   target")
    for name, (server, bare), target in cases:
        request_us, added, error = overhead(server, bare)
        met = "met" if added <= target else "MISSED"
        print(f"{name:24} {request_us:9.1f} {added * 100:8.2f} % ± {error * 100:.2f}   ≤ {target * 100:.0f} %  {met}")


if __name__ == "__main__":
    main()
