"""Command lines: how they are started, and one as a workload that runs anew for every request."""

from __future__ import annotations

import os
import subprocess
import sys

from .errors import TEXT_LIMIT, FailedRequest
from .loaded_workload import LoadedWorkload

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


class Command(LoadedWorkload):
    """A command line that is run anew for every request; what it prints is its answer."""

    counts_own_cpu = False
    answers_text = True

    def __init__(self, spec: dict[str, Any]) -> None:
        self._line = spec["line"]
        self._environment = environment()
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> bytes:  # noqa: ARG002 - a command takes no inputs
        """Run it once to its end, that of all who hold its output included."""
        process = start(self._line, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            said, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            complaint = errors[-20 * TEXT_LIMIT :].decode("utf-8", "replace")
            sys.stderr.write(complaint)
            sys.stderr.flush()
            last = complaint.strip().rpartition("\n")[2].strip()[:TEXT_LIMIT]
            raise FailedRequest(ending(process.returncode) + (": " + last if last else ""))
        return bytes(said)

    def named(self, answer: bytes) -> dict[str, str]:
        """The parts of an answer by name: all that it printed."""
        return {"text": str(answer, "utf-8", "replace")}


def start(line: str, **options: Any) -> Any:
    """Start a command line in the checkout, as `setup` is: it can ask nothing, and stops at its first failure."""
    arguments = ["/bin/sh", "-e", "-c", "--", line] if os.name == "posix" else line
    return subprocess.Popen(arguments, shell=os.name != "posix", stdin=subprocess.DEVNULL, **options)


def environment(**more: str) -> dict[str, str]:
    """This process's environment as if the interpreter's virtual environment were activated, with `more`."""
    found = dict(os.environ, **more)
    found.pop("VIRTUAL_ENV", None)
    if sys.prefix != sys.base_prefix:
        found["VIRTUAL_ENV"] = sys.prefix
    directory = os.path.dirname(os.path.abspath(sys.executable))
    found["PATH"] = os.pathsep.join(part for part in (directory, found.get("PATH")) if part)
    return found


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it is gone: run between fork and exec."""
    if _libc is not None:
        _libc.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def ending(code: int) -> str:
    """How a process ended, as the end of a sentence about it."""
    if code >= 0:
        return "ended with exit code %d" % code
    import signal

    name = next((known.name for known in signal.Signals if known == -code), "signal %d" % -code)
    return "was killed by %s" % name


def _load_libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):
        return None


_libc = _load_libc()
