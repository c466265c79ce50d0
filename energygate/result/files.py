"""Finding and reading the results that other jobs or earlier runs wrote."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.result.reading import MAX_BYTES, read_result
from energygate.text import MAX_QUOTE, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.result.result import Result

RESULT_NAME = "result.json"
"""A result's file name below a directory, such as in a job's artifact."""

MAX_TOTAL_BYTES = 2 * MAX_BYTES
"""Of all jobs' results: the merged result must be readable again."""

MAX_JOBS = 256
"""Jobs that GitHub lets one matrix generate per workflow run
(https://docs.github.com/en/actions/reference/limits)."""


@dataclass(frozen=True, kw_only=True)
class Leg:
    """The result of one job of a run, and its file's name."""

    name: str
    result: Result


def read_result_file(path: str) -> Result:
    """Read a result's file.

    Raises:
        MeasurementError: It cannot be read, or is not a result; one sentence.
    """
    return read_result(_content(path), name=short_path(path))


def short_path(path: str) -> str:
    """Return a file's name for errors: on one line, and of a long path the end, which tells artifacts apart."""
    return printable(path if len(path) <= MAX_QUOTE else f"…{path[1 - MAX_QUOTE :]}")


def read_results(paths: Sequence[str]) -> list[Leg]:
    """Read the results of a run's jobs.

    Args:
        paths: Files, and directories below which every `result.json` is taken: how artifacts are downloaded.
            Links in a directory are not followed: the pull request that was measured may have created them.

    Returns:
        The results in the order of the paths, each file once; below a directory sorted by name.

    Raises:
        MeasurementError: There is none, there are more than a matrix has jobs or 40 MB of them, or one cannot be
            read. A job without a result is not an error here: merging notices what is missing.
    """
    names = list(dict.fromkeys(name for path in paths for name in _found(path)))
    if not names:
        raise MeasurementError(
            f"there is no {RESULT_NAME} below {' or '.join(map(short_path, paths[:3]))}",
            hint="All jobs failed, were cancelled or left no result: look at their logs and run them again",
        )
    if len(names) > MAX_JOBS:
        raise MeasurementError(f"there are {len(names):,} results, but a matrix has at most {MAX_JOBS} jobs")
    legs, left = [], MAX_TOTAL_BYTES
    for name in names:
        content = _content(name)
        left -= len(content)
        if left < 0:
            raise MeasurementError(
                f"the results have over {MAX_TOTAL_BYTES / 1e6:.0f} MB in total", hint="Split the policy"
            )
        legs.append(Leg(name=name, result=read_result(content, name=short_path(name))))
    return legs


def _found(path: str) -> Iterator[str]:
    """Yield the file itself, or the results below a directory."""
    if not Path(path).is_dir():
        yield path
        return
    for directory, below, _ in os.walk(path):
        below.sort()
        file = Path(directory, RESULT_NAME)
        with contextlib.suppress(OSError):  # there is none
            if stat.S_ISREG(file.lstat().st_mode):  # not a link out of the directory, nor a pipe to wait for
                yield str(file)


def _content(path: str) -> bytes:
    """Read a file, or as much of it as shows that it is too long."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise MeasurementError(f"cannot read the result: {why}", where=short_path(path)) from None
