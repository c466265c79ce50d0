"""What the comment says below its table: remarks, what moved, how it was measured, how to reproduce or accept it."""

from __future__ import annotations

import json
import re
import shlex
from datetime import date, timedelta
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS
from energygate.report.at_traffic import assumptions, per_year, split
from energygate.report.explanations import (
    effort,
    explains_change,
    interval_words,
    more_time,
    source,
    what_moved,
)
from energygate.report.headline import judged_as_a_whole
from energygate.report.phrases import by_urgency, count, total_words
from energygate.report.safe_markdown import (
    NO_BREAK_SPACE,
    code,
    details,
    fenced,
    output_block,
    prose,
    shortened,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.report.phrases import MetricRow
    from energygate.result.result import Result, WorkloadResult

OUTPUT_TITLE = "Last lines of output"

ENDS = (".", "…", "?", "!", "`")
"""What a sentence may end with."""

WAIVABLE = {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE}

WAIVERS_SHOWN = 3
"""Lines to copy; who needs more sees the pattern."""

WAIVER_DAYS = 30
"""How long a suggested waiver holds: the usual default of tools that let findings be ignored for a while."""

SHORT = 12
"""Characters of a commit's name in a command: git finds it by them, and a phone shows them."""

COMMAND_WORKLOADS = 10
"""From here on a command without names, which checks them all, is shorter."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def sections(result: Result, rows: Sequence[MetricRow], *, items: int) -> list[str]:
    """Write everything below the table.

    Args:
        result: What the gate found.
        rows: The table's rows.
        items: Entries of each list at most.
    """
    remarks = _remarks(result, rows, items=items)
    return [
        *_outputs(result, items=items),
        *(["", *remarks] if remarks else []),
        *_news(result, items=items),
        *details(_reliability(result), _measured(result, items=items)),
        *_actions(result),
        *details(
            "Policy changes in this pull request (not in force)",
            shortened([prose(one) for one in result.policy_changes], items),
        ),
    ]


def _outputs(result: Result, *, items: int) -> list[str]:
    """Write the end of what failed processes printed: in plain sight where it is one, else to unfold."""
    failed = {one.name: one.error.detail for one in result.workloads if one.error and one.error.detail}
    lines: list[str] = []
    for name, detail in list(failed.items())[:items]:
        lines += [*(["", f"{code(name)}:", ""] if len(failed) > 1 else [""]), *output_block(detail)]
    return details(OUTPUT_TITLE, lines[1:], is_open=len(failed) == 1)


def _remarks(result: Result, rows: Sequence[MetricRow], *, items: int) -> list[str]:
    """Write what a reader must know beside the numbers: errors, reasons, what would settle a doubt, notes."""
    found = [*_errors(result), *_reasons(result, rows), *map(prose, result.notes), *_doubts(result)]
    remarks = [_sentence(one) for one in dict.fromkeys(found)]
    return remarks if len(remarks) == 1 else shortened(remarks, items)


def _sentence(clause: str) -> str:
    """Return a clause as a sentence, unless it is one, or ends in code."""
    return f"{clause[:1].upper()}{clause[1:]}" + ("" if clause.endswith(ENDS) else ".")


def _named(result: Result, workload: str) -> str:
    """Return what begins a remark on a workload; nothing where there is only one it could be about."""
    measured = [one for one in result.workloads if one.state != "unchanged"]
    return "" if len(measured) == 1 else f"{code(workload)}: "


def _errors(result: Result) -> Iterator[str]:
    """Yield all errors but the first, which is the headline."""
    failed = [(one.name, one.error.message) for one in result.workloads if one.error is not None]
    for name, message in failed[1:]:
        yield f"{code(name)} could not be judged: {prose(message)}"


def _reasons(result: Result, rows: Sequence[MetricRow]) -> Iterator[str]:
    """Yield each reason once, however many rows have it, and none that is a note on the whole run."""
    by_reason: dict[str, list[MetricRow]] = {}
    for row in rows:
        for reason in dict.fromkeys([*(finding.reason for finding in row.findings), total_words(row.metric)]):
            if reason and reason not in result.notes:
                by_reason.setdefault(reason, []).append(row)
    for reason, some in by_reason.items():
        metric = f"{text(some[0].label)}: " if len(rows) > 1 else ""
        about = f"{_named(result, some[0].workload)}{metric}" if len(some) == 1 else f"{len(some)} rows: "
        yield f"{about}{prose(reason)}"


def _doubts(result: Result) -> Iterator[str]:
    """Yield what would settle each doubt, and each note but the one in the headline."""
    in_headline = judged_as_a_whole(result)[:1]
    for workload in by_urgency(result.workloads):
        if settling := more_time(workload):
            yield f"{_named(result, workload.name)}{prose(settling)}"
        notes = workload.notes[1:] if workload in in_headline else workload.notes
        for note in notes if workload.state != "unchanged" else ():
            yield f"{_named(result, workload.name)}{prose(note)}"


def _news(result: Result, *, items: int) -> list[str]:
    """Write what moved and what it means in a year: a line each where one workload has news, else folded lists."""
    shown = [one for one in by_urgency(result.workloads) if _has_news(one)]
    moved = {one.name: _moved(one) for one in shown if what_moved(one)}
    a_year = {one.name: f"{text(cost)} a year" for one in shown if (cost := per_year(one, result.site))}
    basis = text(assumptions(result.site, [one for one in shown if one.name in a_year]))
    with_news = moved.keys() | a_year.keys()
    if len(with_news) > 1:
        by_workload = [f"{code(one.name)}: {moved[one.name]}" for one in shown if _is_worth_a_line(one)]
        costs = [f"{code(name)}: {cost}" for name, cost in a_year.items()]
        return [
            *details("What moved", shortened(by_workload, items)),
            *details("At your traffic", [*shortened(costs, items), "", f"With {basis}."] if costs else []),
        ]
    is_one_of_many = sum(one.method is not None for one in result.workloads) > 1
    whose = "".join(f" ({code(name)})" for name in with_news if is_one_of_many)
    lines = [
        f"<b>{'What moved' if explains_change(one) else 'Answers'}</b>{whose}: {moved[one.name]}."
        for one in shown
        if one.name in moved
    ]
    lines += [f"<b>At your traffic</b>{'' if lines else whose}: {cost} ({basis})." for cost in a_year.values()]
    return [one for line in lines for one in ("", line)]


def _has_news(workload: WorkloadResult) -> bool:
    """Return whether a reviewer wants to know what moved: it is pressing, new, or its energy changed."""
    metric = workload.metrics.get("energy_per_request")
    is_alone = workload.comparison is None and workload.provenance is not None
    changed = metric is not None and metric.shows_change
    return workload.verdict is not Verdict.PASS or changed or is_alone


def _is_worth_a_line(workload: WorkloadResult) -> bool:
    """Return whether there is more to say than that all answers agree, which among many workloads is no news."""
    agreement = workload.comparison.agreement if workload.comparison else None
    return explains_change(workload) or (agreement is not None and agreement.share < 1)


def _moved(workload: WorkloadResult) -> str:
    """Return what moved, with no line beginning with an arrow."""
    return prose(what_moved(workload)).replace(" → ", f"{NO_BREAK_SPACE}→ ")


def _reliability(result: Result) -> str:
    """Return how far to trust the numbers, without unfolding: the worst method of all, and its uncertainty."""
    measured = [(one.method, one.provenance) for one in result.workloads if one.provenance is not None]
    method = "estimated" if any(one != "measured" for one, _ in measured) else "measured"
    widest = max((one.uncertainty for _, one in measured), default=0.0)
    share = text(f"{widest * 100:.0f}", limit=10)
    is_compared = any(one.comparison for one in result.workloads if one.provenance is not None)
    relative = "percentages reliable, " if is_compared else ""
    return f"How it was measured: {method}, {relative}absolute kWh ±{NO_BREAK_SPACE}{share}{NO_BREAK_SPACE}%"


def _measured(result: Result, *, items: int) -> list[str]:
    measured = [one for one in by_urgency(result.workloads) if one.provenance is not None]
    if not measured:
        return []
    efforts = [f"{code(one.name)}: {prose(effort(one, pue=result.site.pue))}." for one in measured]
    return [
        *(f"- {prose(one)}" for one in list(dict.fromkeys(map(source, measured)))[:items]),
        *(f"- {one}" for one in _where(result)),
        *(f"- {prose(one)}" for one in interval_words(measured)[:items]),
        *shortened(efforts, items),
        *shortened([f"{code(one.name)}: {prose(made_of)}." for one in measured if (made_of := split(one))], items),
    ]


def _where(result: Result) -> Iterator[str]:
    """Yield what all workloads share: the machine, the base, the site, the policy."""
    machine = result.machine
    kind = "Virtual machine" if machine.virtual else "Machine"
    yield text(f"{kind}: {machine.cpu_model}, {count(machine.cpu_count, 'CPU')}, {machine.system}.")
    if result.base is not None:
        ref = code(result.base.ref)
        base = f"{code(result.base.commit[:7])} (merge base with {ref})" if result.base.commit else ref
        yield f"Base {base} and head alternated on it, in random order."
    if result.site.pue != 1.0:
        yield text(f"Energy includes PUE {result.site.pue:g}, multiplied once.")
    yield f"Policy: {code(result.policy)}{', as base has it' if result.policy_changed else ''}."


def _actions(result: Result) -> list[str]:
    if all(one.state == "unchanged" for one in result.workloads):
        return []
    reproduced = [
        *fenced([command(result)], language="sh"),
        "",
        "Any machine will do: changes in percent carry over, joules and times do not.",
    ]
    waived = _waived(result)
    return details("Reproduce it, or accept it" if waived else "Reproduce it", [*reproduced, *waived])


def command(result: Result) -> str:
    """Return the command that measures the same again, quoted for a shell.

    It names the workloads that need attention, unless they are many or have names that should not be pasted.
    """
    words = ["energygate", "check"]
    if result.policy != "energygate.yml":
        words += ["--policy", result.policy]
    if result.base is not None:
        words += ["--base", result.base.commit[:SHORT]] if result.base.commit else ["--base-dir", result.base.ref]
    pressing = [one.name for one in result.workloads if one.verdict is not Verdict.PASS and one.state != "removed"]
    if len(pressing) <= COMMAND_WORKLOADS and all(map(_PLAIN_NAME.fullmatch, pressing)):
        words += pressing
    return shlex.join(words)


def _waived(result: Result) -> list[str]:
    broken = [
        (workload.name, name)
        for workload in by_urgency(result.workloads)
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
        "",
        f"Intended? A code owner adds a waiver to {where}:",
        "",
        *fenced(["waivers:", *entries[:WAIVERS_SHOWN]], language="yaml"),
    ]


def _expiry(created: str) -> str:
    try:
        return (date.fromisoformat(created[:10]) + timedelta(days=WAIVER_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return "YYYY-MM-DD"
