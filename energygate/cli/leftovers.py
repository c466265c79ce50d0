"""Files of an earlier export that a later one has not written: what acts on whole directories would take them too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

OURS = re.compile(r"[a-z0-9][a-z0-9-]*\.yaml")
"""What exporters call files in folders of their own."""


def leftovers(
    directory: Path, written: Collection[str], *, kind: str, folders: Collection[str]
) -> list[Path]:
    """Find what an earlier export of the same kind left in a directory. Nobody else's files are named.

    Args:
        directory: Of the export.
        written: Paths in it that are of this export.
        kind: Its kind, as its files' first line has it.
        folders: Where in the directory such files are.

    Returns:
        The files, sorted; none that a link leads to.
    """
    from energygate.production.export.documents import MARK

    first = f"# {MARK} {kind} from ".encode()
    found = []
    for folder in sorted(folders):
        place = directory / folder
        if place.is_symlink() or not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            ours = OURS.fullmatch(path.name) and path.is_file() and not path.is_symlink()
            if ours and f"{folder}/{path.name}" not in written and _begins(path, first):
                found.append(path)
    return found


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
