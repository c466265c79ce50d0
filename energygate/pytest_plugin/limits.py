"""The marker: which limits it sets, on which part of a test, and which of several markers decides."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ABSOLUTE_LIMITS = {
    "energy_per_request": "max",
    "carbon_per_request": "max",
    "cost_per_request": "max",
    "energy_per_unit": "max",
    "effective_energy_per_request": "max",
    "monthly_energy": "max",
    "monthly_cost": "max",
    "monthly_carbon": "max",
    "monthly_water": "max",
    "sci": "max",
    "latency_p50": "max",
    "latency_p95": "max",
    "latency_p99": "max",
    "ttft_p50": "max",
    "ttft_p95": "max",
    "throughput": "min",
    "cold_start": "max",
    "cold_start_energy": "max",
    "model_size": "max",
    "request_size": "max",
    "response_size": "max",
    "egress_per_request": "max",
    "model_download_size": "max",
    "monthly_egress_cost": "max",
    "peak_memory": "max",
    "accuracy": "min",
    "output_agreement": "min",
    "success_rate": "min",
}
"""Every metric of the policy and the limit that a bare text sets; a copy, for the policy takes long to import."""

ENERGY = "energy_per_request"
OF_ENERGY = ("max", "max_increase", "min_delta", "level")
"""Keywords that are limits on the energy per request."""
KEYS = ("max", "min", "max_increase", "max_decrease", "min_delta", "level")
"""Keys of any metric's budget."""
LEVELS = ("off", "warn", "error")
SETTINGS: Mapping[str, tuple[type, str]] = {
    "part": (str, "the name of one of the test's parts"),
    "time": (str, "text such as '20 s'"),
    "strict": (bool, "True or False"),
    "threads": (int, "a whole number"),
    "units": (str, "what a request yields, such as 'tokens'"),
}
"""Keywords that are no limits."""

Limits = dict[str, dict[str, str]]
"""Texts by metric and key of its budget."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One marker.

    Attributes:
        limits: What it limits.
        settings: What else it says.
        own: Whether it is the test's own, rather than its class's or module's.
    """

    limits: Limits = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = True


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All markers of a test, the closest first: each key is decided by the closest that has it."""

    marks: tuple[Mark, ...]

    @property
    def is_own(self) -> bool:
        """Whether the test itself is marked."""
        return any(mark.own for mark in self.marks)

    def limits(self, part: str | None) -> Limits:
        """The limits on a part of the test."""
        return merged(mark.limits for mark in self._on(part))

    def setting(self, name: str, part: str | None) -> Any:  # noqa: ANN401 - a text, a number or a flag
        """What the markers say of a setting; `None` when nothing."""
        return next((mark.settings[name] for mark in self._on(part) if name in mark.settings), None)

    def _on(self, part: str | None) -> list[Mark]:
        return [mark for mark in self.marks if mark.settings.get("part") in {None, part}]

    def __str__(self) -> str:
        whole = merged(mark.limits for mark in self.marks if "part" not in mark.settings)
        texts = [words(whole)] if whole else []
        texts += [
            f"{mark.settings['part']}: {words(mark.limits)}"
            for mark in self.marks
            if "part" in mark.settings and mark.limits
        ]
        return "; ".join(texts)


def merged(layers: Iterable[Limits]) -> Limits:
    """Limits of several sources: each key from the first source that has it."""
    found: Limits = {}
    for layer in layers:
        for metric, budget in layer.items():
            mine = found.setdefault(metric, {})
            for key, text in budget.items():
                mine.setdefault(key, text)
    return found


def words(limits: Limits) -> str:
    """Limits for people: `energy per request max 0.5 mWh, max_increase 5 %`."""
    return "; ".join(
        f"{metric.replace('_', ' ')} {', '.join(f'{key} {text}' for key, text in budget.items())}"
        for metric, budget in limits.items()
    )


def read_marks(item: pytest.Item) -> Marks:
    """Read the markers of a test.

    Raises:
        pytest.UsageError: When one makes no sense; what a text means is the policy's to judge, when it is measured.
    """
    found = item.iter_markers_with_node("energy")
    try:
        return Marks(marks=tuple(_mark(marker, own=node is item) for node, marker in found))
    except ValueError as error:
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.energy: {error}") from None


def _mark(marker: pytest.Mark, *, own: bool) -> Mark:
    if marker.args:
        raise ValueError(f"write limits by name, for example max='0.5 mWh', not {marker.args[0]!r}")
    limits: Limits = {}
    settings = {}
    for key, value in marker.kwargs.items():
        if key in OF_ENERGY or key in ABSOLUTE_LIMITS:
            metric, budget = (
                (ENERGY, {key: _text(key, value)}) if key in OF_ENERGY else (key, _budget(key, value))
            )
            for name, text in budget.items():
                if name in limits.setdefault(metric, {}):
                    raise ValueError(f"{name} of {metric} is given twice")
                limits[metric][name] = text
        elif key in SETTINGS:
            settings[key] = _setting(key, value)
        else:
            raise ValueError(_unknown(key, (*OF_ENERGY, *ABSOLUTE_LIMITS, *SETTINGS)))
    return Mark(limits=limits, settings=settings, own=own)


def _budget(metric: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {ABSOLUTE_LIMITS[metric]: _text(metric, value)}
    if not value:
        raise ValueError(f"{metric} is given no limit")
    for key in value:
        if key not in KEYS:
            raise ValueError(f"{metric}: {_unknown(str(key), KEYS)}")
    return {key: _text(f"{metric}: {key}", text) for key, text in value.items()}


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} is a text with a unit, for example '0.5 mWh' or '5 %', not {value!r}")  # noqa: TRY004 - one kind of mistake
    if key.rpartition(" ")[2] == "level" and value not in LEVELS:
        raise ValueError(f"{key} is one of {', '.join(LEVELS)}, not {value!r}")
    return value


def _setting(key: str, value: object) -> object:
    kind, needed = SETTINGS[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{key} is {needed}, not {value!r}")
    return value


def _unknown(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"unknown {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")
