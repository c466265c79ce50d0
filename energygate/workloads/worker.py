"""A worker process, seen from its parent: start it, send it commands, freeze it, and make sure that it ends."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from energygate.errors import MeasurementError, TargetMissing, WorkerDied
from energygate.text import quote
from energygate.workloads.protocol import ACTIVITIES, LoadReply, Payloads, ServedWindow
from energygate.workloads.worker_environment import worker_environment
from energygate.workloads.worker_processes import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from energygate.errors import Wording
    from energygate.workloads.protocol import Arrivals, WorkerStart

WORKER = Path(__file__).with_name("energygate_worker") / "__main__.py"

MAX_REPLY_LENGTH = 256 * 1024 * 1024
"""In characters: a guard against garbage, far above the latencies of any window."""

MAX_STDERR_LINES = 20
"""Lines at the end of a worker's stderr that an error quotes."""

SHUTDOWN_SECONDS = 5.0
"""Time for a worker to shut down before it is killed."""

LIVENESS_SECONDS = 0.25
"""Interval of checks whether a silent worker is still alive."""

DRAIN_SECONDS = 2.0
"""Time for the output of an ended worker to arrive while a child of it still holds its pipe."""


class Worker:
    """A running worker process. Use it as a context manager: on exit the process is gone, whatever happened.

    Raises:
        MeasurementError: From any command, when the worker reports an error, dies, exceeds its time limit or sends
            an invalid reply. The worker is unusable after that.
    """

    def __init__(self, start: WorkerStart, *, timeout_s: float) -> None:
        self._start = start
        self._timeout_s = timeout_s
        self._number = 0
        self._last_command = ""
        self._replies: queue.Queue[str] = queue.Queue()
        self._stderr: deque[str] = deque(maxlen=MAX_STDERR_LINES)
        self._processes = WorkerProcesses()
        self._started_ns = time.perf_counter_ns()
        try:
            self._process = self._start_process(start)
            self._processes.adopt(self._process.pid)
        except BaseException:
            self._processes.end()
            raise
        self._commands = cast("IO[str]", self._process.stdin)
        self._readers = [
            threading.Thread(target=self._read_replies, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _start_process(self, start: WorkerStart) -> subprocess.Popen[str]:
        arguments = {"parent_pid": os.getpid(), "cpus": start.cpus, "group": self._processes.group_path}
        environment = worker_environment(os.environ, threads=start.threads) | self._processes.environment
        try:
            return subprocess.Popen(
                [start.python, str(WORKER), json.dumps(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=start.directory,
                env=environment,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            if not start.directory.is_dir():
                raise MeasurementError(f"the directory {start.directory} does not exist", where=start.label) from None
            raise MeasurementError(
                f"{start.python} cannot be started: {error.strerror}",
                where=start.label,
                hint="Set `measurement.python` to an existing interpreter",
            ) from None

    # --- Commands ------------------------------------------------------------------------------------------

    def load(self, kind: str, spec: Mapping[str, Any], *, timeout_s: float) -> LoadReply:
        """Load the workload."""
        self.start_loading(kind, spec)
        return self.loaded(timeout_s=timeout_s)

    def start_loading(self, kind: str, spec: Mapping[str, Any]) -> None:
        """Have the workload loaded, without waiting for it; `loaded` must come next."""
        self._send("load", kind=kind, spec=dict(spec))

    def loaded(self, *, timeout_s: float) -> LoadReply:
        """Wait until the workload is loaded; its time and CPU time count from the start of the process."""
        reply = self._receive(timeout_s)
        wall_ns = time.perf_counter_ns() - self._started_ns - reply["joining_ns"]
        return LoadReply.of(reply, wall_ns=wall_ns)

    def modules(self) -> dict[str, str | None]:
        """Return the top-level modules that the worker has imported so far, and their files, if any."""
        return self._ask("modules")

    def bind(self, inputs: Path, *, leave_out: Sequence[str], batch_size: int, seed: int | None = None) -> int:
        """Have the worker read its inputs; return the number of distinct calls they make.

        With a seed, `run` serves them in a random order.
        """
        reply = self._ask("bind", path=str(inputs), leave_out=list(leave_out), batch_size=batch_size, seed=seed)
        return int(reply["distinct_requests"])

    def run(
        self,
        count: int,
        *,
        tolerant: bool = False,
        first: int | None = None,
        clients: int = 1,
        arrivals: Arrivals | None = None,
    ) -> ServedWindow:
        """Serve one window of calls.

        Args:
            count: How many calls.
            tolerant: Whether failed calls are counted instead of ending the launch.
            first: Which call of the order of serving comes first; by default the one after the last that was served.
            clients: How many calls are served at once.
            arrivals: When they arrive; by default each starts as soon as a client is free.
        """
        encoded = None if arrivals is None else arrivals.as_json()
        reply = self._ask("run", count=count, tolerant=tolerant, first=first, clients=clients, arrivals=encoded)
        served = ServedWindow.of(reply)
        if len(served.latencies_ns) != count:
            raise self._error(f"the worker answered {len(served.latencies_ns)} of {count} requests")
        return served

    def answer(self, *, count: int, tolerant: bool = False, keep: bool = False) -> Payloads:
        """Answer the first `count` distinct calls, untimed; return the mean sizes of a call and of its answer.

        Args:
            count: Maximum number of calls.
            tolerant: Whether failed calls are left out instead of raising.
            keep: Whether `outputs` will write the answers.
        """
        reply = self._ask("answer", count=count, tolerant=tolerant, keep=keep)
        try:
            return Payloads.of(reply)
        except ValueError as error:
            raise self._error(f"the worker sent an invalid reply: {error}") from None

    def outputs(self, path: Path, *, count: int) -> int:
        """Write the answers to the first `count` distinct calls as `.npz`; return how many there are.

        Answers that `answer` has kept are not requested again.
        """
        return int(self._ask("outputs", path=str(path), count=count)["requests"])

    def end_profile(self) -> Path:
        """End profiling (see `profile` of an ONNX workload's spec); return the path of the profile."""
        return Path(self._ask("end_profile")["path"])

    def pin(self, cpus: tuple[int, ...]) -> None:
        """Move the frozen worker and everything it has started to these CPUs."""
        self._processes.pin(cpus)

    def shut_down(self) -> int:
        """Shut the worker down; return its peak resident memory in bytes (0 when unknown)."""
        self._processes.remember()
        peak_memory_bytes = int(self._ask("shut_down")["peak_memory_bytes"])
        self.close()
        return peak_memory_bytes

    @property
    def pid(self) -> int:
        """The worker's process id, which is also that of its process group."""
        return self._process.pid

    # --- Process control -----------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Freeze the worker and everything it has started, so that spinning threads cannot disturb the other side."""
        self._processes.freeze()

    def thaw(self) -> None:
        """Let the worker and everything it has started run again."""
        self._processes.thaw()

    def close(self) -> None:
        """Kill what is left of the worker and everything it has started, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self._commands.close()
        if self._process.poll() is None and self._last_command == "shut_down":
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(SHUTDOWN_SECONDS)
        self._processes.end()
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(timeout=DRAIN_SECONDS)  # a process that escaped the tree may still hold the pipe

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Protocol ------------------------------------------------------------------------------------------

    def _ask(self, command: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - what JSON can hold
        self._send(command, **arguments)
        return self._receive(self._timeout_s)

    def _send(self, command: str, **arguments: Any) -> None:  # noqa: ANN401 - what JSON can hold
        self._number += 1
        self._last_command = command
        line = json.dumps({"id": self._number, "do": command, **arguments})
        with contextlib.suppress(OSError):  # it may have died already; then its replies end, see below
            self._commands.write(line + "\n")
            self._commands.flush()

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        command = self._last_command
        try:
            line = self._reply(timeout_s)
        except queue.Empty:
            self.close()
            raise self._error(
                f"the worker was still {ACTIVITIES[command]} after {timeout_s:g} s and was killed",
                hint=lambda options: f"Raise {options.time_limit} if it needs longer",
            ) from None
        if not line:
            raise self._death(command)
        return self._parsed(line)

    def _reply(self, timeout_s: float) -> str:
        """Return the next line; empty when the worker has ended, even if a child of it still holds its pipe."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            ended = self._process.poll() is not None
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=min(left_s, DRAIN_SECONDS if ended else LIVENESS_SECONDS))
            if ended:
                return ""
        raise queue.Empty

    def _parsed(self, line: str) -> dict[str, Any]:
        try:
            reply = json.loads(line)
            number, answer, error = reply["id"], reply.get("ok"), reply.get("error")
            if error is not None:
                if self._last_command != "bind":
                    self.close()  # so that the last output of its server, or command, has arrived
                kind = TargetMissing if error.get("missing") else MeasurementError
                raise self._error(str(error["message"]), detail=str(error["trace"]), kind=kind)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._error(f"the worker sent an invalid reply: {quote(line, max_length=80)}") from None
        if number != self._number or not isinstance(answer, dict):
            raise self._error(f"the worker replied out of order: {quote(line, max_length=80)}")
        return answer

    def _death(self, command: str) -> MeasurementError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(SHUTDOWN_SECONDS)
        code = self._process.poll()
        self.close()
        if code is None:
            return self._error(f"the worker closed its pipes while {ACTIVITIES[command]}", kind=WorkerDied)
        if code < 0:
            name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
            hint = "The kernel's out-of-memory killer may have killed it" if name == "SIGKILL" else None
            return self._error(
                f"the worker was killed by {name} while {ACTIVITIES[command]}", hint=hint, kind=WorkerDied
            )
        return self._error(f"the worker ended with exit code {code} while {ACTIVITIES[command]}", kind=WorkerDied)

    def _error(
        self,
        what: str,
        *,
        hint: Wording | None = None,
        detail: str = "",
        kind: type[MeasurementError] = MeasurementError,
    ) -> MeasurementError:
        output = "\n".join(part for part in (detail.strip(), "\n".join(self._stderr)) if part)
        # Lone surrogates, which names of files may contain, are accepted by no stream.
        what, output = (text.encode("utf-8", "replace").decode() for text in (what, output))
        return kind(what, where=self._start.label, hint=hint, detail=output or None)

    def _read_replies(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(MAX_REPLY_LENGTH):
                self._replies.put(line)
        self._replies.put("")

    def _read_stderr(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(4096):  # bounded: a workload may print megabytes on one line
                self._stderr.append(line.rstrip()[:400])
