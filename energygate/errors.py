"""The errors that users see, and their exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable


class OptionNames(NamedTuple):
    """What an interface calls the options that messages mention; the defaults are those of `energygate check`.

    Attributes:
        base: The option that names the base.
        base_dir: The option that names a directory as the base.
        without_base: What to do instead, as a verb phrase.
        without_git: What to do where there is no git, as a verb phrase.
        time_limit: The setting for the time limit.
        set_time_limit: How to set it to a number of seconds, with `{}` for the number.
    """

    base: str = "--base"
    base_dir: str = "--base-dir"
    without_base: str = "check without --base"
    without_git: str = "compare two directories with --base-dir"
    time_limit: str = "`measurement.time_limit`"
    set_time_limit: str = "`time_limit: {} s`"


COMMAND_LINE = OptionNames()

Wording: TypeAlias = "str | Callable[[OptionNames], str]"
"""A text; one that mentions options is a function of their names."""


class EnergygateError(Exception):
    """An error with a message for users: what happened, where, and what to do next.

    Args:
        what: One sentence without its final full stop.
        where: The place: a file, a workload's name, a variable, an option; `None` when there is none.
        line: The line in the file that `where` names; `None` when it is about none.
        hint: What to do next, one sentence; `None` when `what` says it all.
        detail: Lines to show below the sentence, such as a process's stderr; `None` when there are none.

    Attributes:
        option_names: What the interface that shows the error calls its options; the interface sets it.
    """

    exit_code: int = 3

    def __init__(
        self,
        what: Wording,
        *,
        where: Wording | None = None,
        line: int | None = None,
        hint: Wording | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(what)
        self.line = line
        self.detail = detail
        self.option_names = COMMAND_LINE
        self._what, self._where, self._hint = what, where, hint

    @property
    def what(self) -> str:
        """What happened."""
        return self._text(self._what)

    @property
    def file(self) -> str | None:
        """The place, without its line."""
        return None if self._where is None else self._text(self._where)

    @property
    def where(self) -> str | None:
        """The place, with its line if it has one."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def hint(self) -> str | None:
        """What to do next."""
        return None if self._hint is None else self._text(self._hint)

    def _text(self, wording: Wording) -> str:
        return wording(self.option_names) if callable(wording) else wording

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f". {self.hint}" if self.hint else "")


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


class TargetMissing(MeasurementError):
    """The test that a workload runs does not exist on its side."""
