"""A result for whoever ran the command: `result.json`, the report, the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console

from energygate.cli.result_file import STANDARD_OUTPUT, write_result
from energygate.cli.streams import abandon
from energygate.gate import exit_code
from energygate.report.console import print_report

if TYPE_CHECKING:
    from energygate.result.result import Result


def hand_over(
    result: Result, *, json_path: str | None = None, strict: bool = False, quiet: bool = False
) -> int:
    """Write a result where it was asked for, and report it; returns the exit code.

    A result or a report that cannot be written is a warning: trouble in reporting never changes a verdict.
    """
    written = write_result(result, json_path)
    report(result, stderr=json_path == STANDARD_OUTPUT, quiet=quiet, written=written)
    return exit_code(result.verdict, strict=strict)


def report(result: Result, *, stderr: bool = False, quiet: bool = False, written: str | None = None) -> None:
    """Print a result for a person; `written` is where its file is, when there is one now."""
    console = _Console(stderr=stderr, highlight=False)
    try:
        print_report(result, console, quiet=quiet, result_path=written)
        console.file.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        abandon(console.file)
    except OSError as error:
        abandon(console.file)
        click.echo(
            f"energygate: the report cannot be written: {error.strerror}; the verdict stands", err=True
        )


class _Console(Console):
    """A console that says when its reader left; rich's own would exit with 1, which here is a verdict."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
