"""Command lines: how they are started, and one as a workload that runs anew for every request."""

from __future__ import annotations

import os
import subprocess
import sys

from .errors import MAX_MESSAGE_LENGTH, FailedRequest
from .loaded_workload import LoadedWorkload

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


class Command(LoadedWorkload):
    """A command line that runs anew for every request; what it prints is its answer."""

    counts_own_cpu = False
    answers_text = True

    def __init__(self, spec: dict[str, Any]) -> None:
        self._line = spec["line"]
        self._environment = activated_environment()
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> bytes:  # noqa: ARG002 - a command takes no inputs
        """Run it once, until it and every process that holds its output have ended."""
        process = start(self._line, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            stderr_tail = stderr[-20 * MAX_MESSAGE_LENGTH :].decode("utf-8", "replace")
            sys.stderr.write(stderr_tail)
            sys.stderr.flush()
            last_line = stderr_tail.strip().rpartition("\n")[2].strip()[:MAX_MESSAGE_LENGTH]
            raise FailedRequest(describe_exit(process.returncode) + (": " + last_line if last_line else ""))
        return bytes(stdout)

    def named(self, answer: bytes) -> dict[str, str]:
        """Return the parts of an answer by name: everything it printed."""
        return {"text": str(answer, "utf-8", "replace")}


def start(line: str, **options: Any) -> Any:
    """Start a command line in the checkout as `setup` is started: without stdin, ending at its first failure."""
    arguments = ["/bin/sh", "-e", "-c", "--", line] if os.name == "posix" else line
    return subprocess.Popen(arguments, shell=os.name != "posix", stdin=subprocess.DEVNULL, **options)


def activated_environment(**more: str) -> dict[str, str]:
    """Return this process's environment as if the interpreter's virtual environment were activated, with `more`."""
    environment = dict(os.environ, **more)
    environment.pop("VIRTUAL_ENV", None)
    if sys.prefix != sys.base_prefix:
        environment["VIRTUAL_ENV"] = sys.prefix
    directory = os.path.dirname(os.path.abspath(sys.executable))
    environment["PATH"] = os.pathsep.join(part for part in (directory, environment.get("PATH")) if part)
    return environment


def describe_exit(code: int) -> str:
    """Return how a process ended, as the end of a sentence about it."""
    if code >= 0:
        return "ended with exit code %d" % code
    import signal

    name = next((known.name for known in signal.Signals if known == -code), "signal %d" % -code)
    return "was killed by %s" % name
