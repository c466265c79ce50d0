"""The globs of a workload's `paths:`: which files of a checkout they mean."""

from __future__ import annotations

import fnmatch
import functools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from energygate.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYTHING = "**"
_WILDCARDS = re.compile(r"[*?\[]")
_HERE = PurePosixPath()


def matching(globs: Iterable[str], paths: Iterable[str], *, directory: PurePosixPath = _HERE) -> list[str]:
    """Return those paths that any of the globs means, in their order.

    Globs read as in `pathlib`, from the directory of the policy file:

    * `*`, `?` and `[abc]` stand for characters within one name, also for a leading dot; case matters.
    * `**` stands for any number of directories, none included: `**/*.py` finds `setup.py` too.
    * `*.py` means files of that directory alone.
    * A glob that ends in a plain name or in `/` means everything below as well: `src`, `src/` and `src/**`
      are the same.
    * `..` leads up, for what lies beside the policy's directory.

    A path that ends in `/` is a directory with unknown contents, and is meant when something in it could be.

    Args:
        globs: The globs; none of them means no path.
        paths: Paths relative to the root, separated by `/`.
        directory: Where the globs start, relative to the root.

    Raises:
        PolicyError: When a glob cannot mean what its writer hopes.
    """
    patterns = [_parts(glob, directory) for glob in globs]
    return [path for path in paths if any(_means(pattern, path) for pattern in patterns)]


def _parts(glob: str, directory: PurePosixPath) -> tuple[str, ...]:
    """Return the parts of a glob from the root, wildcards of the directory's own name taken literally."""
    hint = _mistake(glob)
    if hint is not None:
        raise PolicyError(f"{glob!r} is no usable glob", hint=hint)
    parts = [re.sub(r"([*?\[])", r"[\1]", part) for part in directory.parts]
    for part in glob.split("/"):
        if part == "..":
            if not parts or parts[-1] == _ANYTHING:
                raise PolicyError(f"{glob!r} leads out of the checkout", hint="Name what is inside it")
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    if not parts or glob.endswith(("/", "/.", "/..")) or not _WILDCARDS.search(parts[-1]):
        parts.append(_ANYTHING)
    return tuple(parts)


def _mistake(glob: str) -> str | None:
    if not glob.strip():
        return "Write a path such as src/**"
    if glob.startswith("/"):
        return "Start from the directory of the policy file, without the slash"
    if glob.startswith("!"):
        return "There is no exclusion; name what counts, or write [!] for a name that begins so"
    if "\\" in glob:
        return "Separate directories by /"
    if any(_ANYTHING in part and part != _ANYTHING for part in glob.split("/")):
        return "** stands alone between slashes, as in **/*.py"
    return None


def _means(pattern: tuple[str, ...], path: str) -> bool:
    return _match(pattern, tuple(path.removesuffix("/").split("/")), within=path.endswith("/"))


def _match(pattern: tuple[str, ...], names: tuple[str, ...], *, within: bool) -> bool:
    """Match from the left, keeping the set of places in the pattern that the names so far can have led to.

    That takes (parts of the glob) times (names) steps at most, whatever names a pull request makes up.
    """
    places = _skipping(pattern, {0})
    for name in names:
        # `**` takes a name and stays.
        stayed = {at for at in places if at < len(pattern) and pattern[at] == _ANYTHING}
        moved = {at + 1 for at in places - stayed if at < len(pattern) and _compiled(pattern[at]).match(name)}
        places = _skipping(pattern, stayed | moved)
    return bool(places) if within else len(pattern) in places


def _skipping(pattern: tuple[str, ...], places: set[int]) -> set[int]:
    """Add the places behind each `**`, which may stand for nothing."""
    reached = set(places)
    for at, part in enumerate(pattern):
        if at in reached and part == _ANYTHING:
            reached.add(at + 1)
    return reached


@functools.lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
