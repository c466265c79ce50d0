"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path


def write_whole(text: str, path: Path) -> Path:
    """Write beside the file and put it in its place in one step, so that nobody ever reads half of it.

    Directories that are missing are made: what took minutes to find out is not lost for want of one.

    Raises:
        OSError: When it cannot be written.
    """
    path = path.resolve()  # a link stays a link
    if path.exists() and not path.is_file():  # a pipe or a device is written to, not replaced
        path.write_text(text, encoding="utf-8")
        return path
    with contextlib.suppress(FileExistsError):  # by a file: writing below says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
        file = Path(beside) / path.name
        file.write_text(text, encoding="utf-8")  # a file of its own, so with the permissions that files get
        file.replace(path)
    return path
