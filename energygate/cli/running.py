"""Running a check from the command line: progress, report, `result.json`, exit code."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from energygate.checking import check
from energygate.errors import UsageError
from energygate.gate import exit_code
from energygate.policy import Family, format_number, parse_quantity, scale_for
from energygate.report.console import print_report

if TYPE_CHECKING:
    from typing_extensions import Self

    from energygate.gate import Evidence
    from energygate.measure.campaign import Progress as CampaignProgress
    from energygate.policy import Policy
    from energygate.report.result import Result, WorkloadResult

PLAIN_WIDTH = 160
"""Width of reports that are not on a terminal: logs scroll sideways, and a wrapped table is unreadable."""


def check_and_report(
    policy: Policy,
    *,
    policy_path: str,
    workloads: tuple[str, ...] = (),
    time_limit_s: float | None = None,
    json_path: str | None = None,
    strict: bool = False,
    quiet: bool = False,
) -> int:
    """Check, report, write the result; returns the exit code.

    A result that cannot be written is a warning: trouble in reporting never changes a verdict.
    """
    directory = Path(policy_path).resolve().parent
    with LiveProgress(shown=not quiet) as observer:
        result = check(policy, directory, workloads=workloads, time_limit_s=time_limit_s, observer=observer)
    written = _write(result, json_path)
    to_stderr = json_path == "-"
    print_report(result, make_console(stderr=to_stderr), quiet=quiet, result_path=written)
    return exit_code(result.verdict, strict=strict)


def parse_time(text: str | None) -> float | None:
    """The seconds of an option such as `20 s`.

    Raises:
        UsageError: When it is no positive time.
    """
    if text is None:
        return None
    try:
        seconds = parse_quantity(text, Family.TIME).value
    except ValueError as error:
        raise UsageError(f"--time-limit: {error}") from None
    if seconds <= 0:
        raise UsageError("--time-limit must be more than 0 s")
    return seconds


def make_console(*, stderr: bool = False) -> Console:
    """A console that is plain and wide when it is not a terminal."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def _write(result: Result, json_path: str | None) -> str | None:
    """Write the result in one piece, so that nobody reads half of it; returns where it is."""
    if json_path is None:
        return None
    if json_path == "-":
        sys.stdout.write(result.to_json())
        return None
    path = Path(json_path)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            file.write(result.to_json())
        try:
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
    except OSError as error:
        sys.stderr.write(f"energygate: {json_path} cannot be written: {error.strerror}; the verdict stands\n")
        return None
    return json_path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class LiveProgress:
    """A bar per workload on standard error while it is a terminal; silent otherwise."""

    def __init__(self, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[found]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not shown or not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, name: str, time_limit_s: float) -> None:
        """Show a new bar."""
        self._task = self._progress.add_task(name, total=time_limit_s, found="starting")

    def launched(self, name: str, progress: CampaignProgress, evidence: Evidence | None) -> None:  # noqa: ARG002 - the bar has the name
        """Move the bar and narrow the interval beside it."""
        if self._task is not None:
            found = _interval(evidence) if evidence else ""
            self._progress.update(self._task, completed=progress.elapsed_s, found=found)

    def finished(self, result: WorkloadResult) -> None:  # noqa: ARG002 - the report follows
        """Take the bar away."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def _interval(evidence: Evidence) -> str:
    estimate = evidence.head
    factor, unit = scale_for([estimate.value], "kWh")
    if not estimate.is_known:
        return f"{format_number(estimate.value * factor)} {unit} per request"
    low, high = (format_number(end * factor) for end in (estimate.low, estimate.high))
    return f"{low} … {high} {unit} per request"
