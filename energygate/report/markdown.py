"""The comment on a pull request and the step summary: verdict first, always within GitHub's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.gate import Verdict
from energygate.report.headline import headline
from energygate.report.markdown_sections import OUTPUT_TITLE, sections
from energygate.report.markdown_table import SIGNS, table, table_rows
from energygate.report.phrases import count
from energygate.report.safe_markdown import (
    MAX_COMMENT,
    MAX_SUMMARY_BYTES,
    NO_BREAK_SPACE,
    code,
    details,
    link,
    output_block,
    prose,
    text,
    utf16_units,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.report.phrases import MetricRow
    from energygate.result.result import Result

HEADLINE = 300
"""Characters of the headline: a notification shows fewer."""

FEW = 10
"""Rows that a reader takes in at a glance, on a phone too; further ones are folded away."""

EXIT_CODES = {
    2: "a mistake in the policy, or in how energygate is called",
    3: "no valid measurement",
}
"""What the exit codes of a run without a result mean."""


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How much is shown.

    Attributes:
        rows: Rows of the tables at most.
        quiet_rows: Whether rows that need no attention are among them.
        items: Entries of each list below the table at most; with 0 there is no list, and nothing to unfold.
    """

    rows: int
    quiet_rows: bool
    items: int


_COMMENT_SIZES = (
    _Size(rows=1_000, quiet_rows=True, items=20),
    _Size(rows=1_000, quiet_rows=False, items=10),
    _Size(rows=100, quiet_rows=False, items=3),
    _Size(rows=FEW, quiet_rows=False, items=0),
    _Size(rows=0, quiet_rows=False, items=0),
)
_SUMMARY_SIZES = (_Size(rows=10_000, quiet_rows=True, items=10_000), *_COMMENT_SIZES)


def comment(
    result: Result,
    *,
    run_url: str | None,
    artifact_url: str | None = None,
    limit: int = MAX_COMMENT,
) -> str:
    """Write the comment on a pull request, without the marker that it will be posted behind.

    Args:
        result: What the gate found.
        run_url: The run's page; `None` without one.
        artifact_url: Where to download all numbers; `None` without such a place.
        limit: UTF-16 units that the text has at most, such as `room_for_text`.

    Returns:
        Markdown whose first line is the verdict. What does not fit is left out, the verdict never.

    Raises:
        UsageError: Not even the verdict fits.
    """
    links = [one for one in (link("run", run_url), link("all numbers", artifact_url)) if one]
    return _fitted(result, _footer(result, links), _COMMENT_SIZES, lambda body: utf16_units(body) <= limit)


def summary(result: Result, *, limit: int = MAX_SUMMARY_BYTES) -> str:
    """Write the summary of a step: the same, with every row and every explanation.

    Args:
        result: What the gate found.
        limit: The summary has fewer bytes than this.

    Raises:
        UsageError: Not even the verdict fits.
    """
    footer = _footer(result, [])
    return _fitted(result, footer, _SUMMARY_SIZES, lambda body: len(body.encode()) < limit)


def _fitted(
    result: Result,
    footer: str,
    sizes: Sequence[_Size],
    fits: Callable[[str], bool],
) -> str:
    """Return the fullest version that fits."""
    rows = table_rows(result)
    if len(rows) > FEW:  # more than a reader will read: first all that are pressing, then all that changed
        rows.sort(key=lambda row: (not row.is_pressing, not row.is_news))
    for size in sizes:
        written = "\n".join([_headline(result), *_body(result, rows, size), "", footer]) + "\n"
        if fits(written):
            return written
    raise UsageError("the verdict alone is longer than a comment may be", hint="Choose a larger limit")


def _body(result: Result, rows: Sequence[MetricRow], size: _Size) -> list[str]:
    pressing = [row for row in rows if row.is_pressing]
    quiet = [row for row in rows if not row.is_pressing]
    wanted = rows if size.quiet_rows else pressing
    shown = wanted[: size.rows]
    unfolded = shown if len(rows) <= FEW else [row for row in shown[:FEW] if row.is_news]
    folded = shown[len(unfolded) :]
    folded_pressing = [row for row in folded if row.is_pressing]
    folded_quiet = [row for row in folded if not row.is_pressing]
    body = ["", *table(unfolded)] if unfolded else []
    body += details(_need_attention(folded_pressing), table(folded_pressing))
    body += details(_quiet(folded_quiet), table(folded_quiet))
    body += _left_out(result, [*wanted[size.rows :], *([] if size.quiet_rows else quiet)])
    return body + (sections(result, rows, items=size.items) if size.items else [])


def _headline(result: Result) -> str:
    shown = prose(headline(result), limit=HEADLINE)
    for together in (" %", "(limit "):
        shown = shown.replace(together, together.replace(" ", NO_BREAK_SPACE))
    return f"### {SIGNS[result.verdict]} energygate: {shown}"


def _left_out(result: Result, missing: Sequence[MetricRow]) -> list[str]:
    """Count what has no row, and say whose policy decides: nothing is dropped silently."""
    unchanged = sum(one.state == "unchanged" for one in result.workloads)
    pressing = [row for row in missing if row.is_pressing]
    quiet = [row for row in missing if not row.is_pressing]
    notes = []
    if pressing:
        notes.append(f"{_need_attention(pressing)}; omitted for length.")
    if quiet:
        notes.append(f"{_quiet(quiet)}.")
    if unchanged and unchanged < len(result.workloads):
        is_identical = "is identical to base and was" if unchanged == 1 else "are identical to base and were"
        notes.append(f"{count(unchanged, 'workload')} {is_identical} not measured.")
    if all(one.verdict is Verdict.ERROR for one in result.workloads):
        notes.append("Nothing was judged.")
    if result.policy_changed:
        notes.append("Head also changes the policy: base's decides.")
    return ["", " ".join(notes)] if notes else []


def _need_attention(rows: Sequence[MetricRow]) -> str:
    return f"{count(len(rows), 'more row needs', 'more rows need')} attention"


def _quiet(rows: Sequence[MetricRow]) -> str:
    """Describe rows that are not in sight."""
    change = "" if any(row.metric.shows_change for row in rows) else ", no change shown"
    return f"{count(len(rows), 'more row')}: no budget broken{change}"


def _footer(result: Result, links: Sequence[str]) -> str:
    """Return where it comes from: the commits, the run, the version."""
    head = result.head_commit
    base = result.base.commit if result.base else None
    commits = [f"{code(head[:7])}" if head else "head", *([f"against {code(base[:7])}"] if base else [])]
    version = text(f"energygate {result.energygate_version}", limit=40)
    parts = [*([" ".join(commits)] if head or base else []), *links, version]
    return f"<sub>{' · '.join(parts)}</sub>"


def comment_without_result(  # noqa: PLR0913 - an error's parts
    message: str, *, hint: str | None, detail: str | None, run_url: str | None, exit_code: int, limit: int
) -> str:
    """Write the comment or summary of a run that came to no result.

    Args:
        message: What happened and where, one sentence without its final full stop.
        hint: What to do next, one sentence; `None` when `message` says it all.
        detail: A process's output; `None` without any.
        run_url: The run's page; `None` without one.
        exit_code: What the gate ends with, 2 or 3.
        limit: Bytes that the text has at most, which are never fewer than its UTF-16 units.

    Returns:
        Markdown; without the process's output where that does not fit.

    Raises:
        UsageError: Not even the sentence fits; the limit is that small.
    """
    shown = prose(message.rstrip("."), limit=HEADLINE)
    ends = f" Exit code {exit_code}: {EXIT_CODES[exit_code]}." if exit_code in EXIT_CODES else ""
    advice = ["", prose(hint if hint.endswith(("?", "!", ".")) else f"{hint}.")] if hint else []
    top = [f"### {SIGNS[Verdict.ERROR]} energygate: {shown}", *advice, "", f"Nothing was judged.{ends}"]
    run = link("run", run_url)
    bottom = ["", f"<sub>{run}</sub>"] if run else []
    for body in (details(OUTPUT_TITLE, output_block(detail), is_open=True), []):
        written = "\n".join([*top, *body, *bottom]) + "\n"
        if len(written.encode()) <= limit:
            return written
    raise UsageError("the error alone is longer than a comment may be", hint="Choose a larger limit")
