"""Pieces of GitHub's Markdown, in which text from outside stays text, whatever it holds.

Names, reasons and the output of processes come from a policy or an artifact that a stranger may have written. Two
layers read a comment: the Markdown parser, for which entities hide every character that has a meaning; and GitHub's
filters behind it, which look for mentions, references, addresses and emoji in the text as it will be shown. These
decode entities first, so only a word joiner inside the pattern stops them: it is invisible, and no line breaks at
it, as one would at a zero-width space.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from energygate.report.phrases import detail_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_COMMENT = 65_536
"""UTF-16 units of a comment including its marker, according to GitHub's answer 422. Whether it counts bytes instead is
disputed (262 144 have been measured); 65 536 UTF-16 units are at most 196 608 bytes of UTF-8, so both are respected."""

MAX_SUMMARY_BYTES = 1_048_576
"""Of one step's summary; GitHub drops a longer one entirely."""

MAX_TEXT = 400
"""Characters of one sentence from outside: enough for every sentence of our own."""

MAX_NAME = 60
"""Characters of one name: more would push a table's numbers off the screen."""

MAX_LINE = 200
"""Characters of one line in a block of code."""

MAX_MARKS = 3
"""Accents on one letter: languages need up to three, more only serve to paint over the lines around."""

OUTPUT_LINES = 20
"""Lines of a failed process's output that are shown: an error is at the end."""

NO_BREAK_SPACE = "\u00a0"
WORD_JOINER = "\u2060"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ISOLATED = "\u2068{}\u2069"
"""First strong isolate: right-to-left letters inside do not reorder what stands beside them."""

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Controls, bidirectional ones among them, zero-width characters, and what no font has."""
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers and blanks that Unicode counts as letters, marks or symbols."""
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x20-\x7e]+")
_MARKS = frozenset({"Mn", "Me"})
_RIGHT_TO_LEFT = frozenset({"R", "AL"})

_STRUCTURE = re.compile(r"[&<>\\`*_~\[\]|#]|\A[-=]|\A\+(?=\s|\Z)")
_NUMBERED = re.compile(r"\A(\d{1,9})([.)])(?=\s|\Z)")
_DOLLAR = "<span>$</span>"
"""GitHub reads formulas between dollar signs after entities are decoded; its documentation names this way out."""

_SEEN_AS_LINKS = re.compile(
    r"""
    (?<=[@\#])                   # a mention or a mail address; a reference to an issue
    | (?<=:)(?=[\w+/-])          # an address with its scheme, an emoji
    | (?<=www)(?=\.)             # an address without a scheme
    | (?<=gh-)(?=\d)             # a reference to an issue, the older way
    """,
    re.VERBOSE | re.IGNORECASE,
)
_COMMIT = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{7,}(?![0-9A-Za-z])", re.IGNORECASE)
_SHORT = re.compile("(.{6})(?=.)")
"""Six digits: one less than what is taken for a commit."""

_IN_ADDRESS = re.compile(r"[^A-Za-z0-9%:/?&=#.,;+~@_-]")


def utf16_units(body: str) -> int:
    """Return how long GitHub takes a text to be."""
    return len(body.encode("utf-16-le")) // 2


def text(raw: str, *, limit: int = MAX_TEXT) -> str:
    """Return text that shows `raw` and means nothing else, anywhere in a line: paragraph, heading, cell or `<summary>`.

    Args:
        raw: Any text. Line breaks become spaces, invisible characters become `�`.
        limit: How many of its characters are kept; an ellipsis stands for the rest.
    """
    return _isolated(_escaped(_visible(raw, limit)))


def prose(raw: str, *, limit: int = MAX_TEXT) -> str:
    """Return the same for a sentence in which backticks mark code, as in `time_limit: 60 s`: those stay code."""
    shown = _visible(raw, limit)
    parts = shown.split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner marks nothing
        return _isolated(_escaped(shown))
    return _isolated("".join(_code(part) if index % 2 else _escaped(part) for index, part in enumerate(parts)))


def code(raw: str, *, limit: int = MAX_NAME) -> str:
    """Return a name as code, which people can copy; as text where code could not hold it inside a table."""
    return _isolated(_code(_visible(raw, limit)))


def fenced(lines: Iterable[str], *, language: str = "", prefix: str = "") -> list[str]:
    """Return lines as a block of code.

    Args:
        lines: Any text; each becomes one line.
        language: What highlights it.
        prefix: Stands before every line, so that no bot takes a line for a command.
    """
    shown = [prefix + _unmailed(_cut(_seen(line.expandtabs(4)), MAX_LINE)) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *shown, fence]


def link(label: str, url: str | None) -> str:
    """Return a link with a label of ours; empty without a `url` that a browser should follow."""
    if url is None or not re.match("https?://", url):
        return ""
    return f"[{label}](<{_IN_ADDRESS.sub(_percent, url)}>)"


def details(title: str, body: Sequence[str], *, is_open: bool = False) -> list[str]:
    """Return a heading that unfolds; nothing without a body. Blank lines make GitHub read the body as Markdown."""
    if not body:
        return []
    tag = "<details open>" if is_open else "<details>"
    return ["", f"{tag}<summary>{title}</summary>", "", *body, "", "</details>"]


def shortened(items: Sequence[str], limit: int) -> list[str]:
    """Return the first items as a list, and how many are missing."""
    rest = [f"- and {len(items) - limit:,} more"] if len(items) > limit else []
    return [*(f"- {item}" for item in items[:limit]), *rest]


def output_block(detail: str | None) -> list[str]:
    """Return the end of a process's output as a block of code; nothing without any."""
    lines = detail_lines(detail or "")[-OUTPUT_LINES:]
    return fenced(lines, language="text", prefix="| ") if lines else []


def _visible(raw: str, limit: int) -> str:
    return _cut(_seen(" ".join(raw.split())), limit)


def _cut(shown: str, limit: int) -> str:
    return shown if len(shown) <= limit else f"{shown[: limit - 1].rstrip()}…"


def _seen(raw: str) -> str:
    """Return only what can be seen: nothing hides in a name or reorders it."""
    return _NOT_PRINTABLE_ASCII.sub(_seen_run, _VARIATION_SELECTORS.sub("", raw))


def _seen_run(run: re.Match[str]) -> str:
    kept = []
    marks = 0
    for sign in run[0]:
        category = unicodedata.category(sign)
        marks = marks + 1 if category in _MARKS else 0
        if marks <= MAX_MARKS:
            kept.append(REPLACEMENT if category in _INVISIBLE_CATEGORIES or sign in _INVISIBLE else sign)
    return "".join(kept)


def _code(shown: str) -> str:
    if not shown.strip() or set(shown) & set("`|\\"):
        return _escaped(shown)
    return f"`{_unmailed(shown)}`"


def _unmailed(shown: str) -> str:
    """Return code without mentions: answers by mail quote it as plain text, and are read for mentions again."""
    return shown.replace("@", f"@{WORD_JOINER}")


@lru_cache(maxsize=4096)  # tables repeat their words
def _escaped(shown: str) -> str:
    plain = _STRUCTURE.sub(_entity, _unlinked(shown))
    return _NUMBERED.sub(lambda found: f"{found[1]}{_entity(found[2])}", plain).replace("$", _DOLLAR)


def _unlinked(shown: str) -> str:
    """Return the same without what GitHub would turn into a link after parsing Markdown."""
    split = _COMMIT.sub(lambda found: _SHORT.sub(rf"\1{WORD_JOINER}", found[0]), shown)
    return _SEEN_AS_LINKS.sub(WORD_JOINER, split)


def _entity(sign: re.Match[str] | str) -> str:
    return f"&#{ord(sign[0])};"


def _percent(sign: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in sign[0].encode("utf-8", "surrogatepass"))


def _isolated(safe: str) -> str:
    if safe.isascii() or not any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in safe):
        return safe
    return ISOLATED.format(safe)
