"""A command as a workload: each run of it is one request."""

from __future__ import annotations

import subprocess
import sys

from .kind import Kind
from .shell import ending, environment, start
from .troubles import TEXT_LIMIT, FailedRequest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


class Command(Kind):
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
