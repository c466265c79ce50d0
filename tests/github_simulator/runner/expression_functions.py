"""The functions of the `${{ }}` language: the pure ones, and `hashFiles`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.expression_values import Value, equal, to_json, to_text, truthy
from github_simulator.runner.glob_patterns import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def contains(search: Value, item: Value) -> bool:
    """Look for an element of a list, or for a part of a text; neither minds the case."""
    if isinstance(search, list):
        return any(equal(one, item) for one in search)
    if isinstance(search, Mapping) or isinstance(item, list | Mapping):
        return False
    return to_text(item).upper() in to_text(search).upper()


def starts_with(search: Value, value: Value) -> bool:
    """Compare beginnings, whatever the case."""
    return _no_collections(search, value) and to_text(search).upper().startswith(to_text(value).upper())


def ends_with(search: Value, value: Value) -> bool:
    """Compare ends, whatever the case."""
    return _no_collections(search, value) and to_text(search).upper().endswith(to_text(value).upper())


def _no_collections(*values: Value) -> bool:
    return not any(isinstance(value, list | Mapping) for value in values)


def formatted(template: Value, *values: Value) -> str:
    """Put values where `{0}`, `{1}`, ... stand; `{{` and `}}` are braces.

    Raises:
        ExpressionError: For other braces, and for places that have no value.
    """

    def put(match: re.Match[str]) -> str:
        found = match[0]
        if found in {"{{", "}}"}:
            return found[0]
        place = found[1:-1]
        if not place.isdigit():
            raise ExpressionError(f"format: {to_text(template)!r} has a brace that stands for nothing")
        if int(place) >= len(values):
            raise ExpressionError(f"format: {to_text(template)!r} has no value for {found}")
        return to_text(values[int(place)])

    return re.sub(r"\{\{|\}\}|\{\d+\}|[{}]", put, to_text(template))


def join(values: Value, separator: Value = ",") -> str:
    """Join a list's texts; anything else is its own text."""
    if isinstance(values, list):
        return to_text(separator).join(to_text(value) for value in values)
    return "" if isinstance(values, Mapping) else to_text(values)


def from_json(text: Value) -> Value:
    """Read JSON.

    Raises:
        ExpressionError: When it is none, the empty text included.
    """
    try:
        return json.loads(to_text(text))
    except ValueError as error:
        raise ExpressionError(f"fromJSON: {to_text(text)[:80]!r} is not JSON: {error}") from None


def case(*arguments: Value) -> Value:
    """Return what follows the first predicate that is true, or else the last argument.

    Raises:
        ExpressionError: For an even number of arguments, and for a predicate that is no boolean.
    """
    if len(arguments) % 2 == 0:
        raise ExpressionError("case: it takes pairs of predicate and value, then a default")
    for predicate, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
        if not isinstance(predicate, bool):
            raise ExpressionError(f"case: {to_text(predicate)!r} is neither true nor false")
        if truthy(predicate):
            return value
    return arguments[-1]


def hash_files(workspace: Path, *patterns: Value) -> str:
    """Hash what patterns match below the workspace, `!` taking out again; empty when nothing matches."""
    files = sorted(path for path in workspace.rglob("*") if path.is_file())
    found: dict[Path, None] = {}
    for line in (line.strip() for pattern in patterns for line in to_text(pattern).splitlines() if line.strip()):
        wanted = line.removeprefix("!")
        for path in (one for one in files if matches_pattern(one.relative_to(workspace).as_posix(), wanted)):
            if line.startswith("!"):
                found.pop(path, None)
            else:
                found[path] = None
    if not found:
        return ""
    whole = hashlib.sha256()
    for path in found:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


ANYWHERE: dict[str, tuple[Callable[..., Value], int, int]] = {
    "contains": (contains, 2, 2),
    "startswith": (starts_with, 2, 2),
    "endswith": (ends_with, 2, 2),
    "format": (formatted, 1, 255),
    "join": (join, 1, 2),
    "tojson": (to_json, 1, 1),
    "fromjson": (from_json, 1, 1),
    "case": (case, 3, 255),
}
"""By name in lower case: the function, and how few and how many arguments it takes."""
