"""Standard streams that take every report: an encoding without `µ` or a full disk must not cost the verdict."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import IO

REPLACEMENTS = {
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
"""Replacements for characters that a stream's encoding lacks; `?` for the rest."""


def make_tolerant() -> None:
    """Make the standard streams replace what their encoding lacks, instead of raising in mid-report."""
    codecs.register_error("energygate", _replacement)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):  # closed, or replaced by another object
            stream.reconfigure(errors="energygate")  # type: ignore[union-attr]  # it is a TextIOWrapper


def abandon(stream: IO[str]) -> None:
    """Redirect a stream that cannot be written to /dev/null: Python would fail on it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(REPLACEMENTS.get(character, "?") for character in text), error.end
