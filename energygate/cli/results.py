"""Read a result from a file, write it to one, and report it on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from energygate.cli.streams import abandon
from energygate.files import write_whole
from energygate.gate import exit_code
from energygate.report.console import print_report
from energygate.result.files import read_result_file
from energygate.result.reading import MAX_BYTES, read_result

if TYPE_CHECKING:
    from energygate.result.result import Result

STANDARD_STREAM = "-"
"""Names standard input or output instead of a file."""


def result_from(source: str) -> Result:
    """Read the result in a file, or from standard input.

    Raises:
        MeasurementError: It cannot be read, or is not a result.
    """
    if source != STANDARD_STREAM:
        return read_result_file(source)
    return read_result(sys.stdin.buffer.read(MAX_BYTES + 1), name="standard input")


def write_and_report(result: Result, *, json_path: str | None = None, strict: bool = False, quiet: bool = False) -> int:
    """Write a result and report it; return the exit code.

    A result or a report that cannot be written is a warning: reporting never changes a verdict.
    """
    written = write_result(result, json_path)
    report(result, stderr=json_path == STANDARD_STREAM, quiet=quiet, written=written)
    return exit_code(result.verdict, strict=strict)


def write_result(result: Result, destination: str | None) -> str | None:
    """Write a result whole; only warn when it cannot be written, since the verdict stands.

    Args:
        result: The run's result.
        destination: A path, `-` for standard output, or `None` for nowhere.

    Returns:
        The path of the file; `None` when there is none.
    """
    if destination is None:
        return None
    try:
        if destination == STANDARD_STREAM:
            _print(result)
            return None
        write_whole(result.to_json(), Path(destination))
    except OSError as error:
        name = "standard output" if destination == STANDARD_STREAM else destination
        click.echo(f"energygate: cannot write the result to {name}: {error.strerror}; the verdict stands", err=True)
        return None
    return destination


def report(result: Result, *, stderr: bool = False, quiet: bool = False, written: str | None = None) -> None:
    """Print a result for a person; `written` is the path of its file, `None` when there is none."""
    console = _Console(stderr=stderr, highlight=False)
    try:
        print_report(result, console, quiet=quiet, result_path=written)
        console.file.flush()
    except BrokenPipeError:  # the reader has closed the pipe
        abandon(console.file)
    except OSError as error:
        abandon(console.file)
        click.echo(f"energygate: cannot write the report: {error.strerror}; the verdict stands", err=True)


def _print(result: Result) -> None:
    if sys.stdout is None:  # closed by the shell's `>&-`
        return
    try:
        sys.stdout.buffer.write(result.to_json().encode())  # JSON is UTF-8, whatever the terminal's encoding
        sys.stdout.flush()
    except OSError:
        abandon(sys.stdout)
        raise


class _Console(Console):
    """A console that raises when its pipe is closed; rich's own would exit with 1, which here is a verdict."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
