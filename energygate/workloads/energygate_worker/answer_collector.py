"""Collect answers outside the timed windows: their sizes in bytes, and what they say."""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile

from .errors import MAX_MESSAGE_LENGTH, SELF_EXPLANATORY, WorkloadError, describe_error, describe_failure, forked
from .input_arrays import save_arrays
from .loaded_workload import total

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ADDRESS = r" at 0x[0-9a-fA-F]+>"
"""End of the default text of an object, which differs in every process."""

MAX_TEXT_LENGTH = 2000
"""Of longer texts only the beginning and a digest are kept: they are only compared for equality."""


class AnswerCollector:
    """Collects the answers to some requests.

    Args:
        workload: The workload that answers them.
        tolerant: Whether failed requests are left out; otherwise the first one raises.
        keep: Whether the answers will be saved.
    """

    def __init__(self, workload: Any, *, tolerant: bool, keep: bool) -> None:
        self._workload = workload
        self._tolerant = tolerant
        self._keep = keep
        self._request_bytes: list[int | None] = []
        self._response_bytes: list[int | None] = []
        self._egress_bytes: list[int | None] = []
        self._parts: dict[str, list[Any]] = {}
        self._error: Exception | None = None

    def collect(self, feeds: Iterable[Any]) -> AnswerCollector:
        """Answer one request per feed.

        Raises:
            WorkloadError: When one fails and that is not tolerated.
        """
        for number, feed in enumerate(feeds, 1):
            self._request_bytes.append(self._workload.request_bytes(feed))
            try:
                answer, response_bytes, egress_bytes = self._workload.weigh(feed)
                parts = self._workload.named(answer)
            except BaseException as error:
                if forked:
                    raise
                self._failed(number, error)
                continue
            self._response_bytes.append(response_bytes)
            self._egress_bytes.append(egress_bytes)
            if self._keep and self._error is None:
                self._keep_parts(number, parts)
        return self

    def sizes(self) -> dict[str, Any]:
        """Return the numbers of requests and of answers, and their total bytes."""
        return {
            "requests": len(self._request_bytes),
            "answered": len(self._response_bytes),
            "request_bytes": total(self._request_bytes),
            "response_bytes": total(self._response_bytes),
            "egress_bytes": total(self._egress_bytes),
        }

    def save(self, path: str) -> int:
        """Write the answers as .npz; return their number.

        Raises:
            WorkloadError: When they do not fit into arrays, or a request has failed.
        """
        if self._error is not None:
            raise self._error
        if self._workload.answers_text:
            _save_texts(path, self._parts.get("text", []))
            return len(self._response_bytes)
        ragged = [name for name, values in self._parts.items() if len({one.shape for one in values}) > 1]
        if ragged:
            raise WorkloadError("answers differ in shape from request to request: %s" % ", ".join(sorted(ragged)))
        import numpy

        arrays = {name: numpy.stack(values) for name, values in self._parts.items()}
        # Strings as fixed-width unicode: reading object arrays would need pickle.
        save_arrays(path, {name: one.astype("U") if one.dtype == object else one for name, one in arrays.items()})
        return len(self._response_bytes)

    def _failed(self, number: int, error: BaseException) -> None:
        failure = WorkloadError(describe_failure(number, error))
        failure.__cause__ = None if isinstance(error, SELF_EXPLANATORY) else error
        if not self._tolerant or not isinstance(error, Exception):
            raise failure
        self._error = self._error or failure

    def _keep_parts(self, number: int, parts: dict[str, Any]) -> None:
        """Keep the parts of an answer; if that is impossible, `save` raises the reason."""
        try:
            for name, value in parts.items():
                kept = value
                if not self._workload.answers_text:
                    kept = _array(value, "answer %r to request %d" % (name, number))
                self._parts.setdefault(name, []).append(kept)
        except Exception as error:
            self._error = error
            self._parts.clear()


def _array(value: Any, what: str) -> Any:
    """Return a part of an answer as an array.

    Raises:
        WorkloadError: When it cannot be one, or would equal nothing but itself.
    """
    import numpy

    try:
        if hasattr(value, "detach"):  # a torch tensor: into host memory and without gradients
            value = value.detach().cpu()
        array = numpy.asarray(value)
        texts = map(str, array.flat) if array.dtype == object else ()
        default_text = next((one for one in texts if re.search(ADDRESS, one)), None)
    except Exception as error:
        raise WorkloadError("%s cannot be made an array: it %s" % (what, describe_error(error))) from error
    if default_text is not None:
        raise WorkloadError("%s cannot be compared with another: %s" % (what, default_text[:MAX_MESSAGE_LENGTH]))
    return array


def _save_texts(path: str, texts: list[str]) -> None:
    """Write an .npz file with one unicode array, `text`, without numpy: a server's environment may lack it."""
    texts = [_shortened(text) for text in texts]
    width = max([1, *map(len, texts)])
    # The .npy format, version 1.0: numpy.lib.format.
    header = "{'descr': '<U%d', 'fortran_order': False, 'shape': (%d,), }" % (width, len(texts))
    header += " " * (-(len(header) + 11) % 64) + "\n"  # 10 bytes precede it, and a newline ends it
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1")
    rows = (text.encode("utf-32-le", "replace").ljust(4 * width, b"\0") for text in texts)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text.npy", start + b"".join(rows))


def _shortened(text: str) -> str:
    if len(text) <= MAX_TEXT_LENGTH:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return "%s ... sha256:%s" % (text[:MAX_TEXT_LENGTH], digest)
