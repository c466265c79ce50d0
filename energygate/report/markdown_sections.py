"""What the comment folds away: how it was measured, how to reproduce or accept it, what the policy would become."""

from __future__ import annotations

import json
import re
import shlex
from datetime import date, timedelta
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS
from energygate.report.at_traffic import split
from energygate.report.escaping import code, fenced, prose, text
from energygate.report.explanations import effort, interval_words, source
from energygate.report.markdown_parts import NO_BREAK_SPACE, by_urgency, details, shortened
from energygate.report.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import Result

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


def sections(result: Result, *, items: int) -> list[str]:
    """Everything that unfolds: how it was measured, what to do, what the policy would become."""
    return [
        *details(_grade(result), _measured(result, items=items)),
        *_actions(result),
        *details(
            "Policy changes in this pull request (not in force)",
            shortened([prose(one.replace(" -> ", " → ")) for one in result.policy_changes], items),
        ),
    ]


def _grade(result: Result) -> str:
    """How far to trust the numbers, without unfolding: the worst method of all, and its uncertainty."""
    measured = [one for one in result.workloads if one.provenance is not None]
    method = "estimated" if any(one.method != "measured" for one in measured) else "measured"
    widest = max((one.provenance.uncertainty for one in measured if one.provenance), default=0.0)
    share = text(f"{widest * 100:.0f}", limit=10)
    relative = "percentages reliable, " if any(one.comparison for one in measured) else ""
    return f"How it was measured: {method}, {relative}absolute kWh ±{NO_BREAK_SPACE}{share}{NO_BREAK_SPACE}%"


def _measured(result: Result, *, items: int) -> list[str]:
    measured = [one for one in by_urgency(result) if one.provenance is not None]
    if not measured:
        return []
    efforts = [f"{code(one.name)}: {prose(effort(one, pue=result.site.pue))}." for one in measured]
    return [
        *(f"- {prose(one)}" for one in list(dict.fromkeys(map(source, measured)))[:items]),
        *(f"- {one}" for one in _where(result)),
        *(f"- {prose(one)}" for one in list(dict.fromkeys(map(interval_words, measured)))[:items]),
        *shortened(efforts, items),
        *shortened(
            [f"{code(one.name)}: {prose(made_of)}." for one in measured if (made_of := split(one))], items
        ),
    ]


def _where(result: Result) -> Iterator[str]:
    """What all workloads share: the machine, the base, the site, the policy."""
    machine = result.machine
    kind = "Virtual machine" if machine.virtual else "Machine"
    yield text(f"{kind}: {machine.cpu_model}, {count(machine.cpu_count, 'CPU')}, {machine.system}.")
    if result.base is not None:
        ref = code(result.base.ref)
        base = f"{code(result.base.commit[:7])} (merge base with {ref})" if result.base.commit else ref
        yield f"Base {base} and head took turns on it, in random order."
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
    """The command that measures the same again, quoted for a shell.

    It names the workloads that need a look, unless they are many or have names that had better not be pasted.
    """
    words = ["energygate", "check"]
    if result.policy != "energygate.yml":
        words += ["--policy", result.policy]
    if result.base is not None:
        words += (
            ["--base", result.base.commit[:SHORT]] if result.base.commit else ["--base-dir", result.base.ref]
        )
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
        "",
        f"Intended? Whoever answers for it adds a waiver to {where}:",
        "",
        *fenced(["waivers:", *entries[:WAIVERS_SHOWN]], language="yaml"),
    ]


def _expiry(created: str) -> str:
    try:
        return (date.fromisoformat(created[:10]) + timedelta(days=WAIVER_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return "YYYY-MM-DD"
