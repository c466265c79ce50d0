"""The marker `energy`: the limits it sets, on which part of a test, and which of several markers decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from energygate.policy.metrics import METRICS
from energygate.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BARE_LIMITS = {name: "max" if metric.better == "lower" else "min" for name, metric in METRICS.items()}
"""The limit that a bare text sets, for every metric of the policy."""

ENERGY = "energy_per_request"
ENERGY_KEYS = ("max", "max_increase", "min_delta", "level")
"""Keywords that limit the energy per request."""
BUDGET_KEYS = ("max", "min", "max_increase", "max_decrease", "min_delta", "level")
"""Keys of any metric's budget."""
LEVELS = ("off", "warn", "error")
SETTINGS: Mapping[str, tuple[type, str]] = {
    "part": (str, "the name of a part of the test"),
    "time": (str, "a text such as '20 s'"),
    "strict": (bool, "True or False"),
    "threads": (int, "a whole number"),
    "units": (str, "what a request yields, such as 'tokens'"),
}
"""Keywords other than limits: their type, and a description of it."""

Limits = dict[str, dict[str, str]]
"""Limits as texts, by metric and key of its budget."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One marker.

    Attributes:
        limits: Its limits.
        settings: Its other keywords.
        own: Whether it is on the test itself, rather than on its class or module.
    """

    limits: Limits = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = True


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All markers of a test, the closest first: for each key the closest that has it decides."""

    marks: tuple[Mark, ...]

    @property
    def is_own(self) -> bool:
        """Whether a marker is on the test itself."""
        return any(mark.own for mark in self.marks)

    def limits(self, part: str | None) -> Limits:
        """Return the limits on a part of the test."""
        return merged(mark.limits for mark in self._on(part))

    def setting(self, name: str, part: str | None) -> Any:  # noqa: ANN401 - a text, a number or a flag
        """Return the value of a setting; `None` when no marker has it."""
        return next((mark.settings[name] for mark in self._on(part) if name in mark.settings), None)

    def _on(self, part: str | None) -> list[Mark]:
        return [mark for mark in self.marks if mark.settings.get("part") in {None, part}]

    def __str__(self) -> str:
        whole = merged(mark.limits for mark in self.marks if "part" not in mark.settings)
        texts = [limits_text(whole)] if whole else []
        texts += [
            f"{mark.settings['part']}: {limits_text(mark.limits)}"
            for mark in self.marks
            if "part" in mark.settings and mark.limits
        ]
        return "; ".join(texts)


def merged(layers: Iterable[Limits]) -> Limits:
    """Merge limits of several sources: each key comes from the first source that has it."""
    limits: Limits = {}
    for layer in layers:
        for metric, budget in layer.items():
            mine = limits.setdefault(metric, {})
            for key, text in budget.items():
                mine.setdefault(key, text)
    return limits


def limits_text(limits: Limits) -> str:
    """Return limits in words: `energy per request max 0.5 mWh, max_increase 5 %`."""
    return "; ".join(
        f"{metric.replace('_', ' ')} {', '.join(f'{key} {text}' for key, text in budget.items())}"
        for metric, budget in limits.items()
    )


def read_marks(item: pytest.Item) -> Marks:
    """Read the markers of a test.

    Raises:
        pytest.UsageError: One is invalid. Its texts are validated with the policy, once the test is measured.
    """
    markers = item.iter_markers_with_node("energy")
    try:
        return Marks(marks=tuple(_mark(marker, own=node is item) for node, marker in markers))
    except ValueError as error:
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.energy: {error}") from None


def _mark(marker: pytest.Mark, *, own: bool) -> Mark:
    if marker.args:
        raise ValueError(f"name the limit, for example max='0.5 mWh', instead of {marker.args[0]!r}")
    limits: Limits = {}
    settings = {}
    for key, value in marker.kwargs.items():
        if key in ENERGY_KEYS or key in BARE_LIMITS:
            metric, budget = (ENERGY, {key: _text(key, value)}) if key in ENERGY_KEYS else (key, _budget(key, value))
            for name, text in budget.items():
                if name in limits.setdefault(metric, {}):
                    raise ValueError(f"{name} of {metric} is given twice")
                limits[metric][name] = text
        elif key in SETTINGS:
            settings[key] = _setting(key, value)
        else:
            raise ValueError(_unknown(key, (*ENERGY_KEYS, *BARE_LIMITS, *SETTINGS)))
    return Mark(limits=limits, settings=settings, own=own)


def _budget(metric: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {BARE_LIMITS[metric]: _text(metric, value)}
    if not value:
        raise ValueError(f"{metric} has no limit")
    for key in value:
        if key not in BUDGET_KEYS:
            raise ValueError(f"{metric}: {_unknown(str(key), BUDGET_KEYS)}")
    return {key: _text(f"{metric}: {key}", text) for key, text in value.items()}


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} takes a text with a unit, for example '0.5 mWh' or '5 %', not {value!r}")  # noqa: TRY004 - one kind of mistake
    if key.rpartition(" ")[2] == "level" and value not in LEVELS:
        raise ValueError(f"{key} must be one of {', '.join(LEVELS)}, not {value!r}")
    return value


def _setting(key: str, value: object) -> object:
    kind, needed = SETTINGS[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{key} must be {needed}, not {value!r}")
    return value


def _unknown(key: str, known: Iterable[str]) -> str:
    guess = did_you_mean(key, known, otherwise=f"valid are {', '.join(known)}")
    return f"unknown {key!r}; {guess}"
