"""Compare two directories without git."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.repository.globs import matching

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        ".venv",
        "venv",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".ipynb_checkpoints",
        ".direnv",
        "node_modules",
        ".DS_Store",
    }
)
"""Names that do not belong to the project: version control, environments, caches."""

_ENVIRONMENT_MARK = "pyvenv.cfg"
_CHUNK_BYTES = 1024 * 1024


def directories_differ(base: Path, head: Path, globs: Sequence[str] = ()) -> list[str]:
    """Return the paths that differ between two directories, sorted, separated by `/`.

    Files differ by content or by being executable, symbolic links by their target (they are not followed).
    `SKIPPED` names and directories that contain a `pyvenv.cfg` are ignored.

    Args:
        base: One directory.
        head: The other.
        globs: Which paths count, as in `matching`; an empty list means all.

    Raises:
        UsageError: When one is not a directory, or part of it is unreadable.
    """
    sides = [_entries(base), _entries(head)]
    paths = sorted(sides[0].keys() | sides[1].keys())
    counted = matching(globs, paths) if globs else paths
    return [path for path in counted if not _same(sides[0].get(path), sides[1].get(path))]


def _entries(directory: Path) -> dict[str, Path]:
    """Return all files and links below a directory by their relative path."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory", hint="Compare two checkouts that are ready to run")
    entries = {}
    for parent, directories, files in os.walk(directory, onerror=_refuse):
        links = [name for name in directories if Path(parent, name).is_symlink()]
        directories[:] = [
            name
            for name in directories
            if name not in SKIPPED and name not in links and not _is_environment(Path(parent, name))
        ]
        for name in [*files, *links]:
            if name not in SKIPPED:
                path = Path(parent, name)
                entries[path.relative_to(directory).as_posix()] = path
    return entries


def _is_environment(directory: Path) -> bool:
    try:
        return (directory / _ENVIRONMENT_MARK).exists()
    except OSError:
        # Unreadable: walking into it reports that.
        return False


def _refuse(error: OSError) -> None:
    raise UsageError(f"cannot read {error.filename}: {error.strerror}")


def _same(one: Path | None, other: Path | None) -> bool:
    if one is None or other is None:
        return False
    try:
        first, second = one.lstat(), other.lstat()
        if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode):
            return False
        if stat.S_ISLNK(first.st_mode):
            return one.readlink() == other.readlink()
        if not stat.S_ISREG(first.st_mode):
            # Opening a pipe or a device could block, or worse.
            return True
        if first.st_size != second.st_size or (first.st_mode ^ second.st_mode) & stat.S_IXUSR:
            return False
        return os.path.samestat(first, second) or _same_content(one, other)
    except OSError as error:
        _refuse(error)
        raise


def _same_content(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            chunk = first.read(_CHUNK_BYTES)
            if chunk != second.read(_CHUNK_BYTES):
                return False
            if not chunk:
                return True
