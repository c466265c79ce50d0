"""Progress on a terminal: a line per workload with its interval so far and the time that it may still take."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from energygate.policy import format_number, scale_for
from energygate.report.console import COLOURS
from energygate.report.phrases import MARKS, percent_number
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Self

    from energygate.gate import Evidence
    from energygate.gate.evidence import Estimate
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
    with LiveProgress(shown=shown) as observer, contextlib.ExitStack() as stack:
        with observer.step(f"checking out base {base}") if base else contextlib.nullcontext():
            opened = stack.enter_context(check_out_base(path.parent, path.name, ref=base, base_dir=base_dir))
        return check(policy, path.parent, replace(options, observer=observer), base=opened)


class LiveProgress(Observer):
    """Lines on standard error if it is a terminal, removed before the report; silent otherwise."""

    def __init__(self, *, shown: bool) -> None:
        console = Console(stderr=True, highlight=False)
        self._lines: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.fields[mark]} {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
            Times(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            disable=not shown or not console.file.isatty() or console.is_dumb_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def waiting(self, reason: str) -> None:
        """Print why nothing happens, to a log too: waiting may take an hour."""
        self._progress.console.print(f"energygate: {reason}", markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a line while the step runs."""
        line = self._add_line(what)
        try:
            yield
        finally:
            self._progress.remove_task(line)

    def started(self, name: str, *, number: int, count: int) -> None:
        """Show a new line, or that a workload gets more time; meanwhile nothing happens to the others."""
        for task in self._progress.tasks:
            self._progress.update(task.id, since=None)
        if self._task(name):
            self._progress.update(self._lines[name], since=monotonic(), ends=math.inf, extension="more time")
        else:
            self._lines[name] = self._add_line(name + (f" ({number} of {count})" if count > 1 else ""), "starting")

    def launched(self, name: str, progress: CampaignProgress, evidence: Evidence | None) -> None:
        """Move the bar and update the interval beside it."""
        if task := self._task(name):
            left_s = progress.time_limit_s - progress.elapsed_s
            self._progress.update(
                task.id,
                total=progress.time_limit_s,
                completed=min(progress.elapsed_s, progress.time_limit_s),
                note=_interval(evidence) if evidence else "",
                ends=min(task.fields["ends"], monotonic() + left_s),
            )

    def finished(self, result: WorkloadResult) -> None:
        """Fill the bar and put the verdict before it, and beside it why there is no interval."""
        if task := self._task(result.name):
            sign = "=" if result.state == "unchanged" else MARKS[result.verdict]
            reason = "could not be judged" if result.error else "; ".join(result.notes)
            note = task.fields["note"] if result.metrics else reason
            mark = f"[{COLOURS[result.verdict]}]{sign}[/]"
            self._progress.update(task.id, total=1, completed=1, mark=mark, note=note)

    def _add_line(self, text: str, note: str = "") -> TaskID:
        """Add a line; when the screen is full, the oldest one makes room, a judged one if there is any."""
        tasks = self._progress.tasks
        if len(tasks) >= max(1, self._progress.console.height - 2):
            self._progress.remove_task(min(tasks, key=lambda task: task.fields["mark"] == " ").id)
        return self._progress.add_task(
            escape(text), total=None, mark=" ", note=note, since=monotonic(), ends=math.inf, extension=""
        )

    def _task(self, name: str) -> Task | None:
        """Return the line of a workload; `None` before it has one, and when it has made room for others."""
        return next((task for task in self._progress.tasks if task.id == self._lines.get(name)), None)


class Times(ProgressColumn):
    """The time that a line has taken; once a limit is known, the time that it may still take."""

    def render(self, task: Task) -> Text:
        """Return it as `≤ 12 s left`; that number only falls, unless `more time` says why."""
        since, left_s = task.fields["since"], task.fields["ends"] - monotonic()
        if task.fields["mark"] != " ":
            text = ""
        elif since is None:
            text = "undecided"
        elif left_s == math.inf:
            text = task.fields["extension"] or f"{monotonic() - since:.0f} s"
        else:
            left = f"≤ {left_s:.0f} s left" if left_s > 0 else "over the time limit"
            text = f"{task.fields['extension']} {left}".lstrip()
        return Text(text, style="dim")


def _interval(evidence: Evidence) -> str:
    if evidence.change is not None and evidence.change.is_known:
        return f"energy {_ends(evidence.change, percent_number)} %"
    factor, unit = scale_for([evidence.head.value], "kWh")
    return f"{_ends(evidence.head, lambda value: format_number(value * factor))} {unit} per request"


def _ends(estimate: Estimate, text: Callable[[float], str]) -> str:
    low, high = estimate.low, estimate.high
    if not estimate.is_known:
        return text(estimate.value)
    if math.isinf(low) or math.isinf(high):
        return f"at most {text(high)}" if math.isinf(low) else f"at least {text(low)}"
    return f"{text(low)} … {text(high)}"
