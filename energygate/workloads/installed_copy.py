"""Detect installed copies of the project, which serve one side's code, or neither's, for both sides."""

from __future__ import annotations

import filecmp
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.workloads.energygate_worker.checkouts import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_THE_PROJECTS = sys.stdlib_module_names | {"energygate", "energygate_worker"}
"""Modules that are never the project's own: Python's, and those of the measuring energygate."""

MODULE_PATHS = ("{}/__init__.py", "{}.py", "src/{}/__init__.py", "src/{}.py")
"""Where in a checkout a module may be."""


@dataclass(frozen=True, kw_only=True)
class InstalledCopy:
    """A module that a side has imported and that is not that side's.

    Attributes:
        name: Its name.
        file: The imported file.
        source: A file of the checkout whose content differs from the copy's, relative to the checkout.
    """

    name: str
    file: Path
    source: Path

    @property
    def import_root(self) -> str:
        """Directory of the checkout to import the module from."""
        return "." if self.source.parts[0] in {self.name, f"{self.name}.py"} else "src"


def owner(file: Path, *checkouts: Path) -> Path | None:
    """Return the checkout that owns a file; `None` for installed files and those outside."""
    # One checkout may be inside the other, as with `--base-dir base` in CI: the inner one owns the file.
    deepest = _containing(file, *checkouts)
    if deepest is None or ENVIRONMENTS.intersection(file.relative_to(deepest).parts):
        return None
    return deepest


def _containing(file: Path, *checkouts: Path) -> Path | None:
    """Return the checkout that contains a file, even in an environment there."""
    around = [one for one in checkouts if file.is_relative_to(one)]
    return max(around, key=lambda one: len(one.parts), default=None)


def find_imported_copy(modules: Mapping[str, str | None], own: Path, other: Path) -> InstalledCopy | None:
    """Find a module of the project that was imported from a copy that is not this side's; `None` if there is none.

    Only files that differ between the checkouts count: a copy of any other file is as good as either checkout's. An
    environment in a side's own checkout is its own, whatever a build has made of the sources in it.

    Args:
        modules: Top-level modules that a side has imported, and their files.
        own: Its checkout, resolved.
        other: The other side's.
    """
    for name, path in sorted(modules.items()):
        if path is None or name.startswith("__") or name in NOT_THE_PROJECTS:
            continue
        file = (own / path).resolve()
        if file.suffix == ".py" and _containing(file, own, other) != own and file.is_file():
            places = [one for one in MODULE_PATHS if not (one.startswith("src/") and "src" in modules)]
            source = _differing_source(file, _module(name, own, places), _module(name, other, places))
            if source is not None:
                return InstalledCopy(name=name, file=file, source=source.relative_to(own))
    return None


def _module(name: str, checkout: Path, places: list[str]) -> Path | None:
    """Return the file of a module in a checkout; `None` if the checkout does not have it."""
    return next((path for one in places if (path := checkout / one.format(name)).is_file()), None)


def _differing_source(copy: Path, own: Path | None, other: Path | None) -> Path | None:
    """Return a file of this side's module that differs from the other side's and from the copy's."""
    if own is None or other is None or _is_package(copy) not in {_is_package(own), _is_package(other)}:
        return None  # at most a module of the same name
    mine, others, copied = _sources(own), _sources(other), _sources(copy)
    for name in sorted(mine.keys() & others.keys() & copied.keys()):
        if not _same(mine[name], others[name]) and not _same(mine[name], copied[name]):
            return mine[name]
    return None


def _is_package(file: Path) -> bool:
    return file.name == "__init__.py"


def _sources(file: Path) -> dict[str, Path]:
    """Return the sources of a module by their paths in it; a single file counts as a package of that file."""
    if not _is_package(file):
        return {"__init__.py": file}
    package = file.parent
    return {one.relative_to(package).as_posix(): one for one in package.rglob("*.py") if one.is_file()}


def _same(one: Path, another: Path) -> bool:
    return filecmp.cmp(one, another, shallow=False)
