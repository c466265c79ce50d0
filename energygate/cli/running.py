"""Running a check from the command line: progress, report, `result.json`, exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from energygate.cli.progress import LiveProgress
from energygate.cli.result_file import STANDARD_OUTPUT, write_result
from energygate.cli.streams import abandon
from energygate.comparing import Options, check_or_compare
from energygate.errors import UsageError
from energygate.gate import exit_code
from energygate.policy import Family, load_policy, parse_quantity
from energygate.report.console import print_report

if TYPE_CHECKING:
    from energygate.report.result import Result


def check_and_report(
    policy_path: str,
    options: Options,
    *,
    json_path: str | None = None,
    strict: bool = False,
    quiet: bool = False,
) -> int:
    """Check, report, write the result; returns the exit code.

    A result or a report that cannot be written is a warning: trouble in reporting never changes a verdict.
    """
    policy = load_policy(policy_path)
    path = Path(policy_path).resolve()
    with LiveProgress(shown=not quiet) as observer:
        options = replace(options, observer=observer)
        result = check_or_compare(policy, path.parent, path.name, options)
    written = write_result(result, json_path)
    _report(result, stderr=json_path == STANDARD_OUTPUT, quiet=quiet, written=written)
    return exit_code(result.verdict, strict=strict)


def parse_time(text: str | None, option: str) -> float | None:
    """The seconds of an option such as `20 s`.

    Raises:
        UsageError: When it is no positive time.
    """
    if text is None:
        return None
    try:
        seconds = parse_quantity(text, Family.TIME).value
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
    if seconds <= 0:
        raise UsageError(f"{option} must be more than 0 s")
    return seconds


class _Console(Console):
    """A console that says when its reader left; rich's own would exit with 1, which here is a verdict."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _report(result: Result, *, stderr: bool, quiet: bool, written: str | None) -> None:
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
