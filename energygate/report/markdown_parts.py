"""Pieces of Markdown that every part of a comment is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.report.escaping import fenced
from energygate.report.phrases import ORDER, detail_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.result.result import Result, WorkloadResult

NO_BREAK_SPACE = "\u00a0"

LAST_WORDS = 20
"""Lines of a failed process that are shown: an error stands at the end."""


def details(title: str, body: Sequence[str], *, is_open: bool = False) -> list[str]:
    """A heading that unfolds; nothing without a body. The blank lines make GitHub read the body as Markdown."""
    if not body:
        return []
    tag = "<details open>" if is_open else "<details>"
    return ["", f"{tag}<summary>{title}</summary>", "", *body, "", "</details>"]


def shortened(items: Sequence[str], limit: int) -> list[str]:
    """The first items as a list, and how many are missing."""
    rest = [f"- and {len(items) - limit:,} more"] if len(items) > limit else []
    return [*(f"- {item}" for item in items[:limit]), *rest]


def quoted(detail: str | None) -> list[str]:
    """The end of what a process said, as a block of code."""
    said = detail_lines(detail or "")[-LAST_WORDS:]
    return fenced(said, language="text", prefix="| ") if said else []


def by_urgency(result: Result) -> list[WorkloadResult]:
    """The workloads, most pressing first."""
    return sorted(result.workloads, key=lambda one: ORDER.index(one.verdict))
