"""Temporary directories outside the repository that are gone afterwards, also when we did not get to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "energygate-base-"


@contextlib.contextmanager
def temporary_directory(*, beside: Path) -> Iterator[Path]:
    """Lend a new directory and remove it in the end, whatever that end is.

    The directory is locked while it is in use. The lock goes when its process goes, so what a killed run
    left behind is recognised, and removed here. (Windows has no such lock: nothing is recognised there.)

    Args:
        beside: The repository's root. The directory is never inside it, and on the same file system where
            possible: base must not be read from memory while head is read from a disk.

    Raises:
        UsageError: When there is no place for it.
    """
    places = temporary_places(beside)
    for place in places:
        remove_abandoned(place)
    if not places:
        raise UsageError(
            f"there is no directory for temporary files outside {beside}",
            hint="Point TMPDIR at a writable directory outside of the repository",
        )
    path, lock = _claim(places[0])
    try:
        yield path
    finally:
        remove_tree(path)
        if lock is not None:
            os.close(lock)


def temporary_places(root: Path) -> list[Path]:
    """Return the writable directories for temporary files outside `root`, the best first."""
    named = [tempfile.gettempdir(), os.environ.get("RUNNER_TEMP", ""), "/var/tmp"]  # noqa: S108 - a claimed one inside
    places = dict.fromkeys(Path(name).resolve() for name in named if name)
    usable = [
        place
        for place in places
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK) and not place.is_relative_to(root)
    ]
    device = root.stat().st_dev
    return sorted(usable, key=lambda place: place.stat().st_dev != device)


def remove_abandoned(place: Path) -> None:
    """Remove our directories that no living process holds. Those of other users stay, and so do links."""
    for path in place.glob(f"{PREFIX}*"):
        lock = _lock(path, wait=False)
        if lock is not None:
            remove_tree(path)
            os.close(lock)


def remove_tree(path: Path) -> None:
    """Remove a directory with all in it, read-only parts included; what cannot be removed stays."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        return
    with contextlib.suppress(OSError):
        path.chmod(stat.S_IRWXU)
    for parent, directories, files in os.walk(path):
        for name in [*directories, *(files if sys.platform == "win32" else ())]:
            inside = Path(parent, name)
            if not inside.is_symlink():
                with contextlib.suppress(OSError):
                    inside.chmod(stat.S_IRWXU)
    shutil.rmtree(path, ignore_errors=True)


def _claim(place: Path) -> tuple[Path, int | None]:
    while True:
        # Resolved: a workload may print its directory, and /tmp is a link on macOS.
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place)).resolve()
        lock = _lock(path, wait=True)
        # Between its making and its locking another run may have taken it for abandoned.
        if path.exists():
            return path, lock
        if lock is not None:
            os.close(lock)


def _lock(path: Path, *, wait: bool) -> int | None:
    """Lock a directory of ours; `None` when someone holds it, it is not ours, or there are no such locks."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid == os.getuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
