"""Values of the `${{ }}` language, and GitHub's conversions between their types."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""`None`, bool, a number, a text, a list, or a mapping from texts."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Known(dict[str, Value]):
    """A context of which every name is known: asking for another one is a mistake, not an empty text.

    Args:
        what: What it is called in the error, such as `inputs`.
        values: What is in there.
        others: Names that may be asked for and have no value now.
    """

    def __init__(self, what: str, values: Mapping[str, Value], others: Sequence[str] = ()) -> None:
        super().__init__(values)
        self.what = what
        self.others = tuple(others)


class Filtered(list[Value]):
    """What `.*` gave: a property of it is that property of each."""


def is_number(value: Value) -> bool:
    """Tell numbers from everything else; in Python a bool is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_number(text: str) -> float:
    """Read a text as GitHub does: the empty one is 0, what is no number is NaN."""
    text = text.strip()
    if not text:
        return 0
    if re.fullmatch(r"[-+]?0x[0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[-+]?0o[0-7]+", text):
        return int(text, 8)
    if text.lstrip("+-") == "Infinity":
        return -math.inf if text.startswith("-") else math.inf
    if not _NUMBER.fullmatch(text):
        return math.nan
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_number(value: Value) -> float:
    """Turn any value into a number, for comparisons of unlike kinds."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return float(value)
    return parse_number(value) if isinstance(value, str) else math.nan


def to_text(value: Value) -> str:
    """Turn any value into a text, as where an expression stands amid one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return _number_text(float(value))
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping) else "Array"


def _number_text(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return "0" if number == 0 else f"{number:.15g}".upper()


def truthy(value: Value) -> bool:
    """Tell what counts as true; empty lists and mappings do."""
    if is_number(value):
        return not (value == 0 or math.isnan(value))
    return not (value is None or value is False or value == "")


def equal(left: Value, right: Value) -> bool:
    """Compare with `==`: unlike kinds as numbers, texts whatever their case, lists and mappings by identity."""
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if isinstance(left, list | Mapping) and isinstance(right, list | Mapping):
        return left is right
    if left is None and right is None:
        return True
    return to_number(left) == to_number(right)


def less(left: Value, right: Value) -> bool:
    """Compare with `<`: two texts by their characters whatever their case, everything else as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() < right.upper()
    return to_number(left) < to_number(right)


def to_json(value: Value) -> str:
    """Write a value as `toJSON` does; whole numbers without a point."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def _plain(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
