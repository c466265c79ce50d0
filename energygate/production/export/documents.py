"""The texts of exporters: YAML with comments beside the lines they explain, and JSON.

The same document always gives the same text: keys keep the order they are given in, and nothing is looked up.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MARK = "Made by energygate export"
"""In every exported file; only files that contain it are overwritten."""

WIDTH = 110
"""Characters of a line that a comment still fits beside; longer ones have it above."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""What readers of YAML 1.1 do not read as text, in any case."""

_PLAIN = re.compile(r"[A-Za-z/(][^\x85\u2028\u2029]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Noted:
    """A value and the comment that explains it.

    Attributes:
        value: Anything that `yaml_text` takes; one with a note of its own keeps both.
        note: One line; what is not printable in it is escaped. Where it comes from, such as `energygate.yml:12`.
    """

    value: Any
    note: str


def made_by(kind: str, source: str) -> str:
    """Return the first line of an exported file: `MARK`, the kind, and what it was made from."""
    return f"{MARK} {kind} from {printable(source)}. Edit that and export again."


def yaml_text(*documents: Any, heading: Sequence[str] = ()) -> str:  # noqa: ANN401 - whatever a system reads
    """Write documents as YAML that readers of 1.1 and 1.2 take alike.

    Args:
        documents: Mappings, lists, texts, numbers, booleans and `None`, and `Noted` around any of them.
        heading: Lines of comment above the first document.

    Returns:
        The text, with `---` between documents. Texts of several lines are blocks (`|`).

    Raises:
        TypeError: A document holds something else.
        ValueError: It holds a number that is not finite.
    """
    parts = ["\n".join(_node(one, "", "")) + "\n" for one in documents]
    return "".join(f"# {printable(line)}".rstrip() + "\n" for line in heading) + "---\n".join(parts)


def json_text(document: Any) -> str:  # noqa: ANN401 - whatever a system reads
    """Write a document as JSON with an indent of two, keys in the order given; UTF-8 throughout.

    Raises:
        ValueError: It holds a number that is not finite.
    """
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _node(value: Any, lead: str, indent: str) -> Iterator[str]:  # noqa: ANN401
    """Yield the lines of a value.

    Args:
        value: What to write.
        lead: What precedes it in its first line, such as `  key:` or `  - `.
        indent: What precedes each of its lines.
    """
    value, note = _without_note(value)
    if value and isinstance(value, dict):
        yield from _mapping(value, lead, indent, note)
    elif value and isinstance(value, (list, tuple)):
        yield from _list(value, lead, indent, note)
    elif isinstance(value, str) and _fits_block(value):
        keep = "" if value.endswith("\n") else "-"
        yield from _line(f"{_spaced(lead)}|{keep}", note)
        for line in value.removesuffix("\n").split("\n"):
            yield f"{indent}  {line}".rstrip()
    else:
        yield from _line(_spaced(lead) + _scalar(value), note)


def _mapping(value: Mapping[Any, Any], lead: str, indent: str, note: str) -> Iterator[str]:
    first = lead if lead.rstrip().endswith("-") else indent  # after a dash the first key stands beside it
    if lead and first is indent:
        yield from _line(lead, note)
    elif note:
        yield f"{indent[:-2] if lead else indent}# {note}"
    for key, one in value.items():
        yield from _node(one, f"{first}{_scalar(str(key))}:", indent + _step(one))
        first = indent


def _list(value: Sequence[Any], lead: str, indent: str, note: str) -> Iterator[str]:
    if lead:
        yield from _line(lead.rstrip(), note)
    elif note:
        yield f"{indent}# {note}"
    for one in value:
        yield from _node(one, f"{indent}- ", f"{indent}  ")


def _step(value: Any) -> str:  # noqa: ANN401
    """Return the extra indent of a key's value; blocks of text indent themselves."""
    bare, _ = _without_note(value)
    return "" if isinstance(bare, str) else "  "


def _line(text: str, note: str) -> Iterator[str]:
    if note and len(text) + 4 + len(note) > WIDTH:
        place = len(text) - len(text.lstrip(" "))
        yield f"{' ' * place}# {note}"
        note = ""
    yield f"{text}  # {note}" if note else text


def _without_note(value: Any) -> tuple[Any, str]:  # noqa: ANN401
    notes = []
    while isinstance(value, Noted):
        notes.append(printable(value.note))
        value = value.value
    return value, "; ".join(notes)


def _spaced(lead: str) -> str:
    return lead if not lead or lead.endswith(" ") else f"{lead} "


def _fits_block(text: str) -> bool:
    """Return whether a text of several lines survives a round trip as a block."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and bool(lines[0].strip())
        and not lines[0].startswith(" ")
        and bool(lines[-1].strip())
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )


def _scalar(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    if isinstance(value, (dict, list, tuple)):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"cannot write as YAML: {type(value).__name__}")


def _number(value: float) -> str:
    """Return all digits of a float; YAML 1.1 reads one without a point as text."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and text.isprintable()
        and text.casefold() not in _WORDS
        and not text.endswith((" ", ":"))
        and ": " not in text
        and " #" not in text
    )


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - the widths of YAML's escapes
