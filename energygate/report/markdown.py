"""The comment on a pull request and the step summary: verdict first, always within GitHub's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.gate import Verdict
from energygate.report.escaping import code, link, prose, text
from energygate.report.headline import headline
from energygate.report.markdown_news import last_words, news, remarks
from energygate.report.markdown_parts import NO_BREAK_SPACE, details
from energygate.report.markdown_sections import sections
from energygate.report.markdown_table import SIGNS, news_first, table, table_lines
from energygate.report.phrases import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.report.markdown_table import Line
    from energygate.result.result import Result

COMMENT_LIMIT = 65_536
"""UTF-16 units of a comment that has nothing else in it; see `room_for_text` for one with a marker."""

SUMMARY_LIMIT = 1_048_576
"""Bytes of a step's summary, 1 MiB; a larger one is refused as a whole."""

HEADLINE = 300
"""Characters of the headline: a notification shows fewer."""

FEW = 10
"""Rows that a reader takes in at a glance, on a phone too: what is beyond is folded away."""


@dataclass(frozen=True, kw_only=True)
class _Rung:
    """How much is told.

    Attributes:
        rows: Rows of the tables at most.
        quiet_rows: Whether rows that need no look are among them.
        items: Entries of each list below the table at most; with 0 there is no list, and nothing to unfold.
    """

    rows: int
    quiet_rows: bool
    items: int


_COMMENT_LADDER = (
    _Rung(rows=1_000, quiet_rows=True, items=20),
    _Rung(rows=1_000, quiet_rows=False, items=10),
    _Rung(rows=100, quiet_rows=False, items=3),
    _Rung(rows=FEW, quiet_rows=False, items=0),
    _Rung(rows=0, quiet_rows=False, items=0),
)
_SUMMARY_LADDER = (_Rung(rows=10_000, quiet_rows=True, items=10_000), *_COMMENT_LADDER)


def comment(
    result: Result,
    *,
    run_url: str | None,
    artifact_url: str | None = None,
    limit: int = COMMENT_LIMIT,
) -> str:
    """Write the comment on a pull request, without the marker that it will be posted behind.

    Args:
        result: What the gate found.
        run_url: Where the run can be seen; `None` when nowhere.
        artifact_url: Where all numbers can be had; `None` when nowhere.
        limit: UTF-16 units that the text has at most, such as `room_for_text`.

    Returns:
        Markdown whose first line is the verdict. What does not fit is left out, the verdict never.

    Raises:
        UsageError: Not even the verdict fits.
    """
    links = [link("run", run_url or ""), link("all numbers", artifact_url or "")]
    footer = _footer(result, [one for one in links if one.startswith("[")])
    return _fitted(result, footer, _COMMENT_LADDER, lambda body: utf16_units(body) <= limit)


def summary(result: Result, *, limit: int = SUMMARY_LIMIT) -> str:
    """Write the summary of a step: the same, with every row and every explanation.

    Args:
        result: What the gate found.
        limit: The summary has fewer bytes than so many.

    Raises:
        UsageError: Not even the verdict fits.
    """
    footer = _footer(result, [])
    return _fitted(result, footer, _SUMMARY_LADDER, lambda body: len(body.encode()) < limit)


def _fitted(
    result: Result,
    footer: str,
    ladder: Sequence[_Rung],
    fits: Callable[[str], bool],
) -> str:
    """The fullest version that fits."""
    lines = table_lines(result)
    lines = news_first(lines) if len(lines) > FEW else lines
    for rung in ladder:
        body = _body(result, lines, rung)
        written = "\n".join([_headline(result), *body, "", footer]) + "\n"
        if fits(written):
            return written
    raise UsageError("the verdict alone is longer than a comment may be", hint="Choose a larger limit")


def _body(result: Result, lines: Sequence[Line], rung: _Rung) -> list[str]:
    pressing = [line for line in lines if line.is_pressing]
    quiet = [line for line in lines if not line.is_pressing]
    told = lines if rung.quiet_rows else pressing
    shown = told[: rung.rows]
    seen = shown if len(lines) <= FEW else [line for line in shown[:FEW] if line.is_telling]
    folded = shown[len(seen) :]
    body = ["", *table(seen)] if seen else []
    waiting = [line for line in folded if line.is_pressing]
    body += details(f"{count(len(waiting), 'more row needs', 'more rows need')} a look", table(waiting))
    resting = [line for line in folded if not line.is_pressing]
    body += details(_quiet(resting), table(resting))
    body += _left_out(result, [*told[rung.rows :], *([] if rung.quiet_rows else quiet)])
    if rung.items:
        body += last_words(result, items=rung.items)
        said = remarks(result, lines, items=rung.items)
        body += ["", *said] if said else []
        body += news(result, items=rung.items)
        body += sections(result, items=rung.items)
    return body


def _headline(result: Result) -> str:
    said = prose(headline(result), limit=HEADLINE)
    for together in (" %", "(limit "):
        said = said.replace(together, together.replace(" ", NO_BREAK_SPACE))
    return f"### {SIGNS[result.verdict]} energygate: {said}"


def _left_out(result: Result, missing: Sequence[Line]) -> list[str]:
    """Counts of what has no row, and whose policy decided: nothing disappears without a word."""
    unchanged = sum(one.state == "unchanged" for one in result.workloads)
    pressing = sum(line.is_pressing for line in missing)
    quiet = [line for line in missing if not line.is_pressing]
    said = []
    if pressing:
        said.append(f"{count(pressing, 'more row needs', 'more rows need')} a look and found no place here.")
    if quiet:
        said.append(f"{_quiet(quiet)}.")
    if unchanged and unchanged < len(result.workloads):
        is_identical = "is identical to base and was" if unchanged == 1 else "are identical to base and were"
        said.append(f"{count(unchanged, 'workload')} {is_identical} not measured.")
    if all(one.verdict is Verdict.ERROR for one in result.workloads):
        said.append("Nothing was judged.")
    if result.policy_changed:
        said.append("Head also changes the policy: base's decides.")
    return ["", " ".join(said)] if said else []


def _quiet(lines: Sequence[Line]) -> str:
    """What is said of rows that are not in sight."""
    change = "" if any(line.changed for line in lines) else ", no change shown"
    return f"{count(len(lines), 'more row')}: no budget broken{change}"


def _footer(result: Result, links: Sequence[str]) -> str:
    """Where it comes from: the commits, the run, the version."""
    head = result.head_commit
    base = result.base.commit if result.base else None
    commits = [f"{code(head[:7])}" if head else "head", *([f"against {code(base[:7])}"] if base else [])]
    version = text(f"energygate {result.energygate_version}", limit=40)
    parts = [*([" ".join(commits)] if head or base else []), *links, version]
    return f"<sub>{' · '.join(parts)}</sub>"


def utf16_units(body: str) -> int:
    """How long GitHub takes a text to be."""
    return len(body.encode("utf-16-le")) // 2
