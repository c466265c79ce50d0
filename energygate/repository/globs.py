"""Match the globs of a workload's `paths:` against the files of a checkout."""

from __future__ import annotations

import fnmatch
import functools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from energygate.errors import PolicyError
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYTHING = "**"
_WILDCARDS = re.compile(r"[*?\[]")
_HERE = PurePosixPath()


def matching(globs: Iterable[str], paths: Iterable[str], *, directory: PurePosixPath = _HERE) -> list[str]:
    """Return the paths that match any of the globs, in their order.

    Globs work as in `pathlib`, from the directory of the policy file:

    * `*`, `?` and `[abc]` match characters within one name, a leading dot too; case matters.
    * `**` matches any number of directories, including none: `**/*.py` matches `setup.py` too.
    * `*.py` matches files of that directory only.
    * A glob that ends in a plain name or in `/` matches everything below as well: `src`, `src/` and `src/**`
      are equivalent.
    * `..` leads up, to what lies beside the policy's directory.

    A path that ends in `/` is a directory with unknown contents, and matches when something in it could.

    Args:
        globs: The globs; an empty list matches nothing.
        paths: Paths relative to the root, separated by `/`.
        directory: Where the globs start, relative to the root.

    Raises:
        PolicyError: When a glob is invalid.
    """
    patterns = [_parts(glob, directory) for glob in globs]
    return [path for path in paths if any(_matches(pattern, path) for pattern in patterns)]


def _parts(glob: str, directory: PurePosixPath) -> tuple[str, ...]:
    """Return the parts of a glob from the root; wildcards in the directory's own name are escaped."""
    hint = _mistake(glob)
    if hint is not None:
        raise PolicyError(f"{quote(glob)} is not a valid glob", hint=hint)
    parts = [re.sub(r"([*?\[])", r"[\1]", part) for part in directory.parts]
    for part in glob.split("/"):
        if part == "..":
            if not parts or parts[-1] == _ANYTHING:
                raise PolicyError(f"{quote(glob)} leads out of the checkout", hint="Use paths inside it")
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
        return "Exclusion is not supported; list what counts, or write [!] for a name that begins with !"
    if "\\" in glob:
        return "Separate directories with /"
    if any(_ANYTHING in part and part != _ANYTHING for part in glob.split("/")):
        return "** must be a whole path component, as in **/*.py"
    return None


def _matches(pattern: tuple[str, ...], path: str) -> bool:
    return _match(pattern, tuple(path.removesuffix("/").split("/")), within=path.endswith("/"))


def _match(pattern: tuple[str, ...], names: tuple[str, ...], *, within: bool) -> bool:
    """Match from the left, tracking every position in the pattern that the names so far can reach.

    This takes at most (parts of the glob) x (names) steps, whatever names a pull request contains.
    """
    positions = _skipping(pattern, {0})
    for name in names:
        # `**` consumes a name and stays.
        stayed = {at for at in positions if at < len(pattern) and pattern[at] == _ANYTHING}
        moved = {at + 1 for at in positions - stayed if at < len(pattern) and _compiled(pattern[at]).match(name)}
        positions = _skipping(pattern, stayed | moved)
    return bool(positions) if within else len(pattern) in positions


def _skipping(pattern: tuple[str, ...], positions: set[int]) -> set[int]:
    """Add the positions after each `**`, which may match nothing."""
    reached = set(positions)
    for at, part in enumerate(pattern):
        if at in reached and part == _ANYTHING:
            reached.add(at + 1)
    return reached


@functools.lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
