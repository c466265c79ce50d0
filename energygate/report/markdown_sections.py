"""What the comment explains below its table: remarks in plain sight, the rest behind headings to unfold."""

from __future__ import annotations

import json
import re
import shlex
from datetime import date, timedelta
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS
from energygate.report.escaping import code, fenced, prose, text
from energygate.report.explanations import against, effort, more_time, trust, what_moved
from energygate.report.markdown_traffic import assumptions, per_year
from energygate.report.phrases import ORDER, count, detail_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.report.markdown_table import Line
    from energygate.report.result import Result, WorkloadResult

WAIVABLE = {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE}

WAIVERS_SHOWN = 3
"""Lines to copy; who needs more sees the pattern."""

WAIVER_DAYS = 30
"""How long a suggested waiver holds: the usual default of tools that let findings be ignored for a while."""

LAST_WORDS = 20
"""Lines of a failed process that are shown: an error stands at the end."""

COMMAND_WORKLOADS = 10
"""From here on a command without names, which checks them all, is shorter."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def details(title: str, body: Sequence[str]) -> list[str]:
    """A heading that unfolds; nothing without a body. The blank lines make GitHub read the body as Markdown."""
    return ["", f"<details><summary>{title}</summary>", "", *body, "", "</details>"] if body else []


def by_urgency(result: Result) -> list[WorkloadResult]:
    """The workloads, most pressing first."""
    return sorted(result.workloads, key=lambda one: ORDER.index(one.verdict))


def shortened(items: Sequence[str], limit: int, one: str = "more") -> list[str]:
    """The first items as a list, and how many are missing."""
    rest = [f"- and {len(items) - limit:,} {one}"] if len(items) > limit else []
    return [*(f"- {item}" for item in items[:limit]), *rest]


def remarks(result: Result, lines: Sequence[Line], *, items: int) -> list[str]:
    """What a reader must know beside the numbers: errors, reasons, what would settle a doubt, notes."""
    found = [*_errors(result), *_reasons(lines), *map(prose, result.notes), *_doubts(result)]
    return shortened(list(dict.fromkeys(found)), items)


def _errors(result: Result) -> Iterator[str]:
    """All but the first, which is the headline."""
    failed = [one for one in result.workloads if one.error is not None]
    for workload in failed[1:]:
        yield f"{code(workload.name)} could not be judged: {prose(_message(workload))}"


def _message(workload: WorkloadResult) -> str:
    return workload.error.message if workload.error else ""


def _reasons(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.reason:
            yield f"{code(line.workload)}, {text(line.metric)}: {prose(line.reason)}"


def _doubts(result: Result) -> Iterator[str]:
    for workload in by_urgency(result):
        if settling := more_time(workload):
            yield f"{code(workload.name)}: {prose(settling)}"
        for note in workload.notes if workload.state != "unchanged" else ():
            yield f"{code(workload.name)}: {prose(note)}"


def sections(result: Result, *, items: int, requests_per_day: float | None) -> list[str]:
    """Everything that unfolds: what moved, how it was measured, what it means, what to do."""
    return [
        *details("Last words", _last_words(result, items=items)),
        *details("What moved", _moved(result, items=items)),
        *details(_grade(result), _measured(result, items=items)),
        *details("At your traffic", _traffic(result, items=items, requests_per_day=requests_per_day)),
        *details("How to reproduce it", _reproduced(result)),
        *details("How to ask for a waiver", _waived(result)),
    ]


def _last_words(result: Result, *, items: int) -> list[str]:
    lines: list[str] = []
    for workload in [one for one in result.workloads if one.error and one.error.detail][:items]:
        assert workload.error is not None  # noqa: S101 - for mypy
        said = detail_lines(workload.error.detail or "")[-LAST_WORDS:]
        lines += ["", f"{code(workload.name)}:", "", *fenced(said, language="text", prefix="| ")]
    return lines[1:]


def _moved(result: Result, *, items: int) -> list[str]:
    found = [
        f"{code(workload.name)}: {prose(moved)}"
        for workload in by_urgency(result)
        if (moved := what_moved(workload))
    ]
    return shortened(found, items)


def _grade(result: Result) -> str:
    """How far to trust the numbers, without unfolding: the worst method of all, and its uncertainty."""
    measured = [one for one in result.workloads if one.provenance is not None]
    method = "estimated" if any(one.method != "measured" for one in measured) else "measured"
    widest = max((one.provenance.uncertainty for one in measured if one.provenance), default=0.0)
    share = text(f"{widest * 100:.0f} %", limit=10)
    return f"How it was measured, and how far to trust it: {method}, absolute energy ± {share}"


def _measured(result: Result, *, items: int) -> list[str]:
    measured = [one for one in by_urgency(result) if one.provenance is not None]
    if not measured:
        return []
    machine = result.machine
    kind = "virtual machine" if machine.virtual else "machine"
    lines = [
        *list(dict.fromkeys(prose(trust(one)) for one in measured))[:items],
        text(f"One {kind}: {machine.cpu_model}, {count(machine.cpu_count, 'CPU')}, {machine.system}."),
    ]
    if comparison := against(result):
        lines.append(f"{prose(comparison)}.")
    if result.site.pue != 1.0:
        lines.append(text(f"Energy includes PUE {result.site.pue:g}, multiplied once."))
    lines.append(f"Policy: {code(result.policy)}.")
    efforts = shortened([f"{code(one.name)}: {prose(effort(one))}" for one in measured], items)
    return [" ".join(lines), "", *efforts]


def _traffic(result: Result, *, items: int, requests_per_day: float | None) -> list[str]:
    if requests_per_day is None:
        return []
    found = [
        f"{code(workload.name)}: {text(cost)} a year"
        for workload in by_urgency(result)
        if (cost := per_year(workload, result.site, requests_per_day=requests_per_day))
    ]
    if not found:
        return []
    return [
        *shortened(found, items),
        "",
        f"With {text(assumptions(result, requests_per_day=requests_per_day))}.",
    ]


def _reproduced(result: Result) -> list[str]:
    return [
        *fenced([command(result)], language="sh"),
        "",
        "Any machine will do: changes in percent carry over, joules and times do not.",
    ]


def command(result: Result) -> str:
    """The command that measures the same again, quoted for a shell.

    It names the workloads that need a look, unless they are many or have names that had better not be pasted.
    """
    words = ["energygate", "check"]
    if result.policy != "energygate.yml":
        words += ["--policy", result.policy]
    if result.base is not None:
        words += ["--base", result.base.commit] if result.base.commit else ["--base-dir", result.base.ref]
    pressing = [
        one.name for one in result.workloads if one.verdict is not Verdict.PASS and one.state != "removed"
    ]
    if len(pressing) <= COMMAND_WORKLOADS and all(map(_PLAIN_NAME.fullmatch, pressing)):
        words += pressing
    return shlex.join(words)


def _waived(result: Result) -> list[str]:
    broken = [
        (workload.name, name)
        for workload in by_urgency(result)
        for name, metric in workload.metrics.items()
        if name in METRICS and any(one.verdict in WAIVABLE for one in metric.findings)
    ]
    if not broken:
        return []
    where = f"{code(result.policy)}{' on the base branch, whose policy decides' if result.base else ''}"
    entries = [
        f"  - {{workload: {json.dumps(workload, ensure_ascii=False)}, metric: {metric}, "
        f'reason: "...", owner: "...", expires: {_expiry(result.created)}}}'
        for workload, metric in dict.fromkeys(broken)
    ]
    return [
        f"Intended? A waiver lets a budget be broken for a while. Whoever answers for it adds it to {where}:",
        "",
        *fenced(["waivers:", *entries[:WAIVERS_SHOWN]], language="yaml"),
    ]


def _expiry(created: str) -> str:
    try:
        return (date.fromisoformat(created[:10]) + timedelta(days=WAIVER_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return "YYYY-MM-DD"
