"""What can go wrong, each as one sentence to a person and the exit code it leads to."""

from __future__ import annotations


class EnergygateError(Exception):
    """Any trouble energygate can name: what happened, where, and what to do next.

    Args:
        what: One sentence without its final full stop.
        where: The place, as `file:line` or a workload's name; `None` when there is none.
        hint: What to do next, one sentence; `None` when `what` says it all.
        detail: Lines to show below the sentence, such as a process's last words; `None` when there are none.
    """

    exit_code: int = 3

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, detail: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f". {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"


class UsageError(EnergygateError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class PolicyError(EnergygateError):
    """The policy cannot be read, or does not mean anything."""

    exit_code = 2


class MeasurementError(EnergygateError):
    """No valid number could be measured; nothing may be judged from it."""

    exit_code = 3


class WorkerDied(MeasurementError):
    """A worker process ended by itself; that may be the machine's fault, so it is given one more chance."""


class NothingThere(MeasurementError):
    """What a workload runs does not exist on its side: there is no such test."""
