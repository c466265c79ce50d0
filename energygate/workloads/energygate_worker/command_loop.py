"""The loop that answers commands: pipes, CPUs, one reply per line."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from .errors import FORKED, WorkloadError, describe_error, forked, traceback_of
from .resource_usage import count_descendants, die_with_parent
from .worker_commands import WorkerCommands

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


def answer_commands(parent_pid: int, cpus: list[int], group: str | None) -> None:
    """Answer commands until `shut_down` or the end of input.

    Args:
        parent_pid: The process that started this one.
        cpus: The CPUs to run on; empty for all.
        group: The control group to join; `None` without one.
    """
    die_with_parent()  # a frozen worker could not notice that its parent is gone
    if sys.platform.startswith("linux") and os.getppid() != parent_pid:
        os._exit(1)
    count_descendants(group)
    commands, replies = _private_pipes()
    if cpus:
        os.sched_setaffinity(0, cpus)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: forked.append(True))
    CommandLoop(commands, replies).run()


def _private_pipes() -> tuple[Any, Any]:
    """Move the protocol off stdin and stdout, so that nothing the workload prints can reach it."""
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return commands, replies


class CommandLoop:
    """Reads commands and writes replies.

    A workload inside a running test answers its own `load` and continues from there: the loop then runs one level
    deeper, until `shut_down`, which is answered once the test has ended.
    """

    def __init__(self, commands: Any, replies: Any) -> None:
        self._commands = commands
        self._replies = replies
        self._pid = os.getpid()
        self._worker = WorkerCommands(self)
        self._number: int | None = None  # of the command that waits for its reply
        self._last_reply: dict[str, Any] | None = None

    def run(self, *, inside_test: bool = False) -> None:
        """Answer commands until `shut_down` or the end of input; inside a test, leave the last reply to `finish`."""
        for line in self._commands:
            command = json.loads(line)
            self._number, name = command.pop("id"), command.pop("do")
            try:
                reply = {"ok": getattr(self._worker, name)(**command)}
            except BaseException as error:  # SystemExit included: a workload may not end its worker quietly
                reply = {"error": _error_reply(name, error)}
            if self._number is None:
                break  # this command and all that followed were answered inside the test
            if os.getpid() != self._pid:
                reply = {"error": {"message": FORKED, "trace": ""}}
            if inside_test and name == "shut_down":
                self._last_reply = reply
                break
            self._answer(reply)
            if name == "shut_down":
                break

    def run_inside_test(self, loaded: dict[str, Any]) -> None:
        """Answer `load`, and the commands that follow."""
        self._answer({"ok": loaded})
        self.run(inside_test=True)

    def finish(self, error: WorkloadError | None = None) -> None:
        """Answer `shut_down`, if it is still unanswered."""
        if self._last_reply is not None:
            self._answer(self._last_reply if error is None else {"error": _error_reply("shut_down", error)})
            self._last_reply = None

    def _answer(self, reply: dict[str, Any]) -> None:
        with suppress(Exception):  # the workload may have closed or replaced it
            sys.stdout.flush()
        self._replies.write(json.dumps(dict(reply, id=self._number)) + "\n")
        self._replies.flush()
        self._number = None
        if os.getpid() != self._pid:
            os._exit(86)


def _error_reply(command: str, error: BaseException) -> dict[str, Any]:
    if isinstance(error, WorkloadError):
        return {"message": str(error), "trace": traceback_of(error.__cause__), "missing": error.missing}
    if forked and isinstance(error, SystemExit):
        os._exit(0)  # a child that the workload forked ends itself, as it should
    return {"message": "`%s` %s" % (command, describe_error(error)), "trace": traceback_of(error)}
