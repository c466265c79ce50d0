"""Values of untrusted JSON: each is read by its path, and its type is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.errors import EnergygateError

_T = TypeVar("_T")

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A commit's hash in git: SHA-1 or SHA-256, in hexadecimal."""

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


@dataclass(frozen=True, kw_only=True)
class Fields:
    """A piece of JSON, and how to report what is wrong with it.

    Errors name the path and never quote the value, which may be crafted to attack the log.

    Attributes:
        content: The parsed JSON.
        source: Where it comes from, such as "the event's payload".
        error: Makes the error from a sentence.
    """

    content: object
    source: str
    error: Callable[[str], EnergygateError]

    def text(self, *path: str) -> str:
        """Return the text at a path; a missing one is an error."""
        return self._needed(path, self.optional_text(*path))

    def whole(self, *path: str) -> int:
        """Return the whole number, 1 or more, at a path: every number and id on GitHub is one."""
        value = self._needed(path, self._find(path))
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._wrong(path, "a whole number above 0")
        return value

    def sha(self, *path: str) -> str:
        """Return the commit's hash at a path."""
        value = self.text(*path)
        if not is_sha(value):
            raise self._wrong(path, "a full commit hash")
        return value

    def optional_text(self, *path: str) -> str | None:
        """Return the text at a path; `None` when it is missing or null."""
        value = self._find(path)
        if value is not None and not isinstance(value, str):
            raise self._wrong(path, "text")
        return value

    def optional_repository(self, *path: str) -> str | None:
        """Return the `owner/name` at a path; `None` when it is missing, as for a deleted fork."""
        value = self.optional_text(*path)
        if value is not None and not is_repository(value):
            raise self._wrong(path, "owner/name")
        return value

    def flag(self, *path: str) -> bool:
        """Return the boolean at a path; False when it is missing."""
        value = self._find(path)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(path, "true or false")
        return bool(value)

    def listed(self, *path: str) -> tuple[Fields, ...]:
        """Return the mappings of the list at a path, each as `Fields`."""
        value = self._needed(path, self._find(path))
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(path, "a list of mappings")
        return tuple(replace(self, content=one) for one in value)

    def below(self, *path: str) -> Fields | None:
        """Return the mapping at a path as `Fields`; `None` when it is missing or null."""
        value = self._find(path)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(path, "a mapping")
        return replace(self, content=value)

    def _find(self, path: tuple[str, ...]) -> object:
        value = self.content
        for depth, key in enumerate(path):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._wrong(path[:depth], "a mapping")
            value = value.get(key)
        return value

    def _needed(self, path: tuple[str, ...], value: _T | None) -> _T:
        if value is None:
            raise self.error(f"{self.source} has no {'.'.join(path)}")
        return value

    def _wrong(self, path: tuple[str, ...], needed: str) -> EnergygateError:
        place = f"{'.'.join(path)} of {self.source}" if path else self.source
        return self.error(f"{place} is not {needed}")


def is_sha(value: str) -> bool:
    """Return whether this is a full commit hash."""
    return _SHA.fullmatch(value) is not None


def is_repository(value: str) -> bool:
    """Return whether this is `owner/name`, safe in an API's path: neither part is `.` or `..`."""
    return _REPOSITORY.fullmatch(value) is not None and not {".", ".."} & set(value.split("/"))
