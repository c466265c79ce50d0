"""Workflow commands in a step's log: annotations, and stopping commands while others write to it."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

MAX_ANNOTATIONS = 10
"""Annotations of each level that GitHub shows for one step; it silently hides the others."""

_TOKEN_BYTES = 16


class Level(Enum):
    """An annotation's severity."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message that GitHub shows with the run, and at a line if it has one.

    Attributes:
        level: Its severity.
        message: Its text, of one or more lines.
        title: Its heading; `None` for GitHub's own.
        file: A path from the repository's root; `None` for no file.
        line: From 1; `None` for no line.
    """

    level: Level
    message: str
    title: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        named = {"file": self.file, "line": self.line, "title": self.title}
        properties = ",".join(
            f"{name}={_in_property(str(value))}" for name, value in named.items() if value is not None
        )
        return f"::{self.level.value}{' ' if properties else ''}{properties}::{_in_message(self.message)}"


def annotation_lines(annotations: Sequence[Annotation]) -> list[str]:
    """Return the lines to print, at most as many of each level as GitHub shows; the last one counts the rest."""
    lines = []
    for level in Level:
        of_level = [one for one in annotations if one.level is level]
        shown = of_level if len(of_level) <= MAX_ANNOTATIONS else of_level[: MAX_ANNOTATIONS - 1]
        lines += [str(one) for one in shown]
        if len(shown) < len(of_level):
            rest = f"{len(of_level) - len(shown)} more, which GitHub does not show: see the summary"
            lines.append(str(Annotation(level=level, message=rest)))
    return lines


@contextlib.contextmanager
def commands_stopped(stream: TextIO, *, token: Callable[[int], str] = secrets.token_hex) -> Iterator[None]:
    """Let other programs write to a step's log without their output being taken for commands.

    What a workload prints may contain `::error::` or `::add-mask::`; the runner ignores all commands until it reads a
    token that cannot be guessed. The token is printed even when the body raises.

    Args:
        stream: The step's log.
        token: Makes a random text of so many bytes.
    """
    word = token(_TOKEN_BYTES)
    # A command counts only at the beginning of a line, and the last writer may not have ended its line.
    stream.write(f"\n::stop-commands::{word}\n")
    stream.flush()
    try:
        yield
    finally:
        stream.write(f"\n::{word}::\n")
        stream.flush()


def _in_message(text: str) -> str:
    """Escape for the runner; the per cent sign first, or those of the other escapes would be escaped again."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _in_property(text: str) -> str:
    return _in_message(text).replace(":", "%3A").replace(",", "%2C")
