"""Temporary directories outside the repository that are removed even if energygate was killed."""

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
    """Create a directory and remove it afterwards, whatever happens.

    The directory is locked while it is in use. The kernel releases the lock when the process ends, so that the
    next run can tell what a killed run left behind and remove it. (Windows has no such lock: leftovers stay.)

    Args:
        beside: The root of the repository. The directory is never inside it, and on the same file system where
            possible, so that base is not read from memory while head is read from a disk.

    Raises:
        UsageError: When no usable directory for temporary files exists.
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
    """Remove our directories that no running process has locked; those of other users and links stay."""
    for path in place.glob(f"{PREFIX}*"):
        lock = _lock(path, wait=False)
        if lock is not None:
            remove_tree(path)
            os.close(lock)


def remove_tree(path: Path) -> None:
    """Remove a directory tree, read-only parts included; what cannot be removed stays."""
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
        # Another run may have removed it as abandoned before we locked it.
        if path.exists():
            return path, lock
        if lock is not None:
            os.close(lock)


def _lock(path: Path, *, wait: bool) -> int | None:
    """Lock a directory of ours; `None` when it is in use, not ours, or the system has no such locks."""
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
