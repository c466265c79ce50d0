"""One workload and the commands on it."""

from __future__ import annotations

import importlib
import itertools
import sys
import time

from .answers import AnswerCollector
from .checkouts import file_of
from .errors import WorkloadError
from .gpu_sync import synchronise
from .input_arrays import checked, read_arrays, requests_of
from .resource_usage import children_cpu_ns, joined, peak_memory_bytes, process_cpu_time_ns, threads
from .windows import BackToBack, Failures, SharedCalls

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

KINDS = {
    "onnx": ("onnx_model", "OnnxModel"),
    "python": ("python_callable", "PythonCallable"),
    "http": ("endpoint", "Endpoint"),
    "command": ("command", "Command"),
}
"""What serves each kind of workload, by module and class; the others are not imported."""


class WorkerCommands:
    """One workload and the commands on it. Every command takes and returns what JSON can hold."""

    def __init__(self, conversation: Any = None) -> None:
        self.workload: Any = None
        self._conversation = conversation
        self.feeds: list[dict[str, Any]] = [{}]
        self.position = 0  # the next feed
        self.served = 0  # requests since the start, for messages
        self.clients: dict[int, Any] = {}  # by how many they are
        self._collection: Any = None  # the answers that `outputs` is to write

    def load(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Load the workload; CPU time is counted from the start of the process."""
        if kind == "pytest":  # the test runs in this call, and serves from inside of it
            _own_module("concurrency")  # before the test brings modules of its own
            _own_module("pytest_workload").run(spec, self._serve_inside, self._conversation.say_goodbye)
            return {}
        module, maker = KINDS[kind]
        self.workload = getattr(_own_module(module), maker)(spec)
        return self._loaded()

    def _serve_inside(self, workload: Any) -> None:
        """Serve a workload that a running test has made, until `shut_down`."""
        self.workload = workload
        self._conversation.go_on_inside(self._loaded())

    def _loaded(self) -> dict[str, Any]:
        numpy = sys.modules.get("numpy")
        versions = dict(self.workload.versions, python=".".join(map(str, sys.version_info[:3])))
        if numpy is not None:
            versions["numpy"] = numpy.__version__
        cpu_ns = children_cpu_ns()
        if not self.workload.takes_requests:  # the start of an endpoint is its server's alone
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
        """The modules on top that have been imported by now, and their files; of one that has none, nothing."""
        told = {}
        for name, module in list(sys.modules.items()):
            if "." not in name:
                told[name] = file_of(module)
        return told

    def bind(self, path: str, leave_out: list[str], batch_size: int) -> dict[str, Any]:
        """Read the inputs' file and cut it into requests; the arrays in `leave_out` (labels) stay out."""
        if self.workload.takes_requests:
            self.feeds = self.workload.feeds_of(path)
            return {"distinct_requests": len(self.feeds)}
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
        return {"distinct_requests": len(self.feeds)}

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
            tolerant: Whether calls that fail are counted, not fatal.
            first: Which of the distinct calls comes first; by default the one after the last that was served.
            clients: How many calls are served at once.
            arrivals: When the calls arrive; see `loads.SharedCalls`.
        """
        start = self.position if first is None else first % len(self.feeds)
        self.position = (start + count) % len(self.feeds)
        feeds = itertools.islice(itertools.cycle(self.feeds), start, start + count)
        failures = Failures(self.served, tolerant=tolerant)
        if clients == 1 and arrivals is None and not self.workload.observes:
            window: Any = BackToBack(self.workload, feeds, failures)
        else:
            who = self._clients(clients)
            window = SharedCalls(self.workload, list(feeds), failures, arrivals, who)
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
        return dict(window.told(), wall_ns=end_ns - start_ns, cpu_ns=cpu_ns)

    def _clients(self, count: int) -> Any:
        """So many clients, kept for the windows to come."""
        if count not in self.clients:
            self.clients[count] = _own_module("concurrency").clients_for(self.workload, count)
        return self.clients[count]

    def answer(self, count: int, *, tolerant: bool, keep: bool) -> dict[str, Any]:
        """Answer the first `count` distinct requests, untimed, and say how many bytes they and their answers are.

        Args:
            count: How many, if there are so many.
            tolerant: Whether requests that fail are left out, not fatal.
            keep: Whether `outputs` is to write what they were answered.
        """
        collection = AnswerCollector(self.workload, tolerant=tolerant, keep=keep).collect(self.feeds[:count])
        self._collection = collection if keep else None
        return collection.told()

    def outputs(self, path: str, count: int) -> dict[str, Any]:
        """Write the answers to the first `count` distinct requests as .npz: what `answer` has kept, if it has."""
        if self._collection is None:
            self.answer(count, tolerant=False, keep=True)
        collection, self._collection = self._collection, None
        return {"requests": collection.save(path)}

    def end_profile(self) -> dict[str, Any]:
        """Write the runtime's profile and say where."""
        return {"path": self.workload.session.end_profiling()}

    def shut_down(self) -> dict[str, Any]:
        """End what the workload runs, and say goodbye with the peak memory."""
        told = {"peak_memory_bytes": peak_memory_bytes()}
        self.workload.close()
        return told


OWN_PATH = sys.path[1:]
"""Where this package's modules find what they import: not in the user's checkout, whatever a test puts in front."""


def _own_module(name: str) -> Any:
    """A module of this package; what it imports is not looked for in the user's checkout."""
    path = sys.path[:]
    sys.path[:] = OWN_PATH
    try:
        return importlib.import_module("." + name, __package__)
    finally:
        sys.path[:] = path
