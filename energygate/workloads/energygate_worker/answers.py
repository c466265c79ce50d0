"""Collect answers outside the timed windows: their sizes in bytes, and what they say."""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile

from .errors import SELF_EXPLANATORY, TEXT_LIMIT, WorkloadError, describe_error, describe_failure, forked
from .input_arrays import save_arrays

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ADDRESS = r" at 0x[0-9a-fA-F]+>"
"""What the text of an object that says nothing of its own ends with."""


class Tally:
    """Bytes added up; nothing once one of them is not known."""

    def __init__(self) -> None:
        self.total: int | None = 0

    def add(self, size: int | None) -> None:
        """Count one more."""
        self.total = None if size is None or self.total is None else self.total + size


class AnswerCollector:
    """The answers to some requests.

    Args:
        workload: What answers them.
        tolerant: Whether requests that fail are left out; otherwise the first one is the end.
        keep: Whether what is answered is to be saved afterwards.
    """

    def __init__(self, workload: Any, *, tolerant: bool, keep: bool) -> None:
        self._workload = workload
        self._tolerant = tolerant
        self._keep = keep
        self._requests = self._answered = 0
        self._request, self._response, self._egress = Tally(), Tally(), Tally()
        self._parts: dict[str, list[Any]] = {}
        self._trouble: Exception | None = None

    def collect(self, feeds: Iterable[Any]) -> AnswerCollector:
        """Answer a request per feed.

        Raises:
            Trouble: When one fails and that is not tolerated.
        """
        for number, feed in enumerate(feeds, 1):
            self._requests += 1
            self._request.add(self._workload.request_bytes(feed))
            try:
                answer, response_bytes, egress_bytes = self._workload.weigh(feed)
                parts = self._workload.named(answer)
            except BaseException as error:
                if forked:
                    raise
                self._failed(number, error)
                continue
            self._answered += 1
            self._response.add(response_bytes)
            self._egress.add(egress_bytes)
            if self._keep and self._trouble is None:
                self._gather(number, parts)
        return self

    def told(self) -> dict[str, Any]:
        """How many requests there were, how many were answered, and the bytes of all of them together."""
        return {
            "requests": self._requests,
            "answered": self._answered,
            "request_bytes": self._request.total,
            "response_bytes": self._response.total,
            "egress_bytes": self._egress.total,
        }

    def save(self, path: str) -> int:
        """Write the answers as .npz; returns how many they are.

        Raises:
            Trouble: When they cannot be collected in arrays, or a request has failed.
        """
        if self._trouble is not None:
            raise self._trouble
        if self._workload.answers_text:
            save_texts(path, {"text": self._parts.get("text", [])})
            return self._answered
        ragged = [name for name, values in self._parts.items() if len({one.shape for one in values}) > 1]
        if ragged:
            raise WorkloadError(
                "answers differ in shape from request to request: %s" % ", ".join(sorted(ragged))
            )
        import numpy

        save_arrays(path, {name: _plain(numpy.stack(values)) for name, values in self._parts.items()})
        return self._answered

    def _failed(self, number: int, error: BaseException) -> None:
        trouble = WorkloadError(describe_failure(number, error))
        trouble.__cause__ = None if isinstance(error, SELF_EXPLANATORY) else error
        if not self._tolerant or not isinstance(error, Exception):
            raise trouble
        self._trouble = self._trouble or trouble

    def _gather(self, number: int, parts: dict[str, Any]) -> None:
        """Keep the parts of an answer; what cannot be kept is trouble for whoever wants them saved."""
        try:
            for name, value in parts.items():
                kept = value
                if not self._workload.answers_text:
                    kept = _array(value, "answer %r to request %d" % (name, number))
                self._parts.setdefault(name, []).append(kept)
        except Exception as error:
            self._trouble = error
            self._parts.clear()


def _array(value: Any, what: str) -> Any:
    """A part of an answer as an array.

    Raises:
        Trouble: When it cannot be one, or would be equal to nothing but itself.
    """
    import numpy

    try:
        array = numpy.asarray(_on_host(value))
        texts = map(str, array.flat) if array.dtype == object else ()
        nameless = next((one for one in texts if re.search(ADDRESS, one)), None)
    except Exception as error:
        raise WorkloadError("%s cannot be made an array: it %s" % (what, describe_error(error))) from error
    if nameless is not None:
        raise WorkloadError("%s cannot be compared with another: %s" % (what, nameless[:TEXT_LIMIT]))
    return array


def _on_host(value: Any) -> Any:
    """A torch tensor in host memory and without gradients; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _plain(values: Any) -> Any:
    """Strings as fixed-width unicode: object arrays would need pickle to be read again."""
    return values.astype("U") if values.dtype == object else values


LONGEST = 2000
"""Longer texts are kept by their beginning and their digest: they are only ever compared for equality."""


def save_texts(path: Any, columns: dict[str, list[str]]) -> None:
    """Write an .npz file of one unicode array per column."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, texts in columns.items():
            archive.writestr(name + ".npy", _npy_bytes([_shortened(text) for text in texts]))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return "%s ... sha256:%s" % (text[:LONGEST], hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())


def _npy_bytes(texts: list[str]) -> bytes:
    """The texts in the .npy format, version 1.0: numpy.lib.format."""
    width = max([1, *map(len, texts)])
    header = "{'descr': '<U%d', 'fortran_order': False, 'shape': (%d,), }" % (width, len(texts))
    header += " " * (-(len(header) + 11) % 64) + "\n"  # 10 bytes before it and its line's end
    begin = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1")
    return begin + b"".join(text.encode("utf-32-le", "replace").ljust(4 * width, b"\0") for text in texts)
