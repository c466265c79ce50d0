"""Copies of the project in the environment, which serve one side's code, or nobody's, for both."""

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
"""Modules that are imported whatever the project is: Python's, and those of the energygate that measures."""

PLACES = ("{}/__init__.py", "{}.py", "src/{}/__init__.py", "src/{}.py")
"""Where a checkout holds a module."""


@dataclass(frozen=True, kw_only=True)
class InstalledCopy:
    """A module that a side has imported, and that is not that side's.

    Attributes:
        name: Its name.
        file: The file that it was imported from.
        source: A file of the checkout that the copy holds otherwise, relative to the checkout.
    """

    name: str
    file: Path
    source: Path

    @property
    def place(self) -> str:
        """Where in the checkout the module itself is to be imported from."""
        return "." if self.source.parts[0] in {self.name, f"{self.name}.py"} else "src"


def owner(file: Path, *checkouts: Path) -> Path | None:
    """The checkout that a file belongs to; `None` for what is installed, or lies elsewhere."""
    # One checkout may lie inside the other, as `--base-dir base` does in CI: the deeper one owns the file.
    deepest = _around(file, *checkouts)
    if deepest is None or ENVIRONMENTS.intersection(file.relative_to(deepest).parts):
        return None
    return deepest


def _around(file: Path, *checkouts: Path) -> Path | None:
    """The checkout that a file lies in, if in an environment there."""
    around = [one for one in checkouts if file.is_relative_to(one)]
    return max(around, key=lambda one: len(one.parts), default=None)


def find_imported_copy(modules: Mapping[str, str | None], own: Path, other: Path) -> InstalledCopy | None:
    """A module of the project that was imported from a copy that is not this side's; `None` where there is none.

    Only files that differ between the checkouts tell: in all others a copy is as good as either. An environment in a
    side's own checkout is its own, whatever building has made of the sources there.

    Args:
        modules: The modules on top that a side has imported, and their files.
        own: Its checkout, resolved.
        other: The other side's.
    """
    for name, told in sorted(modules.items()):
        if told is None or name.startswith("__") or name in NOT_THE_PROJECTS:
            continue
        file = (own / told).resolve()
        if file.suffix == ".py" and _around(file, own, other) != own and file.is_file():
            places = [one for one in PLACES if not (one.startswith("src/") and "src" in modules)]
            source = _other_source(file, _module(name, own, places), _module(name, other, places))
            if source is not None:
                return InstalledCopy(name=name, file=file, source=source.relative_to(own))
    return None


def _module(name: str, checkout: Path, places: list[str]) -> Path | None:
    """The file of a module in a checkout, if it is there."""
    return next((path for one in places if (path := checkout / one.format(name)).is_file()), None)


def _other_source(copy: Path, own: Path | None, other: Path | None) -> Path | None:
    """A file of this side's module that differs from the other side's, and from the copy's."""
    if own is None or other is None or _is_package(copy) not in {_is_package(own), _is_package(other)}:
        return None  # a namesake, if anything
    mine, others, copied = _sources(own), _sources(other), _sources(copy)
    for name in sorted(mine.keys() & others.keys() & copied.keys()):
        if not _same(mine[name], others[name]) and not _same(mine[name], copied[name]):
            return mine[name]
    return None


def _is_package(file: Path) -> bool:
    return file.name == "__init__.py"


def _sources(file: Path) -> dict[str, Path]:
    """The sources of a module by their paths in it; a module of one file is as a package of that file."""
    if not _is_package(file):
        return {"__init__.py": file}
    package = file.parent
    return {one.relative_to(package).as_posix(): one for one in package.rglob("*.py") if one.is_file()}


def _same(one: Path, another: Path) -> bool:
    return filecmp.cmp(one, another, shallow=False)
