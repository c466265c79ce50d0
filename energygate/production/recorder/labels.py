"""Label values that can neither break a format nor grow in number without bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from collections.abc import Set as AbstractSet

OTHER = "other"
"""Stands for all names beyond the bound."""

MAX_LABEL_CHARACTERS = 100
MAX_WORKLOADS = 32
"""Beside those of the policy: each is a handful of time series, and names may come from requests."""

MAX_UNITS = 8


def label(value: object) -> str:
    """Return a label's value as text that every format can carry.

    Control characters and lone surrogates become `?`; text beyond `MAX_LABEL_CHARACTERS` is cut.
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: MAX_LABEL_CHARACTERS + 1]
    if len(text) > MAX_LABEL_CHARACTERS:
        text = text[: MAX_LABEL_CHARACTERS - 1] + "…"
    if text.isprintable():
        return text or OTHER
    return "".join(one if one.isprintable() else "?" for one in text)


def bounded_name(name: str, taken: AbstractSet[str], known: AbstractSet[str]) -> str:
    """Return the name that a workload is counted under: its own, or `OTHER` once there are too many.

    Args:
        name: The workload.
        taken: Names in use.
        known: Names that are always kept.
    """
    if name in taken or name in known or len(taken - known) < MAX_WORKLOADS:
        return name
    return OTHER


def add_units(totals: MutableMapping[str, float], units: Mapping[str, float]) -> None:
    """Add counts by unit; those of units beyond the bound go to `OTHER`."""
    for name, count in units.items():
        key = name if name in totals or len(totals) < MAX_UNITS else OTHER
        totals[key] = totals.get(key, 0) + count
