"""Determine which side's checkout owns a file, so that one side's code never serves for the other."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

ENVIRONMENTS = frozenset({"site-packages", "dist-packages"})
"""Directories of installed packages: files there are no checkout's own, though the environment may be in one."""

PACKAGE = os.path.dirname(os.path.abspath(__file__))


class Checkouts:
    """This side's checkout and the other's; if one is inside the other, the inner one owns a file.

    Args:
        own: This side's.
        other: The other side's; `None` if there is none.
    """

    def __init__(self, own: str, other: str | None) -> None:
        self._own = os.path.realpath(own)
        self._other = None if other is None else os.path.realpath(other)
        prefixes = {os.path.realpath(one) for one in (sys.prefix, sys.exec_prefix, sys.base_prefix)}
        # A shared interpreter may be in one of them: its files belong to both sides.
        self._shared = [PACKAGE]
        if self._other is not None:
            self._shared += [one for one in prefixes if _is_in(one, self._other) and one != self._other]

    @property
    def is_inside(self) -> bool:
        """Whether this side's checkout is inside the other's."""
        return self._other is not None and self._own != self._other and _is_in(self._own, self._other)

    def is_others(self, path: Any) -> bool:
        """Return whether a file is the other side's."""
        if self._other is None or self._own == self._other or not isinstance(path, (str, os.PathLike)):
            return False
        real = os.path.realpath(path)
        if not _is_in(real, self._other) or any(_is_in(real, one) for one in self._shared):
            return False
        if ENVIRONMENTS.intersection(os.path.relpath(real, self._other).split(os.sep)):
            return False
        return not (self.is_inside and _is_in(real, self._own))

    def foreign_module(self) -> str | None:
        """Return the file of a module imported from the other side's checkout; `None` if there is none."""
        if self._other is None:
            return None
        for module in list(sys.modules.values()):
            path = file_of(module)
            if path is not None and self.is_others(path):
                return str(path)
        return None


def file_of(module: object) -> str | None:
    """Return a module's file without accessing the module: that would import a lazy one."""
    try:
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # `sys.modules` may contain anything
        return None
    return path if isinstance(path, str) else None


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
