"""The server behind an endpoint: started with the launch, awaited until it is ready, and ended with it."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from contextlib import suppress

from .listening import free_port, is_open, is_ours
from .shell import die_with_parent, ending, environment, start
from .troubles import Trouble, text_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.01
"""Between two looks whether the server is ready: what a cold start is exact to."""

GOODBYE_SECONDS = 2.0
"""How long a server may take to end when asked, before it is killed."""

DYING_SECONDS = (1.0, 0.1)
"""How long after its last connection broke a dying server may take to be gone: the first time, and any other."""


class Backend:
    """The server that a command line starts, and where it listens.

    Args:
        line: The command line; `{port}` in it is the port, which it also finds as PORT in its environment.
        host: The address it listens at.
        port: Its port; `None` for a free one.
        ready: The path that answers 2xx once it is ready; `None` when it is as soon as it listens.
        patience_s: The longest to wait for that.
    """

    def __init__(self, line: str, host: str, port: int | None, ready: str | None, patience_s: float) -> None:
        self.host = host
        try:
            self.port = free_port(host) if port is None else port
        except OSError as error:
            raise Trouble("%s is no address of this machine: %s" % (host, text_of(error))) from None
        self._ready = ready
        self._patience_s = patience_s
        self._deadline = time.monotonic() + patience_s
        self._has_lost_one = False
        if is_open(host, self.port):
            raise Trouble(
                "port %d is taken: something listens there already, and a server that `serve` did not start "
                "is not measured" % self.port
            )
        options: dict[str, Any] = {"preexec_fn": die_with_parent} if os.name == "posix" else {}
        self._process = start(
            line.replace("{port}", str(self.port)), env=environment(PORT=str(self.port)), **options
        )
        self._wait_until_it_listens()
        self._wait_until_it_is_ready()

    def _wait_until_it_listens(self) -> None:
        while not is_open(self.host, self.port):
            self._wait("did not listen on port %d" % self.port)
        if not is_ours(self.port):
            raise Trouble(
                "what listens on port %d was not started by `serve`: the energy of a container, or of a service "
                "that ran before, cannot be told from others'" % self.port
            )

    def _wait_until_it_is_ready(self) -> None:
        if self._ready is None:
            return
        answer = ""
        while True:
            latest = self._probe(self._ready)
            if latest.startswith("2"):
                return
            if not answer or time.monotonic() < self._deadline:
                answer = latest  # the last one is cut short by our own patience, and says little
            self._wait("did not answer GET %s with 2xx (but with: %s)" % (self._ready, answer))

    def _probe(self, path: str) -> str:
        """What the server answers on being asked whether it is ready: the status, or why there is none."""
        left_s = max(POLL_SECONDS, self._deadline - time.monotonic())
        connection = http.client.HTTPConnection(self.host, self.port, timeout=left_s)
        try:
            connection.request("GET", path, headers={"User-Agent": "energygate", "Connection": "close"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return text_of(error) or type(error).__name__
        finally:
            connection.close()
        return ("%d %s" % (response.status, response.reason)).strip()

    def _wait(self, what: str) -> None:
        """Wait a moment for a server that is not ready yet, or give up."""
        code = self._process.poll()
        if code is not None:
            advice = "; it must stay in the foreground" if code == 0 else ""
            raise Trouble("the server that `serve` starts %s before it was ready%s" % (ending(code), advice))
        if time.monotonic() > self._deadline:
            raise Trouble("the server that `serve` starts %s within %g s" % (what, self._patience_s))
        time.sleep(POLL_SECONDS)

    def ended(self) -> str:
        """How the server ended, now that a connection to it broke; empty while it lives."""
        first, other = DYING_SECONDS
        patience_s, self._has_lost_one = other if self._has_lost_one else first, True
        with suppress(subprocess.TimeoutExpired):
            return ending(self._process.wait(patience_s))
        return ""

    def close(self) -> None:
        """Ask the server to end, then kill it; what it leaves behind is the parent's to kill."""
        self._process.terminate()
        try:
            self._process.wait(GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
