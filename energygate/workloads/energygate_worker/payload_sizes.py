"""How many bytes a request's inputs take, and an answer: as they are, not as Python holds them."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


def arrays_bytes(feed: dict[str, Any]) -> int | None:
    """Bytes of the arrays that one call takes; `None` where it takes none, or they are of Python objects."""
    return _sum([_array_bytes(values) for values in feed.values()]) if feed else None


def answer_bytes(answer: Any) -> int | None:
    """Bytes of an answer's payload; `None` where nothing says how it would be sent.

    Bytes and text (in UTF-8) count as they are, arrays by what they hold, and what JSON can hold as compact JSON.
    A mapping, list or tuple that JSON cannot hold, since there is an array in it, say, counts what its parts do.
    """
    try:
        return None if answer is None else _bytes(answer)
    except Exception:  # its methods are the user's code
        return None


def _bytes(value: Any) -> int | None:
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if isinstance(value, str):
        return _text_bytes(value)
    array = _array_bytes(value)
    if array is not None:
        return array
    try:
        return _text_bytes(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except (TypeError, ValueError):
        parts = value.values() if isinstance(value, Mapping) else value
        return _sum([_bytes(part) for part in parts]) if isinstance(value, (Mapping, list, tuple)) else None


def _array_bytes(value: Any) -> int | None:
    """Bytes of what an array holds, numpy's, torch's or a memoryview; `None` for anything else."""
    if getattr(getattr(value, "dtype", None), "kind", None) in {"O", "U", "S"}:
        return _sum([_element_bytes(one) for one in value.flat])  # without padding, and no pointers
    if hasattr(value, "nbytes"):
        return operator.index(value.nbytes)
    if hasattr(value, "numel") and hasattr(value, "element_size"):  # torch before 2.0
        return operator.index(value.numel() * value.element_size())
    return None


def _element_bytes(element: Any) -> int | None:
    if isinstance(element, str):
        return _text_bytes(element)
    return len(element) if isinstance(element, bytes) else None


def _text_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _sum(sizes: list[int | None]) -> int | None:
    """Their sum; `None` where one is not known."""
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
