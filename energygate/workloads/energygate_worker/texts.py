"""Answers that are text, written without numpy: a server's environment need not have it."""

from __future__ import annotations

import hashlib
import struct
import zipfile

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

LONGEST = 2000
"""Longer texts are kept by their beginning and their digest: they are only ever compared for equality."""


def save_texts(path: Any, columns: dict[str, list[str]]) -> None:
    """Write an .npz file of one unicode array per column."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, texts in columns.items():
            archive.writestr(name + ".npy", _array([_shortened(text) for text in texts]))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return "%s ... sha256:%s" % (text[:LONGEST], hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())


def _array(texts: list[str]) -> bytes:
    """The texts in the .npy format, version 1.0: numpy.lib.format."""
    width = max([1, *map(len, texts)])
    header = "{'descr': '<U%d', 'fortran_order': False, 'shape': (%d,), }" % (width, len(texts))
    header += " " * (-(len(header) + 11) % 64) + "\n"  # 10 bytes before it and its line's end
    begin = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1")
    return begin + b"".join(text.encode("utf-32-le", "replace").ljust(4 * width, b"\0") for text in texts)
