"""Decode compressed answers (`Content-Encoding`).

The standard library reads gzip and deflate (RFC 9110, section 8.4.1); brotli and zstd are left as they are.
"""

from __future__ import annotations

import zlib

from .errors import FailedRequest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

MAX_DECODED_BYTES = 1 << 30
"""Longest decoded answer: a thousandth of that, compressed, could fill the memory."""

GZIP = {"gzip", "x-gzip"}
KNOWN = {"", "identity", "deflate", *GZIP}
"""Codings that can be decoded; the empty one stands for none."""

GZIP_MAGIC = b"\x1f\x8b"


def decoded(body: bytes, coding: str) -> bytes:
    """Return a body as it was before compression; unchanged if its coding is unknown.

    Raises:
        FailedRequest: When it is incomplete, has another coding, or is longer than `MAX_DECODED_BYTES`.
    """
    if not body or coding in {"", "identity"} or coding not in KNOWN:
        return body
    pieces, length = [], 0
    try:
        while True:
            inflater = _inflater(coding, body)
            piece = inflater.decompress(body, MAX_DECODED_BYTES + 1 - length)
            pieces.append(piece)
            length += len(piece)
            if length > MAX_DECODED_BYTES:
                raise FailedRequest("was answered with more than %d bytes of %s" % (MAX_DECODED_BYTES, coding))
            if not inflater.eof:
                raise FailedRequest("was answered with %s that was cut off" % coding)
            body = inflater.unused_data
            if coding not in GZIP or not body.startswith(GZIP_MAGIC):  # gzip may have several members
                return b"".join(pieces)
    except zlib.error as error:
        raise FailedRequest("was answered with broken %s: %s" % (coding, error)) from None


class StreamDecoder:
    """Decodes a stream piece by piece, to find the first piece of its answer.

    Args:
        coding: Its content coding.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._plain = coding not in KNOWN or coding in {"", "identity"}
        self._inflater: Any = None

    def __call__(self, piece: bytes) -> bytes:
        """Decode one more piece; empty if that fails, which `decoded` will report."""
        if self._plain:
            return piece
        if self._inflater is None:
            self._inflater = _inflater(self._coding, piece)
        try:
            return bytes(self._inflater.decompress(piece))
        except zlib.error:
            return b""


def _inflater(coding: str, beginning: bytes) -> Any:
    """Return a decompressor for a body that begins so: some servers send deflate without zlib's header."""
    if coding in GZIP:
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    has_header = beginning[0] & 15 == zlib.DEFLATED and int.from_bytes(beginning[:2], "big") % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
