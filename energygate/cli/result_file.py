"""Writing `result.json`: all of it or nothing, and never at the price of a verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from energygate.cli.streams import abandon
from energygate.files import write_whole

if TYPE_CHECKING:
    from energygate.result.result import Result

STANDARD_OUTPUT = "-"


def write_result(result: Result, destination: str | None) -> str | None:
    """Write a result where it was asked for; what cannot be written is a warning, for the verdict stands.

    Args:
        result: What the gate found.
        destination: A path, `-` for standard output, or `None` for nowhere.

    Returns:
        The path of the file, when there is one now.
    """
    if destination is None:
        return None
    try:
        if destination == STANDARD_OUTPUT:
            _print(result)
            return None
        write_whole(result.to_json(), Path(destination))
    except OSError as error:
        name = "standard output" if destination == STANDARD_OUTPUT else destination
        click.echo(
            f"energygate: the result cannot be written to {name}: {error.strerror}; the verdict stands",
            err=True,
        )
        return None
    return destination


def _print(result: Result) -> None:
    if sys.stdout is None:  # closed by the shell's `>&-`
        return
    try:
        sys.stdout.buffer.write(result.to_json().encode())  # JSON is UTF-8, whatever the terminal's encoding
        sys.stdout.flush()
    except OSError:
        abandon(sys.stdout)
        raise
