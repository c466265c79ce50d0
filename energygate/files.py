"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path


def write_whole(text: str, path: Path) -> Path:
    """Write a text to a temporary file and rename it, so that nobody reads half of it.

    Missing directories are created, so that a long measurement is not lost.

    Raises:
        OSError: When the file cannot be written.
    """
    path = path.resolve()  # a symbolic link remains one
    if path.exists() and not path.is_file():  # a pipe or a device is written to, not replaced
        path.write_text(text, encoding="utf-8")
        return path
    with contextlib.suppress(FileExistsError):  # a file: writing below raises the error
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
        file = Path(beside) / path.name
        file.write_text(text, encoding="utf-8")  # a new file, with the usual permissions
        file.replace(path)
    return path
