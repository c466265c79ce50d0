"""One workload and the commands on it."""

from __future__ import annotations

import array
import base64
import importlib
import itertools
import sys
import time

from .accounting import children_cpu_ns, peak_memory_bytes, process_cpu_time_ns, threads
from .inputs import checked, read_arrays, requests_of, save_arrays
from .troubles import NoAnswer, Trouble, deed, failure_of, forked

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

KINDS = {"onnx": ("onnx_model", "OnnxModel"), "python": ("python_callable", "PythonCallable")}
"""What serves each kind of workload, by module and class; the others are not imported."""


class Server:
    """One workload and the commands on it. Every command takes and returns what JSON can hold."""

    def __init__(self) -> None:
        self.workload: Any = None
        self.feeds: list[dict[str, Any]] = [{}]
        self.position = 0  # the next feed
        self.served = 0  # requests since the start, for messages

    def load(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Load the workload; CPU time is counted from the start of the process."""
        module, maker = KINDS[kind]
        self.workload = getattr(_own_module(module), maker)(spec)
        numpy = sys.modules.get("numpy")
        versions = dict(self.workload.versions, python=".".join(map(str, sys.version_info[:3])))
        if numpy is not None:
            versions["numpy"] = numpy.__version__
        return {
            "inputs": self.workload.inputs,
            "outputs": self.workload.outputs,
            "versions": versions,
            "origin": self.workload.origin,
            "cpu_ns": time.process_time_ns() + children_cpu_ns(),
        }

    def bind(self, path: str, leave_out: list[str], batch_size: int) -> dict[str, Any]:
        """Read the inputs' file and cut it into requests; the arrays in `leave_out` (labels) stay out."""
        try:
            arrays = read_arrays(path, leave_out)
        except ImportError as error:
            raise Trouble("inputs need numpy in %s: %s" % (sys.executable, error)) from None
        signature = None
        if self.workload.inputs is not None:
            signature = {node["name"]: node for node in self.workload.inputs}
            arrays = checked(arrays, signature)
        if arrays:  # a model may take no inputs at all
            self.feeds = requests_of(arrays, signature, batch_size)
        return {"distinct_requests": len(self.feeds)}

    def run(self, count: int, *, tolerant: bool) -> dict[str, Any]:
        """Serve `count` calls one after another; with `tolerant`, calls that raise are counted, not fatal."""
        feeds = itertools.islice(itertools.cycle(self.feeds), self.position, self.position + count)
        self.position = (self.position + count) % len(self.feeds)
        stamps: list[int] = []
        failed: list[int] = []
        first_failure = None
        clock = time.perf_counter_ns
        children_before_ns = children_cpu_ns()
        own_threads = threads()
        cpu_before_ns = process_cpu_time_ns(own_threads)
        start_ns = clock()
        while True:  # a failed request leaves the loop; the next round goes on with the request after it
            try:
                self.workload.loop(feeds, stamps.append, clock)
                break
            except BaseException as error:
                if forked:
                    raise  # this process must not serve on
                failure = failure_of(self.served + len(stamps) + 1, error)
                if not tolerant or not isinstance(error, Exception):
                    raise Trouble(failure) from (None if isinstance(error, NoAnswer) else error)
                first_failure = first_failure or failure
                failed.append(len(stamps))
                stamps.append(clock())
        cpu_ns = process_cpu_time_ns(own_threads) - cpu_before_ns
        cpu_ns += children_cpu_ns() - children_before_ns
        self.served += count
        latencies = array.array("q", (after - before for before, after in zip([start_ns, *stamps], stamps)))
        return {
            "wall_ns": stamps[-1] - start_ns,
            "cpu_ns": cpu_ns,
            "latencies_ns": base64.b64encode(latencies.tobytes()).decode("ascii"),
            "failed": failed,
            "first_failure": first_failure,
        }

    def outputs(self, path: str, count: int) -> dict[str, Any]:
        """Answer the first `count` distinct requests, untimed, and write the answers to `path` as .npz."""
        import numpy

        gathered: dict[str, list[Any]] = {}
        served = self.feeds[:count]
        for number, feed in enumerate(served, 1):
            try:
                answer = self.workload.named(self.workload.serve(feed))
            except BaseException as error:
                if forked:
                    raise
                raise Trouble(failure_of(number, error)) from (None if isinstance(error, NoAnswer) else error)
            for name, value in answer.items():
                try:
                    array = numpy.asarray(_on_host(value))
                except Exception as error:
                    message = "answer %r to request %d cannot be made an array: it %s"
                    raise Trouble(message % (name, number, deed(error))) from error
                gathered.setdefault(name, []).append(array)
        ragged = [name for name, values in gathered.items() if len({value.shape for value in values}) > 1]
        if ragged:
            raise Trouble("answers differ in shape from request to request: %s" % ", ".join(sorted(ragged)))
        save_arrays(path, {name: _plain(numpy.stack(values)) for name, values in gathered.items()})
        return {"requests": len(served)}

    def end_profile(self) -> dict[str, Any]:
        """Write the runtime's profile and say where."""
        return {"path": self.workload.session.end_profiling()}

    def shut_down(self) -> dict[str, Any]:
        """Say goodbye with the peak memory."""
        return {"peak_memory_bytes": peak_memory_bytes()}


def _on_host(value: Any) -> Any:
    """A torch tensor in host memory and without gradients; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _plain(values: Any) -> Any:
    """Strings as fixed-width unicode: object arrays would need pickle to be read again."""
    return values.astype("U") if values.dtype == object else values


def _own_module(name: str) -> Any:
    """A module of this package; what it imports is not looked for in the user's checkout."""
    checkout = sys.path.pop(0)
    try:
        return importlib.import_module("." + name, __package__)
    finally:
        sys.path.insert(0, checkout)
