"""What the command line and the ini file say, and which of several sources decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import pytest

from energygate.pytest_plugin.collecting import root_of
from energygate.pytest_plugin.options import is_asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

Name = Literal["budget", "base", "json", "time", "pue", "policy", "strict"]

POLICY_FILE = "energygate.yml"
"""The policy that nobody has to name, in the root directory."""

ALWAYS = "always"
"""What the ini file's `energy` says to measure without being asked to."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line and the ini file say.

    Attributes:
        on: Whether to measure.
        options: What the command line says; `None` for what it does not.
        ini: The same for the ini file.
        invocation: The directory that paths on the command line are relative to.
        root: The directory that workers run in, and that names of tests and paths in the ini file are relative to.
    """

    on: bool
    options: Mapping[Name, str | bool | None]
    ini: Mapping[Name, str | bool | None]
    invocation: Path
    root: Path

    def text(self, name: Name, *between: str | None) -> str | None:
        """What decides of a setting: the option, what a marker or the policy says, or the ini file, in that order."""
        found = first(self.options[name], *between, self.ini[name])
        return None if found is None else str(found)

    def flag(self, name: Name, *between: bool | None) -> bool:
        """The same for a setting that is on or off."""
        return bool(first(self.options[name], *between, self.ini[name]))

    def path(self, name: Name) -> Path | None:
        """A setting that is a path; `None` when it is not set."""
        text = self.text(name)
        if text is None:
            return None
        return (self.root if self.options[name] is None else self.invocation) / text

    @property
    def policy_file(self) -> Path | None:
        """The policy that is named, or the one that is there; `None` where there is neither."""
        named, usual = self.path("policy"), self.root / POLICY_FILE
        return usual if named is None and usual.is_file() else named


def first(*values: T | None) -> T | None:
    """The first value that was given; `False` and the empty text count as given."""
    return next((value for value in values if value is not None), None)


def read_settings(config: pytest.Config, items: Sequence[pytest.Item]) -> Settings:
    """Read the settings of a session with these energy tests.

    Raises:
        pytest.UsageError: When the ini file's `energy` is no word for it.
    """
    names: list[Name] = [*get_args(Name)]
    options: dict[Name, str | bool | None] = {name: config.getoption(f"energy_{name}") for name in names}
    word = str(config.getini("energy") or "")
    if word not in {"", ALWAYS}:
        raise pytest.UsageError(f"energy = {word}: in the ini file it is {ALWAYS}, or left out")
    return Settings(
        on=is_asked(config) or (word == ALWAYS and not config.getoption("energy_off")),
        options=options,
        ini={name: config.getini(f"energy_{name}") for name in names},
        invocation=config.invocation_params.dir,
        root=root_of(config, items),
    )
