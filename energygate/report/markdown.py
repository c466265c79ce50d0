"""The comment on a pull request and the step summary: verdict first, always within GitHub's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.report.escaping import code, link, marker, prose, text
from energygate.report.explanations import against
from energygate.report.markdown_sections import details, remarks, sections
from energygate.report.markdown_table import SIGNS, table, table_lines
from energygate.report.phrases import count, headline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.report.markdown_table import Line
    from energygate.report.result import Result

COMMENT_LIMIT = 65_536
"""Characters of a comment, as GitHub's answer 422 says. Whether it counts bytes instead is disputed (262 144 have
been measured); fewer than 65 536 UTF-16 units are fewer than 196 608 bytes of UTF-8, so both are kept."""

SUMMARY_LIMIT = 1_048_576
"""Bytes of a step's summary, 1 MiB; a larger one is refused as a whole."""

HEADLINE = 300
"""Characters of the headline: a notification shows fewer."""

FEW = 20
"""Rows that a reader takes in at a glance: up to here nothing is folded away."""


@dataclass(frozen=True, kw_only=True)
class _Rung:
    """How much is told.

    Attributes:
        rows: Rows of the table at most.
        quiet_rows: Whether rows that need no look are shown too, folded away where they are many.
        items: Entries of each list below the table at most; with 0 there is no list, and nothing to unfold.
    """

    rows: int
    quiet_rows: bool
    items: int


_COMMENT_LADDER = (
    _Rung(rows=1_000, quiet_rows=True, items=20),
    _Rung(rows=1_000, quiet_rows=False, items=10),
    _Rung(rows=100, quiet_rows=False, items=3),
    _Rung(rows=20, quiet_rows=False, items=0),
    _Rung(rows=0, quiet_rows=False, items=0),
)
_SUMMARY_LADDER = (_Rung(rows=10_000, quiet_rows=True, items=10_000), *_COMMENT_LADDER)


def comment(  # noqa: PLR0913 - what surrounds a result: where it ran, what it is called, how much fits
    result: Result,
    *,
    run_url: str,
    artifact_url: str | None = None,
    key: str = "default",
    requests_per_day: float | None = None,
    limit: int = COMMENT_LIMIT,
) -> str:
    """Write the comment on a pull request.

    Args:
        result: What the gate found.
        run_url: Where the run can be seen.
        artifact_url: Where all numbers can be had; `None` when they are nowhere.
        key: What tells this comment from others of the same pull request; see `escaping.marker`.
        requests_per_day: Production's traffic, of the base policy's `site`; `None` leaves out what a year costs.
        limit: The comment is shorter than so many UTF-16 units, the hidden marker counted.

    Returns:
        Markdown whose first line is the marker. What does not fit is left out, the verdict never.

    Raises:
        UsageError: Not even the verdict fits; the key is that long, or the limit that small.
    """
    links = [link("this run", run_url), *([link("all numbers", artifact_url)] if artifact_url else [])]
    frame = _Frame(top=(marker(key),), bottom=("", _footer(result, links)))
    return _fitted(result, frame, _COMMENT_LADDER, requests_per_day, lambda body: _utf16_units(body) < limit)


def summary(result: Result, *, requests_per_day: float | None = None, limit: int = SUMMARY_LIMIT) -> str:
    """Write the summary of a step: the same, with every row and every explanation.

    Args:
        result: What the gate found.
        requests_per_day: As for `comment`.
        limit: The summary has fewer bytes than so many.

    Raises:
        UsageError: Not even the verdict fits.
    """
    frame = _Frame(top=(), bottom=("", _footer(result, [])))
    return _fitted(result, frame, _SUMMARY_LADDER, requests_per_day, lambda body: len(body.encode()) < limit)


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What stands above and below every version of a text."""

    top: tuple[str, ...]
    bottom: tuple[str, ...]


def _fitted(
    result: Result,
    frame: _Frame,
    ladder: Sequence[_Rung],
    requests_per_day: float | None,
    fits: Callable[[str], bool],
) -> str:
    """The fullest version that fits."""
    lines = table_lines(result)
    for rung in ladder:
        body = _body(result, lines, rung, requests_per_day)
        written = "\n".join([*frame.top, _headline(result), *body, *frame.bottom]) + "\n"
        if fits(written):
            return written
    raise UsageError(
        "the verdict alone is longer than a comment may be", hint="Choose a shorter key or a larger limit"
    )


def _body(result: Result, lines: Sequence[Line], rung: _Rung, requests_per_day: float | None) -> list[str]:
    pressing = [line for line in lines if line.is_pressing]
    telling = [line for line in lines if line.is_pressing or line.changed]
    shown = pressing if not rung.quiet_rows else lines if len(lines) <= FEW else telling
    shown = shown[: rung.rows]
    quiet = [] if shown is lines else [line for line in lines if not line.is_pressing and line not in shown]
    body = ["", *table(shown)] if shown else []
    if rung.quiet_rows:
        body += details(_quiet(quiet), table(quiet[: rung.rows]))
        quiet = []
    body += _left_out(result, len(pressing) - sum(line.is_pressing for line in shown), quiet)
    if rung.items:
        told = remarks(result, lines, items=rung.items)
        body += ["", *told] if told else []
        body += sections(result, items=rung.items, requests_per_day=requests_per_day)
    return body


def _headline(result: Result) -> str:
    return f"### {SIGNS[result.verdict]} energygate: {prose(headline(result), limit=HEADLINE)}"


def _left_out(result: Result, pressing: int, quiet: Sequence[Line]) -> list[str]:
    """Counts of what has no row, and whose policy decided: nothing disappears without a word."""
    unchanged = sum(one.state == "unchanged" for one in result.workloads)
    parts = []
    if pressing:
        parts.append(f"{count(pressing, 'more row needs', 'more rows need')} a look and found no place here")
    if quiet:
        parts.append(_quiet(quiet))
    if unchanged:
        parts.append(f"{count(unchanged, 'workload')} identical to base, not measured")
    said = [f"{'; '.join(parts)}."] if parts else []
    if result.policy_changed:
        said.append(f"{prose(against(result))}.")
    return ["", " ".join(said)] if said else []


def _quiet(lines: Sequence[Line]) -> str:
    """What is said of rows that are not in sight."""
    change = "" if any(line.changed for line in lines) else ", no change shown"
    return f"{count(len(lines), 'more row')}: no budget broken{change}"


def _footer(result: Result, links: Sequence[str]) -> str:
    """Where it comes from: the run, the numbers, the versions."""
    base = [f"base {code(result.base.commit[:7])}"] if result.base and result.base.commit else []
    version = text(f"energygate {result.energygate_version}", limit=40)
    return f"<sub>{' · '.join([*links, *base, version, text(f'{result.seconds:.0f} s', limit=20)])}</sub>"


def _utf16_units(body: str) -> int:
    return len(body.encode("utf-16-le")) // 2
