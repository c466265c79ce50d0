"""Results that other jobs or earlier runs left on this disk: finding and reading them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.result.reading import MAX_BYTES, read_result
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.result.result import Result

RESULT_NAME = "result.json"
"""What a result is called below a directory, such as in a job's artifact."""

MAX_TOGETHER_BYTES = 2 * MAX_BYTES
"""Of all legs: what is joined of them must itself be readable again."""

MAX_JOBS = 256
"""Jobs that GitHub lets one matrix generate per workflow run
(https://docs.github.com/en/actions/reference/limits)."""

_LONGEST_QUOTE = 60


@dataclass(frozen=True, kw_only=True)
class Leg:
    """What one job of a run left.

    Attributes:
        name: Its file, as errors call it.
        result: What it found.
    """

    name: str
    result: Result


def read_result_file(path: str) -> Result:
    """Read a result's file.

    Raises:
        MeasurementError: It cannot be read, or is no result; one sentence.
    """
    return read_result(_content(path), name=called(path))


def called(path: str) -> str:
    """Return how errors call a file: on one line, and of a long path the end, which tells artifacts apart."""
    return printable(path if len(path) <= _LONGEST_QUOTE else f"…{path[1 - _LONGEST_QUOTE :]}")


def gather(paths: Sequence[str]) -> list[Leg]:
    """Read the results of a run's jobs.

    Args:
        paths: Files, and directories below which every `result.json` is taken: how artifacts are downloaded.
            Links in a directory are not followed, for the pull request that was measured may have made it.

    Returns:
        The results in the order of the paths, each file once; below a directory in the order of names.

    Raises:
        MeasurementError: There is none, there are more than a matrix has jobs or 40 MB of them, or one cannot be
            read. A job that left nothing is no error here: `merging` knows whose result is missing.
    """
    names = list(dict.fromkeys(name for path in paths for name in _found(path)))
    if not names:
        raise MeasurementError(
            f"there is no {RESULT_NAME} below {_quoted(paths)}",
            hint="All jobs failed, were cancelled or left no result: look at their logs and run them again",
        )
    if len(names) > MAX_JOBS:
        raise MeasurementError(f"there are {len(names):,} results, and a matrix has at most {MAX_JOBS} jobs")
    legs, left = [], MAX_TOGETHER_BYTES
    for name in names:
        content = _content(name)
        left -= len(content)
        if left < 0:
            raise MeasurementError(
                f"the results have over {MAX_TOGETHER_BYTES / 1e6:.0f} MB together", hint="Split the policy"
            )
        legs.append(Leg(name=name, result=read_result(content, name=called(name))))
    return legs


def _found(path: str) -> Iterator[str]:
    """The file itself, or the results below a directory."""
    if not Path(path).is_dir():
        yield path
        return
    for directory, below, _ in os.walk(path):
        below.sort()
        file = Path(directory, RESULT_NAME)
        if _is_file(file):
            yield str(file)


def _is_file(path: Path) -> bool:
    """Whether there is a file of its own: no link out of the directory, no pipe to wait at."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _content(path: str) -> bytes:
    """A file's content, or as much of it as shows that it is too long."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise MeasurementError(f"the result cannot be read: {why}", where=called(path)) from None


def _quoted(paths: Sequence[str]) -> str:
    return " or ".join(map(called, paths[:3]))
