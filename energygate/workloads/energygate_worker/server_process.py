"""The server behind an endpoint: start it, wait until it is ready, and stop it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

from .command_line import activated_environment, describe_exit, start
from .errors import WorkloadError, message_of
from .resource_usage import die_with_parent

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.01
"""Interval of checks whether the server is ready: the resolution of a cold start."""

TERMINATE_SECONDS = 2.0
"""Time for a server to end after SIGTERM before it is killed."""

EXIT_SECONDS = (1.0, 0.1)
"""Time for a dying server to be gone after a connection broke: the first time, and later."""

LISTENING = "0A"
"""TCP_LISTEN in include/net/tcp_states.h, as /proc/net/tcp writes it."""


class ServerProcess:
    """The server that a command line starts, and where it listens.

    Args:
        line: The command line; `{port}` in it is the port, which is also in the variable PORT.
        host: The address it listens at.
        port: Its port; `None` for a free one.
        ready: The path that answers 2xx once it is ready; `None` if it is ready as soon as it listens.
        patience_s: Maximum time to wait for that.
    """

    def __init__(self, line: str, host: str, port: int | None, ready: str | None, patience_s: float) -> None:
        self.host = host
        try:
            self.port = _free_port(host) if port is None else port
        except OSError as error:
            raise WorkloadError("%s is not an address of this machine: %s" % (host, message_of(error))) from None
        self._ready = ready
        self._patience_s = patience_s
        self._deadline = time.monotonic() + patience_s
        self._has_lost_connection = False
        if _is_open(host, self.port):
            raise WorkloadError(
                "port %d is in use: energygate measures only a server that `serve` has started" % self.port
            )
        options: dict[str, Any] = {"preexec_fn": die_with_parent} if os.name == "posix" else {}
        environment = activated_environment(PORT=str(self.port))
        self._process = start(line.replace("{port}", str(self.port)), env=environment, **options)
        self._wait_until_it_listens()
        self._wait_until_it_is_ready()

    def _wait_until_it_listens(self) -> None:
        while not _is_open(self.host, self.port):
            self._wait("did not listen on port %d" % self.port)
        if not _is_ours(self.port):
            raise WorkloadError(
                "the process that listens on port %d was not started by `serve`: the energy of a container, or of a "
                "service that was already running, cannot be attributed" % self.port
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
                answer = latest  # the last probe is cut short by our own deadline and explains little
            self._wait("did not answer GET %s with 2xx (but with: %s)" % (self._ready, answer))

    def _probe(self, path: str) -> str:
        """Ask the server whether it is ready; return the status, or why there is none."""
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
        """Sleep before the next check, or raise when the server has ended or the time is up."""
        code = self._process.poll()
        if code is not None:
            advice = "; it must stay in the foreground" if code == 0 else ""
            message = "the server that `serve` starts %s before it was ready%s"
            raise WorkloadError(message % (describe_exit(code), advice))
        if time.monotonic() > self._deadline:
            raise WorkloadError("the server that `serve` starts %s within %g s" % (what, self._patience_s))
        time.sleep(POLL_SECONDS)

    def exit_reason(self) -> str:
        """Return how the server ended, after a connection to it broke; empty while it lives."""
        first, later = EXIT_SECONDS
        patience_s, self._has_lost_connection = later if self._has_lost_connection else first, True
        with suppress(subprocess.TimeoutExpired):
            return describe_exit(self._process.wait(patience_s))
        return ""

    def close(self) -> None:
        """Terminate the server, then kill it; the parent kills what it leaves behind."""
        self._process.terminate()
        try:
            self._process.wait(TERMINATE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_ours(port: int) -> bool:
    """Return whether this process or one that it started listens on the port; true where the system hides that."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        sockets = {"socket:[%s]" % inode for inode in _listening_inodes(port)}
        return any(_holds(pid, sockets) for pid in _session_and_descendants())
    except OSError:
        return True


def _listening_inodes(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port: Documentation/networking/proc_net_tcp.rst."""
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
    """Return whether a process has one of these sockets open; true if its descriptors are unreadable."""
    directory = "/proc/%d/fd" % pid
    try:
        descriptors = os.listdir(directory)
    except PermissionError:
        return True
    except OSError:  # it has just ended
        return False
    for descriptor in descriptors:
        with suppress(OSError):
            if os.readlink("%s/%s" % (directory, descriptor)) in sockets:
                return True
    return False


def _session_and_descendants() -> set[int]:
    """Return this process, its session, and the descendants of both."""
    parents, pids = {}, {os.getpid()}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(name)] = int(fields[1])
        if int(fields[3]) == os.getsid(0):
            pids.add(int(name))
    while True:
        more = {pid for pid, parent in parents.items() if parent in pids} - pids
        if not more:
            return pids
        pids |= more
