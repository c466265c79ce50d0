"""What every kind of workload offers to the worker, and how many bytes its requests and answers are."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class LoadedWorkload:
    """A workload that has been loaded.

    Attributes:
        inputs: Names, types and shapes of a call's inputs; `None` if they are unknown.
        outputs: The same for its outputs.
        origin: The file that its code was imported from; `None` if there is none.
        versions: Versions of the libraries that serve it.
        counts_own_cpu: Whether the CPU time of this process counts; otherwise only that of its children does.
        observes: Whether to call `observe` after each call.
        takes_requests: Whether its inputs are requests, read by `feeds_of`, instead of arrays.
        answers_text: Whether answers are texts, which can be written without numpy.
        requests: How many requests a call serves, if the workload itself decides that.
    """

    inputs: Any = None
    outputs: Any = None
    origin: str | None = None
    versions: dict[str, str]
    counts_own_cpu = True
    observes = False
    takes_requests = False
    answers_text = False
    requests = 1

    def serve(self, feed: Any) -> Any:
        """Answer one call."""
        raise NotImplementedError

    def loop(self, feeds: Iterator[Any], append: Callable[[int], None], clock: Callable[[], int]) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        serve = self.serve
        for feed in feeds:
            serve(feed)
            append(clock())

    def observe(self, answer: Any) -> tuple[float, int]:
        """Return how many units an answer yielded, and when its first piece arrived (0 if it was not streamed)."""
        raise NotImplementedError

    def request_bytes(self, feed: Any) -> int | None:
        """Return the bytes of one call's inputs; `None` if they are unknown."""
        return total([_array_bytes(values) for values in feed.values()]) if feed else None

    def weigh(self, feed: Any) -> tuple[Any, int | None, int | None]:
        """Answer one call, untimed; return the answer, its bytes, and the bytes that leave the machine with it.

        Sizes are `None` if unknown. Without a network in between only the answer itself leaves.
        """
        answer = self.serve(feed)
        size = answer_bytes(answer)
        return answer, size, size

    def named(self, answer: Any) -> dict[str, Any]:
        """Return the parts of an answer by name."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop what the workload has started; what runs in this process ends with it."""


def total(sizes: list[int | None]) -> int | None:
    """Return the sum of sizes; `None` if one is unknown."""
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def answer_bytes(answer: Any) -> int | None:
    """Return the bytes of an answer's payload; `None` if nothing says how it would be sent.

    Bytes and text (in UTF-8) count as they are, arrays by their content, and what JSON can represent as compact JSON.
    Another mapping, list or tuple, for example with an array in it, counts the sum of its parts.
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
        return total([_bytes(part) for part in parts]) if isinstance(value, (Mapping, list, tuple)) else None


def _array_bytes(value: Any) -> int | None:
    """Return the bytes of an array's content, of numpy, torch or a memoryview; `None` for anything else."""
    if getattr(getattr(value, "dtype", None), "kind", None) in {"O", "U", "S"}:
        return total([_element_bytes(one) for one in value.flat])  # without padding, and no pointers
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
