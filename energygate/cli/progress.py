"""Progress on a terminal: a line per workload with the time left and the interval so far."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from energygate.policy import format_number, scale_for
from energygate.report.console import COLOURS
from energygate.report.phrases import MARKS, percent
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Observer

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from energygate.gate import Evidence
    from energygate.measure.campaign import Progress as CampaignProgress
    from energygate.policy import Policy
    from energygate.result.result import Result, WorkloadResult
    from energygate.run.options import Options


def check_with_progress(
    policy: Policy,
    path: Path,
    options: Options,
    base: str | None = None,
    base_dir: str | None = None,
    *,
    shown: bool = True,
) -> Result:
    """Check the policy at a path, beside a base if one is named, and show progress meanwhile."""
    path = path.absolute()  # symbolic links are kept: they must not choose which policy is base's
    with (
        LiveProgress(shown=shown) as observer,
        check_out_base(path.parent, path.name, ref=base, base_dir=base_dir) as opened,
    ):
        return check(policy, path.parent, replace(options, observer=observer), base=opened)


class LiveProgress(Observer):
    """Bars on standard error if it is a terminal, removed before the report; silent otherwise."""

    def __init__(self, *, shown: bool) -> None:
        console = Console(stderr=True, highlight=False)
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.fields[mark]}"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[interval]}", markup=False, table_column=Column(no_wrap=True)),
            TimeLeft(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            disable=not shown or not console.file.isatty() or console.is_dumb_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def waiting(self) -> None:
        """Print why nothing happens, to a log too: waiting may take an hour."""
        self._progress.console.print("energygate: waiting for another check on this machine to end")

    def started(self, name: str, *, number: int, count: int, time_limit_s: float) -> None:
        """Show a new bar; the oldest one makes room when the screen is full."""
        tasks = self._progress.tasks
        if len(tasks) >= max(1, self._progress.console.height - 2):
            self._progress.remove_task(tasks[0].id)
        place = f" ({number} of {count})" if count > 1 else ""
        self._bars[name] = self._progress.add_task(
            f"{name}{place}", total=time_limit_s, mark=" ", interval="starting", updated_at=time.monotonic()
        )

    def launched(self, name: str, progress: CampaignProgress, evidence: Evidence | None) -> None:
        """Move the bar and update the interval beside it; a workload may be resumed with more time."""
        if self._bars[name] in self._progress.task_ids:
            self._progress.update(
                self._bars[name],
                total=progress.time_limit_s,
                completed=min(progress.elapsed_s, progress.time_limit_s),
                interval=_interval(evidence) if evidence else "",
                updated_at=time.monotonic(),
            )

    def finished(self, result: WorkloadResult) -> None:
        """Fill the bar and put the verdict before it."""
        task = next((one for one in self._progress.tasks if one.id == self._bars[result.name]), None)
        if task is None:  # its bar made room for others
            return
        mark = f"[{COLOURS[result.verdict]}]{MARKS[result.verdict]}[/]"
        interval = "could not be judged" if result.error else task.fields["interval"]
        self._progress.update(task.id, completed=task.total, mark=mark, interval=interval)


class TimeLeft(ProgressColumn):
    """The time that a workload may still take, counted down between launches too."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """Return it as `≤ 12 s left`."""
        if task.finished or task.total is None or not task.completed:
            return Text("")
        left_s = task.total - task.completed - (time.monotonic() - task.fields["updated_at"])
        return Text(f"≤ {max(0.0, left_s):.0f} s left", style="dim")


def _interval(evidence: Evidence) -> str:
    change = evidence.change
    if change is not None and change.is_known:
        return f"{percent(change.low)} … {percent(change.high)}".replace(" %", "", 1) + " energy per request"
    estimate = evidence.head
    factor, unit = scale_for([estimate.value], "kWh")
    if not estimate.is_known:
        return f"{format_number(estimate.value * factor)} {unit} per request"
    low, high = (format_number(end * factor) for end in (estimate.low, estimate.high))
    return f"{low} … {high} {unit} per request"
