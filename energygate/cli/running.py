"""Running a check from the command line: progress, report, `result.json`, exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from energygate.checking import check
from energygate.cli.progress import LiveProgress
from energygate.cli.result_file import STANDARD_OUTPUT, write_result
from energygate.cli.streams import abandon
from energygate.comparing import Options, compare
from energygate.engine.base import base_from_directory, base_from_git
from energygate.errors import UsageError
from energygate.gate import exit_code
from energygate.policy import Family, load_policy, parse_quantity
from energygate.report.console import print_report

if TYPE_CHECKING:
    from energygate.engine.shared import Observer
    from energygate.policy import Policy
    from energygate.report.result import Result


@dataclass(frozen=True, kw_only=True)
class How:
    """How to check: the options of `check` that concern measuring."""

    workloads: tuple[str, ...] = ()
    time_limit_s: float | None = None
    base: str | None = None
    base_dir: str | None = None
    python: str | None = None
    base_python: str | None = None
    total_time_limit_s: float | None = None


def check_and_report(
    policy_path: str, how: How, *, json_path: str | None = None, strict: bool = False, quiet: bool = False
) -> int:
    """Check, report, write the result; returns the exit code.

    A result or a report that cannot be written is a warning: trouble in reporting never changes a verdict.
    """
    policy = load_policy(policy_path)
    path = Path(policy_path).resolve()
    with LiveProgress(shown=not quiet) as observer:
        result = _checked(policy, path, how, observer)
    written = write_result(result, json_path)
    _report(result, stderr=json_path == STANDARD_OUTPUT, quiet=quiet, written=written)
    return exit_code(result.verdict, strict=strict)


def _checked(policy: Policy, path: Path, how: How, observer: Observer) -> Result:
    if how.base is not None and how.base_dir is not None:
        raise UsageError("--base and --base-dir exclude each other")
    if how.base is None and how.base_dir is None:
        return check(
            policy,
            path.parent,
            workloads=how.workloads,
            time_limit_s=how.time_limit_s,
            python=how.python,
            observer=observer,
        )
    options = Options(
        workloads=how.workloads,
        time_limit_s=how.time_limit_s,
        total_time_limit_s=how.total_time_limit_s,
        python=how.python,
        base_python=how.base_python,
        observer=observer,
    )
    opened = (
        base_from_git(how.base, path.parent, path.name)
        if how.base is not None
        else base_from_directory(Path(how.base_dir or "").resolve(), path.parent, path.name)
    )
    with opened as base:
        return compare(policy, path.parent, base, options)


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
