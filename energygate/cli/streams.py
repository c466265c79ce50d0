"""Standard streams that take every report: no encoding without `µ`, no full disk may cost a verdict."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import IO

SPELLINGS = {
    "✓": "+",
    "✗": "x",
    "…": "..",
    "µ": "u",
    "\N{MINUS SIGN}": "-",
    "±": "+/-",
    "≤": "<=",
    "₂": "2",
    "∞": "inf",
}
"""What is written for a character that a stream's encoding lacks; `?` for the rest."""


def make_tolerant() -> None:
    """Let the standard streams spell out what their encoding lacks, instead of raising in mid-report."""
    codecs.register_error("energygate", _spelled)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):  # no stream at all, or somebody's replacement
            stream.reconfigure(errors="energygate")  # type: ignore[union-attr]  # it is a TextIOWrapper


def abandon(stream: IO[str]) -> None:
    """Point a stream that cannot be written to at nowhere: Python would fail on it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(SPELLINGS.get(character, "?") for character in text), error.end
