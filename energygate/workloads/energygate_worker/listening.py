"""Who listens on a port of this machine: what another host, or a container, runs cannot be metered from here."""

from __future__ import annotations

import os
import socket
import sys

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
