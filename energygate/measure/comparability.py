"""Whether both sides' readings are comparable: pure functions of launches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from energygate.measure.launch import Launch, Launches

Signature = frozenset[tuple[str, str]]
"""Component and method of each part of a reading."""


def incomparable(launches: Launches) -> str | None:
    """Return why base's and head's energy must not be compared, as a sentence; `None` when they may be.

    When a counter becomes unreadable between two windows, some joules are measured and others estimated; their ratio
    reflects the methods, not the code.
    """
    base, head = _signatures(launches.base), _signatures(launches.head)
    if len(base | head) <= 1:
        return None
    if base != head:
        return f"base's energy is {_in_words(base)}, head's {_in_words(head)}: different methods are not compared"
    return f"energy is {_in_words(base)} from window to window: different methods are not compared"


def _signatures(launches: Iterable[Launch]) -> set[Signature]:
    return {
        frozenset((component.name, component.method.value) for component in window.reading.components)
        for launch in launches
        for window in launch.windows
    }


def _in_words(signatures: Iterable[Signature]) -> str:
    return " or ".join(
        " and ".join(f"{method} ({name})" for name, method in sorted(signature))
        for signature in sorted(signatures, key=sorted)
    )
