"""The server behind an endpoint: start it, wait until it is ready, and stop it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

from .command import die_with_parent, ending, environment, start
from .errors import WorkloadError, message_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.01
"""Between two looks whether the server is ready: what a cold start is exact to."""

GOODBYE_SECONDS = 2.0
"""How long a server may take to end when asked, before it is killed."""

DYING_SECONDS = (1.0, 0.1)
"""How long after its last connection broke a dying server may take to be gone: the first time, and any other."""


class ServerProcess:
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
            raise WorkloadError("%s is no address of this machine: %s" % (host, message_of(error))) from None
        self._ready = ready
        self._patience_s = patience_s
        self._deadline = time.monotonic() + patience_s
        self._has_lost_one = False
        if is_open(host, self.port):
            raise WorkloadError(
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
            raise WorkloadError(
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
            return message_of(error) or type(error).__name__
        finally:
            connection.close()
        return ("%d %s" % (response.status, response.reason)).strip()

    def _wait(self, what: str) -> None:
        """Wait a moment for a server that is not ready yet, or give up."""
        code = self._process.poll()
        if code is not None:
            advice = "; it must stay in the foreground" if code == 0 else ""
            raise WorkloadError(
                "the server that `serve` starts %s before it was ready%s" % (ending(code), advice)
            )
        if time.monotonic() > self._deadline:
            raise WorkloadError("the server that `serve` starts %s within %g s" % (what, self._patience_s))
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


LISTENING = "0A"
"""TCP_LISTEN in include/net/tcp_states.h, as /proc/net/tcp writes it."""


def free_port(host: str) -> int:
    """A port of this host that nobody uses at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_open(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def is_ours(port: int) -> bool:
    """Whether this process or one that it started listens on the port; true where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        sockets = {"socket:[%s]" % inode for inode in _listening_inodes(port)}
        return any(_holds(pid, sockets) for pid in _family())
    except OSError:
        return True


def _listening_inodes(port: int) -> set[str]:
    """Inodes of the sockets that listen on a port: Documentation/networking/proc_net_tcp.rst."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):  # a system without IPv6
            continue
        with open(table) as lines:
            for fields in map(str.split, list(lines)[1:]):
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes


def _holds(pid: int, sockets: set[str]) -> bool:
    """Whether a process has one of these sockets open; true when it lets nobody look."""
    directory = "/proc/%d/fd" % pid
    try:
        descriptors = os.listdir(directory)
    except PermissionError:
        return True
    except OSError:  # it has just ended
        return False
    for descriptor in descriptors:
        try:
            if os.readlink("%s/%s" % (directory, descriptor)) in sockets:
                return True
        except OSError:
            continue
    return False


def _family() -> set[int]:
    """This process, its descendants, and all of its session."""
    parents, found = {}, {os.getpid()}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(name)] = int(fields[1])
        if int(fields[3]) == os.getsid(0):
            found.add(int(name))
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more
