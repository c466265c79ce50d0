"""The evaluator of `${{ }}`: contexts, operators with GitHub's conversions, functions, and conditions.

Two things are stricter than on GitHub, so that tests find what GitHub treats as an empty text: a name that
a `Known` context does not have, and an `if:` that mixes `${{ }}` with text and so is always true.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from github_simulator.runner.expression_functions import ANYWHERE, hash_files
from github_simulator.runner.expression_syntax import (
    Access,
    Binary,
    Call,
    Each,
    ExpressionError,
    Literal,
    Name,
    Node,
    Not,
    parse,
)
from github_simulator.runner.expression_values import (
    Filtered,
    Known,
    Value,
    equal,
    less,
    to_number,
    to_text,
    truthy,
)

if TYPE_CHECKING:
    from pathlib import Path

STATUS_FUNCTIONS = frozenset({"success", "failure", "cancelled", "always"})
"""Only in conditions; one of them in a condition replaces the implicit `success()`."""

_BEGIN = "${{"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may use where it stands.

    Attributes:
        contexts: By name; GitHub offers others at other places, and refuses a name that is not offered.
        status: The status functions, where a condition stands; otherwise empty.
        workspace: Where `hashFiles` looks; `None` where it is not offered.
    """

    contexts: Mapping[str, Value]
    status: Mapping[str, Callable[[], bool]] = field(default_factory=dict)
    workspace: Path | None = None


def evaluate(text: str, scope: Scope) -> Value:
    """Evaluate one expression, without its `${{` and `}}`.

    Raises:
        ExpressionError: When GitHub would refuse it, or it asks for a name that is not there.
    """
    return _value(_parsed(text), scope)


_parsed = functools.lru_cache(maxsize=4096)(parse)


def interpolate(text: str, scope: Scope) -> Value:
    """Evaluate the `${{ }}` of a text: a text that is only one gives its value, any other gives a text.

    Raises:
        ExpressionError: As `evaluate` does.
    """
    parts = _split(text)
    if len(parts) == 1 and parts[0][0]:
        return evaluate(parts[0][1], scope)
    return "".join(_as_text(evaluate(part, scope), part) if is_expression else part for is_expression, part in parts)


def interpolate_text(text: str, scope: Scope) -> str:
    """Evaluate where GitHub takes texts only, as in `env` and `with`."""
    return _as_text(interpolate(text, scope), text)


def interpolate_all(value: Value, scope: Scope) -> Value:
    """Evaluate every text in a tree of YAML, names of mappings included."""
    if isinstance(value, Mapping):
        return {
            _as_text(interpolate_all(name, scope), name): interpolate_all(inner, scope) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [interpolate_all(inner, scope) for inner in value]
    return interpolate(value, scope) if isinstance(value, str) else value


def holds(condition: Value, scope: Scope) -> bool:
    """Judge an `if:`; without a status function in it, everything before must have succeeded too.

    Raises:
        ExpressionError: As `evaluate` does, and for a text around `${{ }}`: GitHub takes that for true.
    """
    text = "" if condition is None else to_text(condition).strip()
    parts = _split(text)
    if any(is_expression for is_expression, _ in parts):
        if len(parts) > 1:
            raise ExpressionError(f"if: {text}: with text around its ${{{{ }}}} it is always true")
        text = parts[0][1]
    if not text.strip():
        text = "success()"
    node = _parsed(text)
    if not STATUS_FUNCTIONS & set(_called(node)):
        node = Binary("&&", Call("success", ()), node)
    return truthy(_value(node, scope))


def references(text: str) -> list[str]:
    """List the expressions of a text, without `${{` and `}}`."""
    return [part.strip() for is_expression, part in _split(text) if is_expression]


def _split(text: str) -> list[tuple[bool, str]]:
    """Split into plain text and expressions; a `}}` within quotes does not end one."""
    parts, at = [], 0
    while (begin := text.find(_BEGIN, at)) >= 0:
        if begin > at:
            parts.append((False, text[at:begin]))
        found = re.compile(r"(?:'(?:[^']|'')*'|(?!\}\})[^'])*\}\}").match(text, begin + len(_BEGIN))
        if found is None:
            raise ExpressionError(f"{text[begin:]!r} does not end")
        parts.append((True, found[0][:-2]))
        at = found.end()
    if at < len(text):
        parts.append((False, text[at:]))
    return parts


def _as_text(value: Value, where: Value) -> str:
    if isinstance(value, list | Mapping):
        raise ExpressionError(f"{to_text(where).strip()}: a text is expected here; toJSON makes one")
    return to_text(value)


def _called(node: Node) -> list[str]:
    match node:
        case Call(name, arguments):
            return [name.lower(), *(inner for one in arguments for inner in _called(one))]
        case Not(of) | Each(of):
            return _called(of)
        case Access(left, right) | Binary(_, left, right):
            return [*_called(left), *_called(right)]
    return []


def _value(node: Node, scope: Scope) -> Value:  # noqa: PLR0911 - one line for each kind of node
    match node:
        case Literal(value):
            return value
        case Name(name):
            return _context(name, scope)
        case Not(of):
            return not truthy(_value(of, scope))
        case Each(of):
            return _each(_value(of, scope))
        case Access(of, key):
            return _property(_value(of, scope), _value(key, scope))
        case Call(name, arguments):
            return _call(name, [_value(one, scope) for one in arguments], scope)
        case Binary("&&" | "||" as operator, left, right):
            value = _value(left, scope)
            return _value(right, scope) if truthy(value) == (operator == "&&") else value
        case Binary(operator, left, right):
            return _compared(operator, _value(left, scope), _value(right, scope))


def _context(name: str, scope: Scope) -> Value:
    for known, value in scope.contexts.items():
        if known.lower() == name.lower():
            return value
    offered = ", ".join(sorted(scope.contexts)) or "none"
    raise ExpressionError(f"there is no context {name} here; GitHub offers {offered}")


def _property(of: Value, key: Value) -> Value:
    if isinstance(of, Filtered):
        inner = [_property(one, key) for one in of]
        return Filtered(one for one in inner if one is not None)
    if isinstance(of, Mapping):
        wanted = to_text(key)
        for name, value in of.items():
            if name.lower() == wanted.lower():
                return value
        if isinstance(of, Known) and wanted.lower() not in {name.lower() for name in of.others}:
            names = ", ".join([*of, *of.others]) or "nothing"
            raise ExpressionError(f"{of.what} has no {wanted}; it has {names}")
    if isinstance(of, list):
        index = to_number(key)
        return of[int(index)] if 0 <= index < len(of) and index == int(index) else None
    return None


def _each(of: Value) -> Filtered:
    if isinstance(of, Filtered):
        return Filtered(inner for one in of for inner in _each(one))
    if isinstance(of, Mapping):
        return Filtered(of.values())
    return Filtered(of if isinstance(of, list) else ())


def _call(name: str, arguments: list[Value], scope: Scope) -> Value:
    lower = name.lower()
    if lower in STATUS_FUNCTIONS:
        if lower not in scope.status:
            raise ExpressionError(f"{name}() is for conditions only")
        if arguments:
            raise ExpressionError(f"{name}() takes nothing")
        return scope.status[lower]()
    if lower == "hashfiles" and scope.workspace is not None:
        return hash_files(scope.workspace, *arguments)
    if lower not in ANYWHERE:
        raise ExpressionError(f"there is no function {name} here")
    function, fewest, most = ANYWHERE[lower]
    if not fewest <= len(arguments) <= most:
        raise ExpressionError(f"{name} takes {fewest} to {most} arguments, not {len(arguments)}")
    return function(*arguments)


def _compared(operator: str, left: Value, right: Value) -> bool:
    if operator in {"==", "!="}:
        return equal(left, right) == (operator == "==")
    if operator.startswith(">"):
        left, right = right, left
    return less(left, right) or (operator.endswith("=") and equal(left, right))
