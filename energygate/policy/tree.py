"""YAML for policies: text stays text, every key has a line, and surprising features are refused.

PyYAML's own constructor reads `level: off` and `NO` as false, keeps the last of two equal keys, and expands a
"billion laughs" until memory runs out. So the tree is built here from the parser's events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from energygate.errors import PolicyError
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NODES = 10_000
MAX_DEPTH = 32
_MAX_SENTENCE = 200  # a sentence quotes the file, whose values may be long
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# Control characters other than tab and line feed, and lone surrogates: terminals, paths and runtimes choke on them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_QUOTE_IT = "Put quotes around a value that begins with a special character, such as '@ml'"
_HINTS = {
    "'\\t'": "Indent with spaces; YAML does not take tabs",
    "cannot start any token": _QUOTE_IT,
    "scanning an alias": _QUOTE_IT,
    "mapping values are not allowed": "Check the indentation; quote a value that contains ': '",
    "undefined alias": "Define it with & above its first use",
}


@dataclass(kw_only=True, slots=True)
class YamlNode:
    """One value of the file, its line, and its size with aliases expanded."""

    line: int
    value: str | list[YamlNode] | dict[str, tuple[int, YamlNode]] | None = None
    """Text, a list, a mapping from keys to their line and value; `None` for an empty value."""
    size: int = 1
    """Number of values in it, aliases expanded."""
    depth: int = 1
    """Nesting levels in it, aliases expanded."""

    def enclose(self, child: YamlNode) -> None:
        """Add `child` to the size and depth."""
        self.size += child.size
        self.depth = max(self.depth, 1 + child.depth)


def read_tree(text: str, source: str) -> YamlNode | None:
    """Read a YAML document.

    Args:
        text: The document.
        source: Its name, for errors.

    Returns:
        The root; `None` for an empty document.

    Raises:
        PolicyError: It is not YAML, or it has a second document, tags, duplicate keys, keys that are not text, or
            more than `MAX_NODES` values or `MAX_DEPTH` levels (aliases expanded).
    """
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(
            f"the character U+{ord(text[error.position]):04X} is not allowed in a text file",
            where=source,
            line=line,
            hint="Remove it, or save the file as UTF-8",
        ) from None
    try:
        return _Reader(loader, source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _not_yaml(error, source, mark.line + 1 if mark else 1) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF": PyYAML passes the number to chr() unchecked.
        impossible = ValueError("an escape names a character that does not exist")
        raise _not_yaml(impossible, source, loader.line + 1) from None
    finally:
        loader.dispose()


def unfold(root: YamlNode) -> tuple[Any, Mapping[tuple[str | int, ...], int]]:
    """Return a tree as plain dicts, lists and texts, and the line of every path in it."""
    lines: dict[tuple[str | int, ...], int] = {(): root.line}

    def plain(node: YamlNode, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - whatever the file holds
        if isinstance(node.value, dict):
            lines.update({(*path, key): line for key, (line, _) in node.value.items()})
            return {key: plain(value, (*path, key)) for key, (_, value) in node.value.items()}
        if isinstance(node.value, list):
            lines.update({(*path, index): item.line for index, item in enumerate(node.value)})
            return [plain(item, (*path, index)) for index, item in enumerate(node.value)]
        return node.value

    return plain(root, ()), lines


class _Reader:
    """Builds the tree while the text is parsed, so that an alias bomb is refused before it expands."""

    def __init__(self, loader: yaml.SafeLoader, source: str) -> None:
        self._loader = loader
        self._source = source
        self._nodes = 0
        self._anchors: dict[str, YamlNode | None] = {}

    def document(self) -> YamlNode | None:
        self._next()  # the stream starts
        if self._loader.check_event(yaml.StreamEndEvent):
            return None
        self._next()  # the document starts
        root = self._node(depth=1)
        self._next()  # the document ends
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error("a second document begins here", after, "A policy is one document; remove the ---")
        return None if root.value is None else root

    def _node(self, *, depth: int) -> YamlNode:
        event = self._next()
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, depth=depth)
        self._count(event, values=1, depth=depth)
        if event.tag is not None:
            raise self._error(f"the tag {event.tag} is not allowed in a policy", event, "Remove it")
        if event.anchor:
            self._anchors[event.anchor] = None  # until its value ends: an alias inside it would be infinite
        node = YamlNode(line=_line(event))
        if isinstance(event, yaml.ScalarEvent):
            node.value = self._text(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node.value = self._items(node, depth=depth + 1)
        else:
            node.value = self._entries(node, depth=depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _items(self, node: YamlNode, *, depth: int) -> list[YamlNode]:
        items = []
        while not self._loader.check_event(yaml.SequenceEndEvent):
            items.append(self._node(depth=depth))
            node.enclose(items[-1])
        self._next()
        return items

    def _entries(self, node: YamlNode, *, depth: int) -> dict[str, tuple[int, YamlNode]]:
        entries: dict[str, tuple[int, YamlNode]] = {}
        merged: dict[str, tuple[int, YamlNode]] = {}
        seen: dict[str, int] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            event = self._peek()
            key = self._key(depth=depth)
            value = self._node(depth=depth)
            if key in seen:
                twice = f"'{key}' is given twice, here and on line {seen[key]}"
                raise self._error(twice, event, "Keep one of the two")
            seen[key] = _line(event)
            if key == "<<":
                merged = self._merged(value, event)
            else:
                entries[key] = (seen[key], value)
        self._next()
        entries = {**merged, **entries}
        for _, value in entries.values():
            node.enclose(value)
        return entries

    def _key(self, *, depth: int) -> str:
        event = self._peek()
        node = self._node(depth=depth)
        if not isinstance(node.value, str):
            what = "a key is empty" if node.value is None else "a key must be text, not a list or mapping"
            raise self._error(what, event, "Write key: value")
        return node.value

    def _merged(self, value: YamlNode, event: yaml.Event) -> dict[str, tuple[int, YamlNode]]:
        """Return the entries that `<<` merges; of equal keys the first mapping wins."""
        merged: dict[str, tuple[int, YamlNode]] = {}
        for node in value.value if isinstance(value.value, list) else [value]:
            if not isinstance(node.value, dict):
                raise self._error("<< can only merge a mapping", event, "Write <<: *name_of_a_mapping")
            merged = {**node.value, **merged}
        return merged

    def _aliased(self, event: yaml.AliasEvent, *, depth: int) -> YamlNode:
        if event.anchor not in self._anchors:
            hint = "Define it with & above its first use, or put quotes around the value"
            raise self._error(f"*{event.anchor} is not defined", event, hint)
        node = self._anchors[event.anchor]
        if node is None:
            raise self._error(f"*{event.anchor} contains itself", event, "Write the value out")
        self._count(event, values=node.size, depth=depth + node.depth - 1)
        return node

    def _text(self, event: yaml.ScalarEvent) -> str | None:
        plain = event.implicit[0]
        if plain and event.value in _NULLS:
            return None
        match = _UNPRINTABLE.search(event.value)
        if match:
            what = f"a value contains the character U+{ord(match[0]):04X}, which is unprintable"
            raise self._error(what, event, "Remove it")
        return str(event.value)

    def _count(self, event: yaml.Event, *, values: int, depth: int) -> None:
        self._nodes += values
        if self._nodes > MAX_NODES:
            what = f"the file has more than {MAX_NODES:,} values with its aliases expanded"
            raise self._error(what, event, "Write fewer aliases, or split the policy")
        if depth > MAX_DEPTH:
            raise self._error(f"values are nested more than {MAX_DEPTH} levels deep", event, "Reduce the nesting")

    def _next(self) -> Any:  # noqa: ANN401 - an event; PyYAML's stubs leave these two untyped
        return self._loader.get_event()  # type: ignore[no-untyped-call]

    def _peek(self) -> Any:  # noqa: ANN401 - the same
        return self._loader.peek_event()  # type: ignore[no-untyped-call]

    def _error(self, what: str, event: yaml.Event, hint: str) -> PolicyError:
        return PolicyError(printable(what, max_length=_MAX_SENTENCE), where=self._source, line=_line(event), hint=hint)


def _line(event: yaml.Event) -> int:
    return 1 + (event.start_mark.line if event.start_mark else 0)


def _not_yaml(error: Exception, source: str, line: int) -> PolicyError:
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    message = f"{getattr(error, 'context', None) or ''} {problem}"
    hint = next((hint for part, hint in _HINTS.items() if part in message), "Check indentation, colons and quotes")
    return PolicyError(f"this is not YAML: {problem}", where=source, line=line, hint=hint)
