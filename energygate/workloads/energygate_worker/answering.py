"""The loop that answers commands: pipes, CPUs, one reply per line."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from .accounting import begin
from .server import Server
from .troubles import FORKED, Trouble, deed, forked, trace_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process with its parent: a frozen worker could not notice by itself."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent_pid:
        os._exit(1)


def _private_pipes() -> tuple[Any, Any]:
    """Move the protocol off stdin and stdout, so that nothing the workload prints can reach it."""
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return commands, replies


def answer_commands(parent_pid: int, cpus: list[int], group: str | None) -> None:
    """Answer commands until `shut_down` or the end of input, in this control group if there is one."""
    if sys.platform.startswith("linux"):
        _die_with_parent(parent_pid)
    begin(group)
    commands, replies = _private_pipes()
    if cpus:
        os.sched_setaffinity(0, cpus)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: forked.append(True))
    pid, server = os.getpid(), Server()
    for line in commands:
        command = json.loads(line)
        number, name = command.pop("id"), command.pop("do")
        try:
            reply = {"id": number, "ok": getattr(server, name)(**command)}
        except BaseException as error:  # SystemExit included: a workload may not end its worker quietly
            reply = {"id": number, "error": _told(name, error)}
        if os.getpid() != pid:
            reply = {"id": number, "error": {"message": FORKED, "trace": ""}}
        with suppress(Exception):  # the workload may have closed or replaced it
            sys.stdout.flush()
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if os.getpid() != pid:
            os._exit(86)
        if name == "shut_down":
            break


def _told(command: str, error: BaseException) -> dict[str, str]:
    """What the parent is told of a command that raised."""
    if isinstance(error, Trouble):
        return {"message": str(error), "trace": trace_of(error.__cause__)}
    if forked and isinstance(error, SystemExit):
        os._exit(0)  # a child that the workload forked ends itself, as it should
    return {"message": "`%s` %s" % (command, deed(error)), "trace": trace_of(error)}
