"""The worker's commands, on one workload."""

from __future__ import annotations

import importlib
import itertools
import sys
import time

from .answer_collector import AnswerCollector
from .checkouts import file_of
from .errors import WorkloadError
from .gpu_sync import synchronise
from .input_arrays import checked, read_arrays, requests_of
from .resource_usage import children_cpu_ns, joined, peak_memory_bytes, process_cpu_time_ns, threads
from .window_calls import BackToBackCalls, FailedCalls, SharedCalls

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

WORKLOADS = {
    "onnx": ("onnx_model", "OnnxModel"),
    "python": ("python_callable", "PythonCallable"),
    "http": ("endpoint", "Endpoint"),
    "command": ("command_line", "Command"),
}
"""Module and class of each kind of workload; only the one that is loaded is imported."""


class WorkerCommands:
    """One workload and the commands on it. Every command takes and returns what JSON can represent."""

    def __init__(self, command_loop: Any = None) -> None:
        self.workload: Any = None
        self._command_loop = command_loop
        self.feeds: list[dict[str, Any]] = [{}]
        self.queue = self.feeds  # in the order of serving
        self.position = 0  # in the queue
        self.served = 0  # requests since the start, for messages
        self.clients: dict[int, Any] = {}  # by their number
        self._collector: Any = None  # the answers that `outputs` will write

    def load(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Load the workload; CPU time counts from the start of the process."""
        if kind == "pytest":  # the test runs in this call, and serves from inside it
            _own_module("concurrency")  # before the test imports modules of its own
            _own_module("pytest_workload").run(spec, self._serve_inside_test, self._command_loop.finish)
            return {}
        module, name = WORKLOADS[kind]
        self.workload = getattr(_own_module(module), name)(spec)
        return self._loaded()

    def _serve_inside_test(self, workload: Any) -> None:
        """Serve a workload that a running test has created, until `shut_down`."""
        self.workload = workload
        self._command_loop.run_inside_test(self._loaded())

    def _loaded(self) -> dict[str, Any]:
        numpy = sys.modules.get("numpy")
        versions = dict(self.workload.versions, python=".".join(map(str, sys.version_info[:3])))
        if numpy is not None:
            versions["numpy"] = numpy.__version__
        cpu_ns = children_cpu_ns()
        if not self.workload.takes_requests:  # starting an endpoint is the server's work alone
            cpu_ns += time.process_time_ns()
        return {
            "inputs": self.workload.inputs,
            "outputs": self.workload.outputs,
            "versions": versions,
            "origin": self.workload.origin,
            "cpu_ns": cpu_ns,
            "joining_ns": joined[0].joining_ns if joined else 0,
            "requests": self.workload.requests,
        }

    def modules(self) -> dict[str, Any]:
        """Return the top-level modules that have been imported so far, and their files, if any."""
        return {name: file_of(module) for name, module in list(sys.modules.items()) if "." not in name}

    def bind(self, path: str, leave_out: list[str], batch_size: int, seed: int | None) -> dict[str, Any]:
        """Read the inputs' file and cut it into requests, without the arrays in `leave_out` (labels).

        With a seed they are served in a random order, the same in every process; `answer` keeps the file's.
        """
        if self.workload.takes_requests:
            self.feeds = self.workload.feeds_of(path)
        else:
            self._bind_arrays(path, leave_out, batch_size)
        self.queue = self.feeds if seed is None else shuffled(self.feeds, seed)
        return {"distinct_requests": len(self.feeds)}

    def _bind_arrays(self, path: str, leave_out: list[str], batch_size: int) -> None:
        try:
            arrays = read_arrays(path, leave_out)
        except ImportError as error:
            raise WorkloadError("inputs need numpy in %s: %s" % (sys.executable, error)) from None
        signature = None
        if self.workload.inputs is not None:
            signature = {node["name"]: node for node in self.workload.inputs}
            arrays = checked(arrays, signature)
        if arrays:  # a model may take no inputs at all
            self.feeds = requests_of(arrays, signature, batch_size)

    def run(
        self,
        count: int,
        *,
        tolerant: bool,
        first: int | None = None,
        clients: int = 1,
        arrivals: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Serve one window.

        Args:
            count: How many calls it has.
            tolerant: Whether failed calls are counted instead of fatal.
            first: Which call of the order of serving comes first; by default the one after the last that was served.
            clients: How many calls are served at once.
            arrivals: When the calls arrive; see `window_calls.SharedCalls`.
        """
        start = self.position if first is None else first % len(self.queue)
        self.position = (start + count) % len(self.queue)
        feeds = itertools.islice(itertools.cycle(self.queue), start, start + count)
        failures = FailedCalls(self.served, tolerant=tolerant)
        if clients == 1 and arrivals is None and not self.workload.observes:
            window: Any = BackToBackCalls(self.workload, feeds, failures)
        else:
            window = SharedCalls(self.workload, list(feeds), failures, arrivals, self._clients(clients))
        synchronise()
        children_before_ns = children_cpu_ns()
        own_threads = threads()
        cpu_before_ns = process_cpu_time_ns(own_threads)
        start_ns = time.perf_counter_ns()
        end_ns = window.serve(start_ns)
        if synchronise():
            end_ns = max(end_ns, time.perf_counter_ns())
        cpu_ns = 0
        if self.workload.counts_own_cpu:
            cpu_ns = process_cpu_time_ns(own_threads) - cpu_before_ns
        cpu_ns += children_cpu_ns() - children_before_ns
        self.served += count
        return dict(window.reply(), wall_ns=end_ns - start_ns, cpu_ns=cpu_ns)

    def _clients(self, count: int) -> Any:
        """Return `count` clients, which stay for later windows."""
        if count not in self.clients:
            self.clients[count] = _own_module("concurrency").clients_for(self.workload, count)
        return self.clients[count]

    def answer(self, count: int, *, tolerant: bool, keep: bool) -> dict[str, Any]:
        """Answer the first `count` distinct requests, untimed, and return their sizes and those of their answers.

        Args:
            count: Maximum number of requests.
            tolerant: Whether failed requests are left out instead of fatal.
            keep: Whether `outputs` will write the answers.
        """
        collector = AnswerCollector(self.workload, tolerant=tolerant, keep=keep).collect(self.feeds[:count])
        self._collector = collector if keep else None
        return collector.sizes()

    def outputs(self, path: str, count: int) -> dict[str, Any]:
        """Write the answers to the first `count` distinct requests as .npz: those that `answer` has kept, if any."""
        if self._collector is None:
            self.answer(count, tolerant=False, keep=True)
        collector, self._collector = self._collector, None
        return {"requests": collector.save(path)}

    def end_profile(self) -> dict[str, Any]:
        """Write the runtime's profile and return its path."""
        return {"path": self.workload.session.end_profiling()}

    def shut_down(self) -> dict[str, Any]:
        """Stop what the workload has started, and return the peak memory."""
        reply = {"peak_memory_bytes": peak_memory_bytes()}
        self.workload.close()
        return reply


def shuffled(values: list[Any], seed: int) -> list[Any]:
    """Return the values in a random order: the same for every version of Python, without importing `random`."""
    order = values[:]
    for last in range(len(order) - 1, 0, -1):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)  # Knuth's MMIX
        other = (seed >> 32) % (last + 1)
        order[last], order[other] = order[other], order[last]
    return order


OWN_PATH = sys.path[1:]
"""Where this package's modules find their imports: not in the user's checkout, whatever a test adds in front."""


def _own_module(name: str) -> Any:
    """Import a module of this package; its imports are not taken from the user's checkout."""
    path = sys.path[:]
    sys.path[:] = OWN_PATH
    try:
        return importlib.import_module("." + name, __package__)
    finally:
        sys.path[:] = path
