"""What the comment tells in plain sight below its table: remarks, what moved, what it means in a year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.report.at_traffic import assumptions, per_year
from energygate.report.escaping import code, prose, text
from energygate.report.explanations import answers, more_time, what_moved
from energygate.report.headline import headline
from energygate.report.markdown_parts import NO_BREAK_SPACE, by_urgency, details, quoted, shortened
from energygate.report.news import is_shown_to_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.report.markdown_table import Line
    from energygate.result.result import Result, WorkloadResult

ENDS = (".", "…", "?", "!", "`")
"""What a sentence may end with."""


def last_words(result: Result, *, items: int) -> list[str]:
    """What failed processes said at their end: in plain sight where it is one, else to unfold."""
    failed = {one.name: one.error.detail for one in result.workloads if one.error and one.error.detail}
    lines: list[str] = []
    for name, detail in list(failed.items())[:items]:
        lines += [*(["", f"{code(name)}:", ""] if len(failed) > 1 else [""]), *quoted(detail)]
    return details("Last words", lines[1:], is_open=len(failed) == 1)


def remarks(result: Result, lines: Sequence[Line], *, items: int) -> list[str]:
    """What a reader must know beside the numbers: errors, reasons, what would settle a doubt, notes."""
    found = [*_errors(result), *_reasons(result, lines), *map(prose, result.notes), *_doubts(result)]
    told = [_sentence(one) for one in dict.fromkeys(found)]
    return told if len(told) == 1 else shortened(told, items)


def _sentence(told: str) -> str:
    """A clause as a sentence, unless it is one, or ends in code."""
    return f"{told[:1].upper()}{told[1:]}" + ("" if told.endswith(ENDS) else ".")


def _named(result: Result, workload: str) -> str:
    """What begins a remark on a workload; nothing where there is only one it could be about."""
    measured = [one for one in result.workloads if one.state != "unchanged"]
    return "" if len(measured) == 1 else f"{code(workload)}: "


def _errors(result: Result) -> Iterator[str]:
    """All but the first, which is the headline."""
    failed = [one for one in result.workloads if one.error is not None]
    for workload in failed[1:]:
        message = workload.error.message if workload.error else ""
        yield f"{code(workload.name)} could not be judged: {prose(message)}"


def _reasons(result: Result, lines: Sequence[Line]) -> Iterator[str]:
    """Each reason once, however many rows have it, and none that a note on the whole run tells already."""
    rows: dict[str, list[Line]] = {}
    for line in lines:
        for reason in line.reasons:
            if not any(reason in note for note in result.notes):
                rows.setdefault(reason, []).append(line)
    for reason, some in rows.items():
        metric = f"{text(some[0].metric)}: " if len(lines) > 1 else ""
        about = f"{_named(result, some[0].workload)}{metric}" if len(some) == 1 else f"{len(some)} rows: "
        yield f"{about}{prose(reason)}"


def _doubts(result: Result) -> Iterator[str]:
    first_line = headline(result)
    for workload in by_urgency(result):
        if settling := more_time(workload):
            yield f"{_named(result, workload.name)}{prose(settling)}"
        for note in workload.notes if workload.state != "unchanged" else ():
            if f": {note}" not in first_line:
                yield f"{_named(result, workload.name)}{prose(note)}"


def news(result: Result, *, items: int) -> list[str]:
    """What moved and what it means in a year: a line each where one workload has news, else folded lists."""
    told = [one for one in by_urgency(result) if _has_news(one)]
    moved = {one.name: _moved(one) for one in told if what_moved(one)}
    a_year = {one.name: f"{text(cost)} a year" for one in told if (cost := per_year(one, result.site))}
    basis = text(assumptions(result.site, [one for one in told if one.name in a_year]))
    with_news = moved.keys() | a_year.keys()
    if len(with_news) > 1:
        by_workload = [f"{code(one.name)}: {moved[one.name]}" for one in told if _explains(one)]
        costs = [f"{code(name)}: {cost}" for name, cost in a_year.items()]
        return [
            *details("What moved", shortened(by_workload, items)),
            *details("At your traffic", [*shortened(costs, items), "", f"With {basis}."] if costs else []),
        ]
    is_one_of_many = sum(one.method is not None for one in result.workloads) > 1
    whose = "".join(f" ({code(name)})" for name in with_news if is_one_of_many)
    lines = [f"<b>{_label(one)}</b>{whose}: {moved[one.name]}." for one in told if one.name in moved]
    lines += [
        f"<b>At your traffic</b>{'' if lines else whose}: {cost} ({basis})." for cost in a_year.values()
    ]
    return [one for line in lines for one in ("", line)]


def _label(workload: WorkloadResult) -> str:
    """What a line on one workload is about: that answers agree is not a move."""
    return "Answers" if what_moved(workload) == answers(workload) else "What moved"


def _has_news(workload: WorkloadResult) -> bool:
    """Whether a reviewer wants to know what moved in a workload: it is pressing, new, or its energy changed."""
    metric = workload.metrics.get("energy_per_request")
    is_alone = workload.comparison is None and workload.provenance is not None
    changed = metric is not None and is_shown_to_change(metric)
    return workload.verdict is not Verdict.PASS or changed or is_alone


def _explains(workload: WorkloadResult) -> bool:
    """Whether there is more to tell than that answers agree, which among many workloads is no news."""
    agreement = workload.comparison.agreement if workload.comparison else None
    is_only_agreement = what_moved(workload) == answers(workload)
    return bool(what_moved(workload)) and not (is_only_agreement and agreement and agreement.share == 1)


def _moved(workload: WorkloadResult) -> str:
    """What moved, with no line beginning with an arrow."""
    return prose(what_moved(workload)).replace(" → ", f"{NO_BREAK_SPACE}→ ")
