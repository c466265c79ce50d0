"""The loop that answers commands: pipes, CPUs, one reply per line."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from .commands import WorkerCommands
from .errors import FORKED, WorkloadError, describe_error, forked, traceback_of
from .resource_usage import begin

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
    CommandLoop(commands, replies).go_on()


class CommandLoop:
    """Commands in, replies out.

    A workload that lives inside of a running test answers its own `load`, and goes on from there: the rest of the
    conversation is one level deeper, until `shut_down`, which is answered once the test has ended.
    """

    def __init__(self, commands: Any, replies: Any) -> None:
        self._commands = commands
        self._replies = replies
        self._pid = os.getpid()
        self._server = WorkerCommands(self)
        self._number: int | None = None  # of the command that waits for its reply
        self._goodbye: dict[str, Any] | None = None

    def go_on(self, *, inside: bool = False) -> None:
        """Answer commands until `shut_down` or the end of input; `inside` of a test leaves the last reply to it."""
        for line in self._commands:
            command = json.loads(line)
            self._number, name = command.pop("id"), command.pop("do")
            try:
                reply = {"ok": getattr(self._server, name)(**command)}
            except BaseException as error:  # SystemExit included: a workload may not end its worker quietly
                reply = {"error": _told(name, error)}
            if self._number is None:
                break  # it was answered, and what came after it, from inside of a test
            if os.getpid() != self._pid:
                reply = {"error": {"message": FORKED, "trace": ""}}
            if inside and name == "shut_down":
                self._goodbye = reply
                break
            self._answer(reply)
            if name == "shut_down":
                break

    def go_on_inside(self, loaded: dict[str, Any]) -> None:
        """Answer `load`, and whatever follows, until `shut_down` or the end of input."""
        self._answer({"ok": loaded})
        self.go_on(inside=True)

    def say_goodbye(self, trouble: WorkloadError | None = None) -> None:
        """Answer `shut_down`, if that is still to do; with an error where there is trouble."""
        if self._goodbye is not None:
            self._answer(self._goodbye if trouble is None else {"error": _told("shut_down", trouble)})
            self._goodbye = None

    def _answer(self, reply: dict[str, Any]) -> None:
        with suppress(Exception):  # the workload may have closed or replaced it
            sys.stdout.flush()
        self._replies.write(json.dumps(dict(reply, id=self._number)) + "\n")
        self._replies.flush()
        self._number = None
        if os.getpid() != self._pid:
            os._exit(86)


def _told(command: str, error: BaseException) -> dict[str, Any]:
    """What the parent is told of a command that raised."""
    if isinstance(error, WorkloadError):
        return {"message": str(error), "trace": traceback_of(error.__cause__), "missing": error.missing}
    if forked and isinstance(error, SystemExit):
        os._exit(0)  # a child that the workload forked ends itself, as it should
    return {"message": "`%s` %s" % (command, describe_error(error)), "trace": traceback_of(error)}
