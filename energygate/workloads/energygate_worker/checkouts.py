"""Whose checkout a file belongs to, where one side's code must not serve for the other."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

ENVIRONMENTS = frozenset({"site-packages", "dist-packages"})
"""Directories of installed packages: what lies in one is no checkout's own, though its environment may lie there."""

PACKAGE = os.path.dirname(os.path.abspath(__file__))


class Checkouts:
    """This side's checkout and the other's; one may lie inside the other, and then the deeper one owns a file.

    Args:
        own: This side's.
        other: The other's; `None` where there is none.
    """

    def __init__(self, own: str, other: str | None) -> None:
        self._own = os.path.realpath(own)
        self._other = None if other is None else os.path.realpath(other)
        prefixes = {os.path.realpath(one) for one in (sys.prefix, sys.exec_prefix, sys.base_prefix)}
        # An interpreter that is shared may well live in one of them: what it holds is both sides'.
        self._shared = [PACKAGE]
        if self._other is not None:
            self._shared += [one for one in prefixes if _lies_in(one, self._other) and one != self._other]

    @property
    def is_inside(self) -> bool:
        """Whether this side's checkout lies inside of the other's."""
        return self._other is not None and self._own != self._other and _lies_in(self._own, self._other)

    def is_others(self, path: Any) -> bool:
        """Whether a file is the other side's."""
        if self._other is None or self._own == self._other or not isinstance(path, (str, os.PathLike)):
            return False
        real = os.path.realpath(path)
        if not _lies_in(real, self._other) or any(_lies_in(real, one) for one in self._shared):
            return False
        if ENVIRONMENTS.intersection(os.path.relpath(real, self._other).split(os.sep)):
            return False
        return not (self.is_inside and _lies_in(real, self._own))

    def foreign_module(self) -> str | None:
        """The file of a module that was imported from the other side's checkout; `None` where there is none."""
        if self._other is None:
            return None
        for module in list(sys.modules.values()):
            path = file_of(module)
            if path is not None and self.is_others(path):
                return str(path)
        return None


def file_of(module: object) -> str | None:
    """A module's file, without asking the module: one that is imported lazily would be imported by that."""
    try:
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # there may be anything in `sys.modules`
        return None
    return path if isinstance(path, str) else None


def _lies_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
