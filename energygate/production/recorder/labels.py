"""Label values that can neither break a format nor grow in number without bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from collections.abc import Set as AbstractSet

OTHER = "other"
"""Stands for all that come after the bound."""

MAX_LABEL_CHARACTERS = 100
MAX_WORKLOADS = 32
"""Beside those of the policy: each is a handful of time series, and names may come from requests."""

MAX_UNITS = 8


def label(value: object) -> str:
    """A label's value as text that every format can carry.

    Control characters and halves of surrogate pairs become `?`; it is cut after `MAX_LABEL_CHARACTERS`.
    """
    text = value if isinstance(value, str) else str(value)
    text = text[: MAX_LABEL_CHARACTERS + 1]
    if len(text) > MAX_LABEL_CHARACTERS:
        text = text[: MAX_LABEL_CHARACTERS - 1] + "…"
    if text.isprintable():
        return text or OTHER
    return "".join(one if one.isprintable() else "?" for one in text)


def place(name: str, taken: AbstractSet[str], known: AbstractSet[str]) -> str:
    """Where a workload is counted: under its name, or under `OTHER` once there are too many.

    Args:
        name: The workload.
        taken: Names that have a place.
        known: Names that have one in any case.
    """
    if name in taken or name in known or len(taken - known) < MAX_WORKLOADS:
        return name
    return OTHER


def add_units(totals: MutableMapping[str, float], units: Mapping[str, float]) -> None:
    """Add what was yielded, by unit; under `OTHER` what has no place any more."""
    for name, count in units.items():
        key = name if name in totals or len(totals) < MAX_UNITS else OTHER
        totals[key] = totals.get(key, 0) + count
