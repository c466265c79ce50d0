"""The parser of the `${{ }}` language; `expressions` evaluates its trees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from github_simulator.runner.expression_values import Value, parse_number


class ExpressionError(Exception):
    """An expression that GitHub would refuse, or whose misspelling GitHub would take for an empty text."""


@dataclass(frozen=True)
class Literal:
    """A number, a text, `true`, `false` or `null`."""

    value: Value


@dataclass(frozen=True)
class Name:
    """A context, such as `github`."""

    name: str


@dataclass(frozen=True)
class Access:
    """`of.key` or `of[key]`."""

    of: Node
    key: Node


@dataclass(frozen=True)
class Each:
    """`of.*` or `of[*]`: all that is in there."""

    of: Node


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """`!of`."""

    of: Node


@dataclass(frozen=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


Node: TypeAlias = Literal | Name | Access | Each | Call | Not | Binary

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w]))
    | (?P<string>'(?:[^']|'')*')
    | (?P<word>[A-Za-z_][\w-]*)
    | (?P<operator>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*])
    )""",
    re.VERBOSE,
)

_WORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}

_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
"""Operators by how loosely they bind."""


def parse(text: str) -> Node:
    """Read one expression, without its `${{` and `}}`.

    Raises:
        ExpressionError: When it is not in the language.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._at < len(self._tokens):
            raise self._wrong(f"nothing may follow before {self._tokens[self._at][1]!r}")
        return node

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._not()
        left = self._level(level + 1)
        while self._next() in _LEVELS[level]:
            operator = self._take()
            left = Binary(operator, left, self._level(level + 1))
        return left

    def _not(self) -> Node:
        if self._next() == "!":
            self._take()
            return Not(self._not())
        return self._accessed()

    def _accessed(self) -> Node:
        node = self._value()
        while self._next() in {".", "["}:
            if self._take() == ".":
                kind, text = self._any()
                if text != "*" and kind != "word":
                    raise self._wrong(f"{text!r} is no property's name")
                node = Each(node) if text == "*" else Access(node, Literal(text))
            elif self._next() == "*":
                self._take()
                self._expect("]")
                node = Each(node)
            else:
                node = Access(node, self._level(0))
                self._expect("]")
        return node

    def _value(self) -> Node:
        kind, text = self._any()
        if kind == "string":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(parse_number(text))
        if kind == "word":
            if self._next() == "(":
                return Call(text, self._arguments())
            return Literal(_WORDS[text]) if text in _WORDS else Name(text)
        if text == "(":
            node = self._level(0)
            self._expect(")")
            return node
        raise self._wrong(f"{text!r} stands where a value should")

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        if self._next() == ")":
            self._take()
            return ()
        found = [self._level(0)]
        while self._next() == ",":
            self._take()
            found.append(self._level(0))
        self._expect(")")
        return tuple(found)

    def _next(self) -> str | None:
        """Return the operator that comes next; `None` for anything else."""
        if self._at == len(self._tokens):
            return None
        kind, text = self._tokens[self._at]
        return text if kind == "operator" else None

    def _any(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise self._wrong("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self) -> str:
        return self._any()[1]

    def _expect(self, operator: str) -> None:
        if self._next() != operator:
            raise self._wrong(f"{operator!r} is missing")
        self._take()

    def _wrong(self, what: str) -> ExpressionError:
        return ExpressionError(f"{self._text.strip()}: {what}")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise ExpressionError(f"{text.strip()}: cannot read {stripped[at:].strip()!r}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found
