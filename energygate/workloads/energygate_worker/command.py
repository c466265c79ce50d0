"""A command as a workload: each run of it is one request."""

from __future__ import annotations

import subprocess
import sys

from .shell import ending, environment, start
from .troubles import TEXT_LIMIT, FailedRequest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Command:
    """A command line that is run anew for every request; what it prints is its answer."""

    inputs = None
    outputs = None
    origin = None
    counts_own_cpu = False
    observes = False
    takes_requests = False
    answers_text = True

    def __init__(self, spec: dict[str, Any]) -> None:
        self._line = spec["line"]
        self._environment = environment()
        self.versions: dict[str, str] = {}

    def serve(self, feed: dict[str, Any]) -> str:  # noqa: ARG002 - a command takes no inputs
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
        return str(said, "utf-8", "replace")

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Run once per feed and append the time after each: the measured loop, kept bare."""
        serve = self.serve
        for feed in feeds:
            serve(feed)
            append(clock())

    def named(self, answer: str) -> dict[str, str]:
        """The parts of an answer by name: all that it printed."""
        return {"text": answer}

    def close(self) -> None:
        """Leave nothing: every run has ended."""
