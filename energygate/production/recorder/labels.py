"""Label values that can neither break a format nor grow in number without bound."""

from __future__ import annotations

OTHER = "other"
"""Stands for all that come after the bound."""

MOST_CHARACTERS = 100
MOST_WORKLOADS = 32
"""Beside those of the policy: each is a handful of time series, and names may come from requests."""

MOST_UNITS = 8


def label(value: object) -> str:
    """A label's value as text that every format can carry.

    Control characters and halves of surrogate pairs become `?`; it is cut after `MOST_CHARACTERS`.
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: MOST_CHARACTERS + 1]
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 1] + "…"
    if text.isprintable():
        return text or OTHER
    return "".join(one if one.isprintable() else "?" for one in text)
