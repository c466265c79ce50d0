"""Git LFS: recognise pointer files, and replace base's pointers by the files they stand for."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.repository.commits import remotes
from energygate.repository.git import GitFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.repository.git import Git

MAX_POINTER_BYTES = 1024
"""A pointer is smaller than this: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""

DOWNLOAD_SECONDS = 600.0
"""Time limit of `git lfs fetch` for base's files."""

NO_FILTER = (
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
)
"""Settings with which git checks out pointers unchanged, even where git-lfs is installed."""

_MAX_INCLUDE_LENGTH = 64 * 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]+\n)*?oid sha256:(?P<oid>[0-9a-f]{64})\n"
    rb"(?:[^\n]+\n)*?size (?P<size>[0-9]{1,18})\n"
)


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """The content of a pointer file: SHA-256 in hexadecimal and size of the real file."""

    oid: str
    size_bytes: int


def is_pointer(path: Path) -> bool:
    """Return whether a file is a Git LFS pointer instead of the model itself."""
    return read_pointer(path) is not None


def read_pointer(path: Path) -> Pointer | None:
    """Read a pointer; `None` when the file is something else or does not exist."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size >= MAX_POINTER_BYTES:
            return None
        match = _POINTER.match(path.read_bytes())
    except OSError:
        return None
    return match and Pointer(oid=match["oid"].decode(), size_bytes=int(match["size"]))


def replace_pointers(borrowed: Git, lender: Git, sha: str, *, head: Path | None) -> None:
    """Replace base's pointers by their files: from the local LFS store, else downloaded by git-lfs.

    Downloads only files that are real files at head or do not exist there: a pointer in head's checkout was
    left on purpose, and base should match it. Pointers whose file is unavailable stay.

    Args:
        borrowed: The checkout of base.
        lender: The user's repository.
        sha: Base's commit.
        head: The user's checkout; `None` when there is none.
    """
    tracked = borrowed.output("ls-files", "-z", "--", ":(top,attr:filter=lfs)")
    names = [os.fsdecode(name) for name in tracked.split(b"\0") if name]
    pointers = {name: pointer for name in names if (pointer := read_pointer(borrowed.directory / name))}
    if not pointers:
        return
    store = _store(lender)
    missing = _copy_from_store(borrowed, pointers, store)
    needed = [name for name in missing if head is None or not is_pointer(head / name)]
    if needed and shutil.which("git-lfs"):
        _download(lender, sha, needed)
        _copy_from_store(borrowed, {name: pointers[name] for name in needed}, store)


def _store(lender: Git) -> Path:
    """Return the directory of the local LFS store, by git-lfs's own rules."""
    configured = lender.setting("lfs.storage")
    common = Path(lender.directory, lender.line("rev-parse", "--git-common-dir"))
    return Path(common, configured or "lfs", "objects")


def _copy_from_store(borrowed: Git, pointers: Mapping[str, Pointer], store: Path) -> list[str]:
    """Copy files from the store over their pointers; return the names of those that the store lacks."""
    copied, missing = [], []
    for name, pointer in pointers.items():
        source = store / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid
        if source.is_file() and source.stat().st_size == pointer.size_bytes:
            # A copy, not a link: a workload that writes to its model must not change the user's store.
            shutil.copyfile(source, borrowed.directory / name)
            copied.append(os.fsencode(name) + b"\0")
        else:
            missing.append(name)
    # Otherwise builds that ask git for their version would see a modified checkout.
    borrowed.output("update-index", "--assume-unchanged", "-z", "--stdin", stdin=b"".join(copied))
    return missing


def _download(lender: Git, sha: str, names: Sequence[str]) -> None:
    remote = next(iter(remotes(lender)), None)
    if remote is None:
        return
    # git-lfs takes comma-separated patterns; `?` matches any character that is special there.
    include = ",".join(re.sub(r"[,*?\[\]\\!]", "?", name) for name in names)
    only = (f"--include={include}", "--exclude=") if len(include) < _MAX_INCLUDE_LENGTH else ()
    try:
        lender.output("lfs", "fetch", *only, remote, sha, timeout_s=DOWNLOAD_SECONDS)
    except GitFailed:
        # If the workload needs the file, loading it reports the pointer.
        return
