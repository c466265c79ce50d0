"""Which paths differ between a commit and the working tree, untracked files included."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.repository.git import Git

_GITLINK = b"160000"


def changed_paths(git: Git, sha: str) -> list[str]:
    """Return the paths that differ between a commit and the working tree, sorted, relative to the root.

    Staged or not makes no difference, and a rename is two paths. Untracked files count unless they are
    ignored, or modules that Python has compiled. A path that ends in `/` is a directory of which no more is
    known: a submodule, or another repository. Names that are not UTF-8 hold lone surrogates, as `os.fsdecode`
    makes them.

    Filters of the user's configuration run on files whose time stamp has changed, as in `git status`:
    without them every Git LFS file would seem changed.
    """
    with tempfile.TemporaryDirectory(prefix="energygate-index-") as directory:
        # `git diff` writes the index back when it finds it stale, even under GIT_OPTIONAL_LOCKS=0.
        index = Path(directory, "index")
        original = git.path("index")
        if original.is_file():
            shutil.copyfile(original, index)
            # git looks into files as new as its index; beside a newer one an edit of that moment would not show.
            shutil.copystat(original, index)
        environment = {"GIT_INDEX_FILE": str(index)}
        differing = git.answer(
            "diff",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            # A pull request could hide a submodule by `ignore = all` in .gitmodules.
            "--ignore-submodules=none",
            sha,
            "--",
            settings=("diff.autoRefreshIndex=true",),
            environment=environment,
        )
        untracked = git.answer(
            "ls-files", "--others", "--exclude-standard", "--full-name", "-z", environment=environment
        )
    # Measuring head leaves compiled modules in its checkout; those that are committed are files like any other.
    others = [name for name in untracked.split(b"\0") if b"__pycache__" not in name.split(b"/")]
    names = {*_of_raw_diff(differing), *others} - {b""}
    return sorted(os.fsdecode(name) for name in names)


def is_dirty(git: Git) -> bool:
    """Tell whether the working tree holds anything that HEAD does not: changes, or files not ignored."""
    return bool(
        git.answer(
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=normal",
            "--ignore-submodules=none",
        )
    )


def _of_raw_diff(raw: bytes) -> Iterator[bytes]:
    """Yield the names in `git diff --raw -z --no-renames`: `:modes ids status`, NUL, name, NUL."""
    fields = iter(raw.split(b"\0"))
    for fact, name in zip(fields, fields, strict=False):
        before, after = fact.removeprefix(b":").split(b" ")[:2]
        yield name + b"/" if _GITLINK in {before, after} else name
