"""Foreign text in our messages: quoted, on one line, of limited length; and suggestions for misspelt words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_QUOTE = 60
"""Characters of a name or value that a sentence quotes: enough to recognise it."""


def printable(text: str, *, max_length: int | None = None) -> str:
    """Return `text` for one line of a terminal: unprintable characters escaped, the length limited."""
    if max_length is not None and len(text) > max_length:
        text = f"{text[:max_length]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quote(text: str, *, max_length: int = MAX_QUOTE) -> str:
    """Return `text` in quotation marks, for a sentence."""
    return f"'{printable(text, max_length=max_length)}'"


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return `did you mean 'x'?` for the known word nearest to `word`; `otherwise` when none is near."""
    import difflib

    near = difflib.get_close_matches(word, [*known], n=1)
    return f"did you mean '{near[0]}'?" if near else otherwise


def suggestion(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return `did_you_mean` as a sentence of its own, for a hint."""
    guess = did_you_mean(word, known, otherwise=otherwise)
    return guess[:1].upper() + guess[1:]
