"""The errors that users see, and their exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class OptionNames:
    """What an interface calls the options that messages mention; the defaults are those of `energygate check`.

    Attributes:
        base: The option that names the base.
        without_base: What to do instead, as a verb phrase.
        without_git: What to do where there is no git, as a verb phrase.
        time_limit: The setting for the time limit.
        set_time_limit: How to set it to a number of seconds, with `{}` for the number.
    """

    base: str = "--base"
    without_base: str = "check without --base"
    without_git: str = "compare two directories with --base-dir"
    time_limit: str = "`measurement.time_limit`"
    set_time_limit: str = "`time_limit: {} s`"


COMMAND_LINE = OptionNames()

Hint: TypeAlias = "str | Callable[[OptionNames], str]"


class EnergygateError(Exception):
    """An error with a message for users: what happened, where, and what to do next.

    Args:
        what: One sentence without its final full stop.
        where: The place: a file, a workload's name, a variable; `None` when there is none.
        line: The line in the file that `where` names; `None` when it is about none.
        hint: What to do next, one sentence; `None` when `what` says it all. One that mentions options is a function
            of their names.
        detail: Lines to show below the sentence, such as a process's stderr; `None` when there are none.
    """

    exit_code: int = 3

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        line: int | None = None,
        hint: Hint | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where if line is None else f"{where}:{line}"
        self.file, self.line = where, line
        self.detail = detail
        self._hint = hint

    @property
    def hint(self) -> str | None:
        """What to do next, with the command line's options."""
        return self.hint_for(COMMAND_LINE)

    def hint_for(self, options: OptionNames) -> str | None:
        """Return what to do next, with the options of another interface."""
        return self._hint(options) if callable(self._hint) else self._hint

    def sentence(self, options: OptionNames = COMMAND_LINE) -> str:
        """Return where, what happened and what to do next."""
        place = f"{self.where}: " if self.where else ""
        hint = self.hint_for(options)
        return f"{place}{self.what}" + (f". {hint}" if hint else "")

    def __str__(self) -> str:
        return self.sentence()


def unexpected(error: Exception) -> EnergygateError:
    """Return any other exception as an error: what the system refused, or a bug of energygate."""
    if isinstance(error, OSError):
        return MeasurementError(error.strerror or str(error) or type(error).__name__, where=error.filename)
    return MeasurementError(f"internal error, please report it: {type(error).__name__}: {error}")


class UsageError(EnergygateError):
    """The command line is wrong."""

    exit_code = 2


class PolicyError(EnergygateError):
    """The policy cannot be read, or is invalid."""

    exit_code = 2


class MeasurementError(EnergygateError):
    """No valid number was measured, so nothing can be judged."""

    exit_code = 3


class WorkerDied(MeasurementError):
    """A worker process died; the machine may be why, so the launch is retried once."""


class NothingThere(MeasurementError):
    """The test that a workload runs does not exist on its side."""
