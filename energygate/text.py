"""Text from outside in a message of ours: quoted, on one line, and no longer than it may be."""

from __future__ import annotations

MAX_QUOTE = 60
"""Characters of a name or value that a sentence quotes: enough to recognise it."""


def printable(text: str, *, max_length: int | None = None) -> str:
    """Return `text` fit for one line of a terminal: what cannot be shown is escaped, the rest is cut."""
    if max_length is not None and len(text) > max_length:
        text = f"{text[:max_length]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quote(text: str, *, max_length: int = MAX_QUOTE) -> str:
    """Return `text` between quotation marks, fit for a sentence."""
    return f"'{printable(text, max_length=max_length)}'"
