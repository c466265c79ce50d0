"""The parent's end of a worker: start it, talk to it, freeze it, and make sure that it is gone."""

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

from energygate.errors import Hint, MeasurementError, NothingThere, WorkerDied
from energygate.workloads.protocol import ACTIVITIES, LoadReply, Payloads, ServedWindow
from energygate.workloads.worker_environment import worker_environment
from energygate.workloads.worker_processes import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from energygate.workloads.protocol import Arrivals, WorkerStart

WORKER = Path(__file__).with_name("energygate_worker") / "__main__.py"

LINE_LIMIT = 256 * 1024 * 1024
"""Longest reply in characters: a guard against nonsense, far above the latencies of any window."""

STDERR_LINES = 20
"""Lines of a worker's stderr kept for its error messages."""

GOODBYE_SECONDS = 5.0
"""How long a worker may take to shut down before it is killed."""

LOOK_SECONDS = 0.25
"""How often it is looked whether a worker that does not answer still lives."""

LAST_WORDS_SECONDS = 2.0
"""How long what a worker wrote before it ended may take to arrive, where a child of it still holds its pipe."""


class Worker:
    """A running worker process. Use as a context manager: whatever happens, the process is gone afterwards.

    Raises:
        MeasurementError: From any command when the worker reports trouble, dies, hangs past its time or
            answers nonsense. The worker cannot be used after that.
    """

    def __init__(self, start: WorkerStart, *, timeout_s: float) -> None:
        self._start = start
        self._timeout_s = timeout_s
        self._number = 0
        self._replies: queue.Queue[str] = queue.Queue()
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._family = WorkerProcesses()
        self._started_ns = time.perf_counter_ns()
        try:
            self._process = self._started(start)
            self._family.adopt(self._process.pid)
        except BaseException:
            self._family.end()
            raise
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._commands, replies, stderr = cast(
            "tuple[IO[str], IO[str], IO[str]]", pipes
        )  # PIPE gives all three
        self._readers = [
            threading.Thread(target=self._read_replies, args=(replies,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _started(self, start: WorkerStart) -> subprocess.Popen[str]:
        arguments = {"parent_pid": os.getpid(), "cpus": start.cpus, "group": self._family.group_path}
        environment = worker_environment(os.environ, threads=start.threads) | self._family.environment
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
                raise MeasurementError(
                    f"there is no directory {start.directory}", where=start.label
                ) from None
            raise MeasurementError(
                f"{start.python} cannot be started: {error.strerror}",
                where=start.label,
                hint="Set `measurement.python` to an interpreter that exists",
            ) from None

    # --- Commands ------------------------------------------------------------------------------------------

    def load(self, kind: str, spec: Mapping[str, Any], *, timeout_s: float) -> LoadReply:
        """Load the workload and say what it takes; time and CPU time count from the start of the process."""
        reply = self._ask("load", timeout_s=timeout_s, kind=kind, spec=dict(spec))
        wall_ns = time.perf_counter_ns() - self._started_ns - reply["joining_ns"]
        return LoadReply.of(reply, wall_ns=wall_ns)

    def modules(self) -> dict[str, str | None]:
        """The modules on top that the worker has imported by now, and their files, where they have one."""
        return self._ask("modules")

    def bind(self, inputs: Path, *, leave_out: Sequence[str], batch_size: int) -> int:
        """Give the worker its inputs; returns the number of distinct calls they make."""
        reply = self._ask("bind", path=str(inputs), leave_out=list(leave_out), batch_size=batch_size)
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
            tolerant: Whether calls that fail are counted instead of ending the launch.
            first: Which of the distinct calls comes first; by default the one after the last that was served.
            clients: How many calls are served at once.
            arrivals: When they arrive; by default each begins as soon as a client is free.
        """
        told = None if arrivals is None else arrivals.as_json()
        reply = self._ask("run", count=count, tolerant=tolerant, first=first, clients=clients, arrivals=told)
        served = ServedWindow.of(reply)
        if len(served.latencies_ns) != count:
            raise self._trouble(f"the worker answered {len(served.latencies_ns)} of {count} requests")
        return served

    def answer(self, *, count: int, tolerant: bool = False, keep: bool = False) -> Payloads:
        """Answer the first `count` distinct calls, untimed; returns the mean bytes of a call, and of its answer.

        Args:
            count: How many calls, if there are so many distinct ones.
            tolerant: Whether calls that fail are left out instead of being trouble.
            keep: Whether `outputs` is to write what they were answered.
        """
        reply = self._ask("answer", count=count, tolerant=tolerant, keep=keep)
        try:
            return Payloads.of(reply)
        except ValueError as error:
            raise self._trouble(f"the worker answered nonsense: {error}") from None

    def outputs(self, path: Path, *, count: int) -> int:
        """Write the answers to the first `count` distinct calls as `.npz`; returns how many were answered.

        Those that `answer` has kept are not asked again.
        """
        return int(self._ask("outputs", path=str(path), count=count)["requests"])

    def end_profile(self) -> Path:
        """End profiling (see `profile` of an ONNX workload's spec); returns the profile's path."""
        return Path(self._ask("end_profile")["path"])

    def shut_down(self) -> int:
        """End the worker in good order; returns its peak resident memory in bytes (0 when unknown)."""
        self._family.remember()
        peak_memory_bytes = int(self._ask("shut_down")["peak_memory_bytes"])
        self.close()
        return peak_memory_bytes

    @property
    def pid(self) -> int:
        """The worker's process id, which is its process group's too."""
        return self._process.pid

    # --- Process control -----------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop the worker and all that it has started, so that spinning threads cannot disturb the other side."""
        self._family.freeze()

    def thaw(self) -> None:
        """Let the worker and all that it has started run again."""
        self._family.thaw()

    def close(self) -> None:
        """Kill whatever is left of the worker and of all that it has started, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self._commands.close()
        if self._process.poll() is None and self._number and self._last_command == "shut_down":
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GOODBYE_SECONDS)
        self._family.end()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            # a stray process may still hold the pipe, where not all can be held together
            reader.join(timeout=LAST_WORDS_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- Talking -------------------------------------------------------------------------------------------

    _last_command = ""

    def _ask(
        self,
        command: str,
        *,
        timeout_s: float | None = None,
        **arguments: Any,  # noqa: ANN401 - what JSON can hold
    ) -> dict[str, Any]:
        timeout_s = timeout_s or self._timeout_s
        self._number += 1
        self._last_command = command
        line = json.dumps({"id": self._number, "do": command, **arguments})
        with contextlib.suppress(OSError):  # it may have died before; the end of its replies says so below
            self._commands.write(line + "\n")
            self._commands.flush()
        try:
            line = self._reply(timeout_s)
        except queue.Empty:
            self.close()
            raise self._trouble(
                f"the worker was still {ACTIVITIES[command]} after {timeout_s:g} s and was killed",
                hint=lambda options: f"Raise {options.time_limit} if it needs longer",
            ) from None
        if not line:
            raise self._death(command)
        return self._parsed(line)

    def _reply(self, timeout_s: float) -> str:
        """The next line; none when the worker has ended, even while a child of it still holds its pipe."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            ended = self._process.poll() is not None
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=min(left_s, LAST_WORDS_SECONDS if ended else LOOK_SECONDS))
            if ended:
                return ""
        raise queue.Empty

    def _parsed(self, line: str) -> dict[str, Any]:
        try:
            reply = json.loads(line)
            number, answer, error = reply["id"], reply.get("ok"), reply.get("error")
            if error is not None:
                if self._last_command != "bind":
                    self.close()  # the last words of its server, or command, have arrived then
                kind = NothingThere if error.get("missing") else MeasurementError
                raise self._trouble(str(error["message"]), detail=str(error["trace"]), kind=kind)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._trouble(f"the worker answered nonsense: {line[:80]!r}") from None
        if number != self._number or not isinstance(answer, dict):
            raise self._trouble(f"the worker answered out of turn: {line[:80]!r}")
        return answer

    def _death(self, command: str) -> MeasurementError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GOODBYE_SECONDS)
        code = self._process.poll()
        self.close()
        if code is None:
            return self._trouble(f"the worker closed its pipes while {ACTIVITIES[command]}", kind=WorkerDied)
        if code < 0:
            name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
            hint = "The kernel's out-of-memory killer does that" if name == "SIGKILL" else None
            return self._trouble(
                f"the worker was killed by {name} while {ACTIVITIES[command]}", hint=hint, kind=WorkerDied
            )
        return self._trouble(
            f"the worker ended with exit code {code} while {ACTIVITIES[command]}", kind=WorkerDied
        )

    def _trouble(
        self,
        what: str,
        *,
        hint: Hint | None = None,
        detail: str = "",
        kind: type[MeasurementError] = MeasurementError,
    ) -> MeasurementError:
        last_words = "\n".join(part for part in (detail.strip(), "\n".join(self._stderr)) if part)
        return kind(
            _printable(what), where=self._start.label, hint=hint, detail=_printable(last_words) or None
        )

    def _read_replies(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(LINE_LIMIT):
                self._replies.put(line)
        self._replies.put("")

    def _read_stderr(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(4096):  # bounded: the workload may print megabytes on one line
                self._stderr.append(line.rstrip()[:400])


def _printable(text: str) -> str:
    """Text that any stream takes: names of files may hold lone surrogates, which none does."""
    return text.encode("utf-8", "replace").decode()
