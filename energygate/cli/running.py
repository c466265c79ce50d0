"""Running a check from the command line: options, progress, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from energygate.cli.progress import LiveProgress
from energygate.cli.reporting import hand_over
from energygate.errors import UsageError
from energygate.policy import Family, load_policy, parse_quantity
from energygate.run.compare import Options, check_or_compare


def check_and_report(
    policy_path: str,
    options: Options,
    *,
    json_path: str | None = None,
    strict: bool = False,
    quiet: bool = False,
) -> int:
    """Check, report, write the result; returns the exit code."""
    policy = load_policy(policy_path)
    path = Path(policy_path).absolute()  # links in it are not followed: base has no say in where head's lead
    with LiveProgress(shown=not quiet) as observer:
        options = replace(options, observer=observer)
        result = check_or_compare(policy, path.parent, path.name, options)
    return hand_over(result, json_path=json_path, strict=strict, quiet=quiet)


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
