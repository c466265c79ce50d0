"""The names that an expression refers to, found without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from github_simulator.runner.expression_syntax import (
    Access,
    Binary,
    Call,
    Each,
    Literal,
    Name,
    Node,
    Not,
    parse,
)
from github_simulator.runner.expressions import references


def names_used(tree: Any, context: str) -> set[str]:
    """Return the names that all `${{ }}` and all `if:` of a tree ask a context for, such as `inputs`."""
    return {
        str(node.key.value)
        for text in _expressions(tree)
        for node in _nodes(parse(text))
        if isinstance(node, Access)
        and isinstance(node.of, Name)
        and isinstance(node.key, Literal)
        and node.of.name.lower() == context
    }


def _expressions(tree: Any) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for name, inner in tree.items():
            bare = name == "if" and isinstance(inner, str) and not references(inner)
            yield from [inner] if bare else _expressions(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _expressions(inner)
    elif isinstance(tree, str):
        yield from references(tree)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Not(of) | Each(of):
            yield from _nodes(of)
        case Access(left, right) | Binary(_, left, right):
            yield from _nodes(left)
            yield from _nodes(right)
        case Call(_, arguments):
            for one in arguments:
                yield from _nodes(one)
