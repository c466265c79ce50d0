"""Answers in a content coding: what a server has compressed, as it was before.

The standard library reads gzip and deflate (RFC 9110, section 8.4.1); brotli and zstd are left as they are.
"""

from __future__ import annotations

import zlib

from .errors import FailedRequest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

DECODED_LIMIT = 1 << 30
"""Longest answer in bytes once it is decoded: a thousandth of that, compressed, could fill the memory."""

GZIP = {"gzip", "x-gzip"}
KNOWN = {"", "identity", "deflate", *GZIP}
"""The codings that can be read; the empty one stands for none."""

GZIP_MAGIC = b"\x1f\x8b"


def decoded(body: bytes, coding: str) -> bytes:
    """A body as it was before its server compressed it; as it is in a coding that cannot be read.

    Raises:
        FailedRequest: It is not whole, is not what its server says, or is longer than `DECODED_LIMIT`.
    """
    if not body or coding in {"", "identity"} or coding not in KNOWN:
        return body
    pieces, length = [], 0
    try:
        while True:
            inflater = _inflater(coding, body)
            piece = inflater.decompress(body, DECODED_LIMIT + 1 - length)
            pieces.append(piece)
            length += len(piece)
            if length > DECODED_LIMIT:
                raise FailedRequest("was answered with more than %d bytes of %s" % (DECODED_LIMIT, coding))
            if not inflater.eof:
                raise FailedRequest("was answered with %s that was cut off" % coding)
            body = inflater.unused_data
            if coding not in GZIP or not body.startswith(GZIP_MAGIC):  # gzip may have several members
                return b"".join(pieces)
    except zlib.error as error:
        raise FailedRequest("was answered with broken %s: %s" % (coding, error)) from None


class StreamDecoder:
    """The text of a stream as it comes, for whoever looks for its first piece.

    Args:
        coding: Its content coding.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._plain = coding not in KNOWN or coding in {"", "identity"}
        self._inflater: Any = None

    def __call__(self, piece: bytes) -> bytes:
        """What one more piece says; nothing where it cannot be read, which `decoded` will tell."""
        if self._plain:
            return piece
        if self._inflater is None:
            self._inflater = _inflater(self._coding, piece)
        try:
            return bytes(self._inflater.decompress(piece))
        except zlib.error:
            return b""


def _inflater(coding: str, beginning: bytes) -> Any:
    """What decompresses a body that begins so: some servers send deflate without zlib's header."""
    if coding in GZIP:
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    has_header = beginning[0] & 15 == zlib.DEFLATED and int.from_bytes(beginning[:2], "big") % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
