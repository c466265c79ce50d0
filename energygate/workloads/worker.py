"""The worker: serves requests under the user's own interpreter and answers on pipes.

It runs as a script, so that the environment under test needs neither energygate nor anything it depends on:
standard library only until a workload is loaded, Python 3.8 and later. One JSON object per line in, one out:

    {"id": 1, "do": "load", ...}  ->  {"id": 1, "ok": {...}}  or  {"id": 1, "error": {"message", "trace"}}

Commands are `load`, `bind`, `run`, `outputs` and `shut_down`; each is a method of `Server` below.
"""

from __future__ import annotations

import array
import base64
import importlib
import inspect
import itertools
import json
import os
import sys
import time
import traceback
import types
from contextlib import suppress
from functools import partial

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

LINUX = sys.platform.startswith("linux")

TEXT_LIMIT = 500
"""Longest quotation of somebody else's error message, in characters."""

NO_ANSWER = {
    type(None): "nothing",
    types.GeneratorType: "a generator",
    types.AsyncGeneratorType: "an async generator",
    types.CoroutineType: "a coroutine",
    map: "a map object",
    filter: "a filter object",
}
"""What a request may not return: with the lazy ones, the work itself would not be in the measurement."""


class Trouble(Exception):
    """Something a person can be told in one sentence."""


class NoAnswer(Exception):
    """A request returned one of `NO_ANSWER`, its only argument."""


class ForkedCopy(BaseException):
    """This process is a copy that the workload forked and let return."""


forked: list[bool] = []
"""Non-empty in a process that the workload forked; a list, so that the request loop sees it in 10 ns."""


# --- What a request costs ----------------------------------------------------------------------------------


def _threads() -> list[int]:
    """Ids of this process's threads; empty where the system does not list them, or there is only one."""
    try:
        found = [int(thread) for thread in os.listdir("/proc/self/task")] if LINUX else []
    except OSError:
        return []
    return found if len(found) > 1 else []


def _process_cpu_time_ns(threads: list[int]) -> int:
    """CPU time of this process in ns, with what its threads are running at this moment on other CPUs.

    The kernel books that at its ticks only, milliseconds late. Reading a thread's own clock books it at once
    (`task_sched_runtime` in kernel/sched/core.c); the clock id's layout is in linux/posix-timers.h.
    """
    for thread in threads:
        try:
            time.clock_gettime_ns((~thread << 3) | 6)
        except OSError:  # it has ended
            continue
    return time.process_time_ns()


def _children_cpu_ns() -> int:
    """CPU time in ns of children that have exited and of all living descendants (living ones: Linux only)."""
    try:
        import resource
    except ImportError:  # Windows: the parent accounts for children there
        return 0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = int((usage.ru_utime + usage.ru_stime) * 1e9)
    if LINUX:
        total += sum(_process_cpu_ns(pid) for pid in _descendants(os.getpid()))
    return total


def _descendants(pid: int) -> list[int]:
    """Process ids of all living descendants, through the kernel's own list of each thread's children."""
    found: list[int] = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return []
    for thread in threads:
        try:
            with open("/proc/%d/task/%s/children" % (pid, thread)) as listing:
                found.extend(int(child) for child in listing.read().split())
        except OSError:
            continue  # the thread has just ended; its children belong to another one now
    return found + [grandchild for child in found for grandchild in _descendants(child)]


def _process_cpu_ns(pid: int) -> int:
    """CPU time in ns of a living process with all its threads, and of the children it has waited for."""
    try:
        # The kernel's clock of another process; the id's layout is in linux/posix-timers.h (CPUCLOCK_SCHED).
        own = time.clock_gettime_ns((~pid << 3) | 2)
        with open("/proc/%d/stat" % pid) as stat:
            fields = stat.read().rpartition(")")[2].split()
        return own + int((int(fields[13]) + int(fields[14])) * 1e9 / os.sysconf("SC_CLK_TCK"))
    except (OSError, IndexError):
        return 0  # it ended between listing and reading; its time is in the waited-for children now


def _peak_memory_bytes() -> int:
    """Peak resident memory of this process plus that of its living descendants, in bytes; 0 when unknown."""
    if not LINUX:
        try:
            import resource
        except ImportError:
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Not ru_maxrss: after vfork it starts at the size of the process that started this one.
    total = 0
    for pid in [os.getpid(), *_descendants(os.getpid())]:
        try:
            with open("/proc/%d/status" % pid) as status:
                total += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        except OSError:
            continue
    return total


# --- The two kinds of workload -----------------------------------------------------------------------------


class OnnxModel:
    """An ONNX model in an onnxruntime session on exactly the provider that was asked for."""

    def __init__(self, spec: dict[str, Any]) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise Trouble("%s cannot import onnxruntime: %s" % (sys.executable, error)) from None
        wanted = spec["provider"]
        available = onnxruntime.get_available_providers()
        if wanted not in available:
            raise Trouble(
                "onnxruntime %s in %s has no %s; it has %s"
                % (onnxruntime.__version__, sys.executable, wanted, ", ".join(available))
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        if spec.get("profile"):
            options.enable_profiling = True
            options.profile_file_prefix = spec["profile"]
        options.log_severity_level = 3  # errors; warnings about unused initialisers are not ours to show
        providers = [(wanted, dict(spec["provider_options"]))]
        if wanted != "CPUExecutionProvider":
            providers.append(("CPUExecutionProvider", {}))  # for the few operators a device leaves to the CPU
        try:
            self.session = onnxruntime.InferenceSession(spec["path"], options, providers=providers)
        except Exception as error:
            message = _text(error).replace("Load model from %s failed:" % spec["path"], "").rstrip(".")
            raise Trouble("onnxruntime cannot load %s: %s" % (spec["path"], message)) from None
        if self.session.get_providers()[0] != wanted:
            # onnxruntime falls back to the CPU with a warning when a provider fails to start
            raise Trouble(
                "onnxruntime could not start %s and fell back to %s; its log is below"
                % (wanted, self.session.get_providers()[0])
            )
        self.versions = {"onnxruntime": onnxruntime.__version__}
        self.origin = None
        self.inputs = [_signature(node) for node in self.session.get_inputs()]
        self.outputs = [_signature(node) for node in self.session.get_outputs()]

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        return self.session.run(None, feed)

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        serve = partial(self.session.run, None)
        for feed in feeds:
            serve(feed)
            append(clock())

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        return dict(zip((output["name"] for output in self.outputs), answer))


class PythonCallable:
    """A function that serves one request, made by the user's factory `package.module:factory`."""

    inputs = None
    outputs = None
    origin: str | None = None

    def __init__(self, spec: dict[str, Any]) -> None:
        target = spec["target"]
        module_name, _, factory_name = target.partition(":")
        try:
            factory: Any = importlib.import_module(module_name)
        except BaseException as error:  # a script without a main guard may well call sys.exit
            if isinstance(error, ModuleNotFoundError) and (module_name + ".").startswith("%s." % error.name):
                message = "there is no module %s in %s, nor in the environment of %s"
                raise Trouble(message % (error.name, os.getcwd(), sys.executable)) from None
            raise Trouble(
                "%s cannot be imported with %s: it %s" % (module_name, sys.executable, _deed(error))
            ) from error
        self.origin = getattr(factory, "__file__", None)
        try:
            for part in factory_name.split("."):
                factory = getattr(factory, part)
        except AttributeError as error:
            raise Trouble("%s does not exist: %s" % (target, error)) from None
        try:
            function = factory()
        except BaseException as error:
            raise Trouble("the factory %s %s" % (target, _deed(error))) from error
        if inspect.isawaitable(function) or not callable(function):
            raise Trouble(
                "%s returned %s; it must return the function that serves one request"
                % (target, "nothing" if function is None else type(function).__name__)
            )
        self.function = _blocking(function)
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        answer = self.function(**feed)
        if type(answer) in NO_ANSWER:
            raise NoAnswer(type(answer))
        if forked:
            raise ForkedCopy
        return answer

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        function = self.function
        for feed in feeds:
            if (kind := type(function(**feed))) in NO_ANSWER:
                raise NoAnswer(kind)
            if forked:
                raise ForkedCopy
            append(clock())

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        if isinstance(answer, dict):
            return {str(name): value for name, value in answer.items()}
        if isinstance(answer, tuple):
            return {str(position): value for position, value in enumerate(answer)}
        return {"answer": answer}


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function as an ordinary one on an event loop of its own; any other function as it is."""
    if not any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        return function
    import asyncio

    loop = asyncio.new_event_loop()
    return lambda **feed: loop.run_until_complete(function(**feed))


def _signature(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": node.type, "shape": list(node.shape)}


# --- Inputs ------------------------------------------------------------------------------------------------

_NUMPY_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}
_NUMPY_TYPES.update({"tensor(%s)" % name: name for name in ("int8", "int16", "int32", "int64")})
_NUMPY_TYPES.update({"tensor(u%s)" % name: "u" + name for name in ("int8", "int16", "int32", "int64")})


def _read(path: str, leave_out: list[str]) -> dict[str, Any]:
    """The arrays of an .npz file, without those in `leave_out`."""
    import zipfile

    import numpy

    if not zipfile.is_zipfile(path):
        raise Trouble("%s is not an .npz file" % path)
    arrays = {}
    with numpy.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            if name in leave_out:
                continue
            try:
                arrays[name] = archive[name]
            except Exception as error:
                what = "it holds Python objects" if "allow_pickle" in str(error) else _text(error)
                raise Trouble("array %r in %s cannot be read: %s" % (name, path, what)) from None
            if not isinstance(arrays[name], numpy.ndarray):
                raise Trouble("%r in %s is not an array" % (name, path))
    return arrays


def save_arrays(path: Any, arrays: dict[str, Any]) -> None:
    """Write an .npz file; `numpy.savez` would take arrays called `file` for arguments of its own."""
    import zipfile

    import numpy

    with zipfile.ZipFile(path, "w") as archive:
        for name, values in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                numpy.lib.format.write_array(entry, values, allow_pickle=False)


def _requests(arrays: dict[str, Any], signature: Any, batch_size: int) -> list[dict[str, Any]]:
    """Cut named arrays into the inputs of one call each.

    An array of its input's rank is cut along its first axis, `batch_size` rows a call (or as many as a fixed
    first dimension asks for); an array with one axis more holds one call's input per entry. Arrays that make
    just one call are given to every call.

    With a batch size above 1 some input must have that many rows: energy is divided by it.
    """
    cuts = {name: _cut(name, values, signature, batch_size) for name, values in arrays.items()}
    count = max(len(cut) for cut in cuts.values())
    uneven = sorted(name for name, cut in cuts.items() if len(cut) not in (1, count))
    if uneven:
        raise Trouble(
            "the inputs hold different numbers of requests: "
            + ", ".join("%s has %d" % (name, len(cut)) for name, cut in sorted(cuts.items()))
        )
    rows = {name: cut[0].shape[:1] for name, cut in cuts.items()}
    if signature is not None and batch_size != 1 and (batch_size,) not in rows.values():
        have = ", ".join("%d of %r" % (*row, name) for name, row in rows.items() if row)
        raise Trouble("batch_size is %d, but a call takes %s" % (batch_size, have or "no rows at all"))
    return [
        {name: cut[index if len(cut) == count else 0] for name, cut in cuts.items()} for index in range(count)
    ]


def _cut(name: str, values: Any, signature: Any, batch_size: int) -> list[Any]:
    shape = None if signature is None else signature[name]["shape"]
    if shape is None or values.ndim == len(shape):
        if values.ndim == 0:
            return [values]
        first = shape[0] if shape and isinstance(shape[0], int) else batch_size
        pieces = [values[start : start + first] for start in range(0, len(values) - first + 1, first)]
        if not pieces:
            raise Trouble("input %r holds %d rows; one call needs %d" % (name, len(values), first))
    elif values.ndim == len(shape) + 1 and len(values):
        pieces = [values[index, ...] for index in range(len(values))]  # the dots keep scalars arrays
    else:
        raise Trouble("input %r has shape %s; the model takes %s" % (name, list(values.shape), shape))
    if shape is not None:
        got = list(pieces[0].shape)
        if any(isinstance(want, int) and want != have for want, have in zip(shape, got)):
            raise Trouble("input %r gives shape %s a call; the model takes %s" % (name, got, shape))
    return pieces


def _checked(arrays: dict[str, Any], signature: Any) -> dict[str, Any]:
    """The arrays as the model's inputs: same names, same element types, or trouble that says which differ."""
    if set(arrays) != set(signature):
        raise Trouble(
            "the model takes inputs %s; the file has %s"
            % (", ".join(map(repr, signature)) or "none", ", ".join(map(repr, sorted(arrays))) or "none")
        )
    for name, values in arrays.items():
        wanted = _NUMPY_TYPES.get(signature[name]["type"])
        if wanted is None:
            raise Trouble("input %r is a %s, which no array can hold" % (name, signature[name]["type"]))
        if wanted == "str" and values.dtype.kind in "US":
            arrays[name] = values.astype(object)  # what onnxruntime takes for strings
        elif wanted == "str" or values.dtype != wanted:
            raise Trouble("input %r is %s; the model takes %s" % (name, values.dtype, wanted))
    return arrays


# --- The server --------------------------------------------------------------------------------------------


class Server:
    """One workload and the commands on it. Every command takes and returns what JSON can hold."""

    def __init__(self) -> None:
        self.workload: Any = None
        self.feeds: list[dict[str, Any]] = [{}]
        self.position = 0  # the next feed
        self.served = 0  # requests since the start, for messages

    def load(self, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Load the workload; CPU time is counted from the start of the process."""
        self.workload = {"onnx": OnnxModel, "python": PythonCallable}[kind](spec)
        numpy = sys.modules.get("numpy")
        versions = dict(self.workload.versions, python=".".join(map(str, sys.version_info[:3])))
        if numpy is not None:
            versions["numpy"] = numpy.__version__
        return {
            "inputs": self.workload.inputs,
            "outputs": self.workload.outputs,
            "versions": versions,
            "origin": self.workload.origin,
            "cpu_ns": time.process_time_ns() + _children_cpu_ns(),
        }

    def bind(self, path: str, leave_out: list[str], batch_size: int) -> dict[str, Any]:
        """Read the inputs' file and cut it into requests; the arrays in `leave_out` (labels) stay out."""
        try:
            arrays = _read(path, leave_out)
        except ImportError as error:
            raise Trouble("inputs need numpy in %s: %s" % (sys.executable, error)) from None
        signature = None
        if self.workload.inputs is not None:
            signature = {node["name"]: node for node in self.workload.inputs}
            arrays = _checked(arrays, signature)
        if arrays:  # a model may take no inputs at all
            self.feeds = _requests(arrays, signature, batch_size)
        return {"distinct_requests": len(self.feeds)}

    def run(self, count: int, *, tolerant: bool) -> dict[str, Any]:
        """Serve `count` calls one after another; with `tolerant`, calls that raise are counted, not fatal."""
        feeds = itertools.islice(itertools.cycle(self.feeds), self.position, self.position + count)
        self.position = (self.position + count) % len(self.feeds)
        stamps: list[int] = []
        failed: list[int] = []
        first_failure = None
        clock = time.perf_counter_ns
        children_before_ns = _children_cpu_ns()
        threads = _threads()
        cpu_before_ns = _process_cpu_time_ns(threads)
        start_ns = clock()
        while True:  # a failed request leaves the loop; the next round goes on with the request after it
            try:
                self.workload.loop(feeds, stamps.append, clock)
                break
            except BaseException as error:
                if forked:
                    raise  # this process must not serve on
                failure = _failure(self.served + len(stamps) + 1, error)
                if not tolerant or not isinstance(error, Exception):
                    raise Trouble(failure) from (None if isinstance(error, NoAnswer) else error)
                first_failure = first_failure or failure
                failed.append(len(stamps))
                stamps.append(clock())
        cpu_ns = _process_cpu_time_ns(threads) - cpu_before_ns
        cpu_ns += _children_cpu_ns() - children_before_ns
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
                raise Trouble(_failure(number, error)) from (None if isinstance(error, NoAnswer) else error)
            for name, value in answer.items():
                try:
                    array = numpy.asarray(_on_host(value))
                except Exception as error:
                    message = "answer %r to request %d cannot be made an array: it %s"
                    raise Trouble(message % (name, number, _deed(error))) from error
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
        return {"peak_memory_bytes": _peak_memory_bytes()}


def _failure(number: int, error: BaseException) -> str:
    if isinstance(error, NoAnswer):
        what = NO_ANSWER[error.args[0]]
        return "request %d returned %s; a request must return its finished answer" % (number, what)
    return "request %d %s" % (number, _deed(error))


def _on_host(value: Any) -> Any:
    """A torch tensor in host memory and without gradients; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _plain(values: Any) -> Any:
    """Strings as fixed-width unicode: object arrays would need pickle to be read again."""
    return values.astype("U") if values.dtype == object else values


def _deed(error: BaseException) -> str:
    """What somebody's code did wrong, as the end of a sentence about it."""
    if isinstance(error, SystemExit):
        return "called sys.exit(%s)" % ("" if error.code is None else repr(error.code)[:TEXT_LIMIT])
    text = _text(error)
    return "raised %s: %s" % (type(error).__name__, text) if text else "raised %s" % type(error).__name__


def _text(error: BaseException) -> str:
    """An error's message on one line, without onnxruntime's `[ONNXRuntimeError] : 7 : NO_SUCHFILE : `."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # `__str__` is the user's code, too
        return ""
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + " ..."


# --- Wiring ------------------------------------------------------------------------------------------------


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process with its parent: a frozen worker could not notice by itself."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent_pid:
        os._exit(1)


def _private_pipes() -> tuple[Any, Any]:
    """Move the protocol off stdin and stdout, so that nothing the workload prints can reach it."""
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return commands, replies


def main(parent_pid: int, cpus: list[int]) -> None:
    """Answer commands until `shut_down` or the end of input."""
    if LINUX:
        _die_with_parent(parent_pid)
    commands, replies = _private_pipes()
    sys.path[0] = (
        os.getcwd()
    )  # as `python -m` would; this file's own directory must not shadow the user's modules
    if cpus:
        os.sched_setaffinity(0, cpus)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: forked.append(True))
    pid, server = os.getpid(), Server()
    for line in commands:
        command = json.loads(line)
        number, name = command.pop("id"), command.pop("do")
        try:
            reply = {"id": number, "ok": getattr(server, name)(**command)}
        except BaseException as error:  # SystemExit included: a workload may not end its worker quietly
            reply = {"id": number, "error": _told(name, error)}
        if os.getpid() != pid:
            message = "the workload forked, and the child process came back instead of exiting"
            reply = {"id": number, "error": {"message": message, "trace": ""}}
        with suppress(Exception):  # the workload may have closed or replaced it
            sys.stdout.flush()
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if os.getpid() != pid:
            os._exit(86)
        if name == "shut_down":
            break


def _told(command: str, error: BaseException) -> dict[str, str]:
    """What the parent is told of a command that raised."""
    if isinstance(error, Trouble):
        return {"message": str(error), "trace": _trace(error.__cause__)}
    if forked and isinstance(error, SystemExit):
        os._exit(0)  # a child that the workload forked ends itself, as it should
    return {"message": "`%s` %s" % (command, _deed(error)), "trace": _trace(error)}


def _trace(error: Any) -> str:
    if error is None:
        return ""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


if __name__ == "__main__":
    _arguments = json.loads(sys.argv.pop(1))
    main(_arguments["parent_pid"], _arguments["cpus"])
