"""The options, their equivalents in an ini file, and which of several sources decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

Name = Literal["budget", "base", "json", "time", "pue", "policy", "strict"]

TEXTS = (
    ("budget", "ENERGY", "Maximum energy per request of tests without a limit of their own, such as 0.5mWh."),
    (
        "base",
        "REF",
        "Also measure the tests at the merge base of HEAD and this git ref, such as origin/main.",
    ),
    ("json", "FILE", "Write the session's result there."),
    ("time", "TIME", "Measuring time per test, such as 10s, which is the default."),
    ("pue", "NUMBER", "Facility energy over IT energy at the site, 1.0 to 3.0."),
    ("policy", "FILE", "The policy: its site, its measurement, and the budgets of entries that name a test."),
)
"""Options with a value: name, metavar, help."""

STRICT_HELP = "Fail tests whose budget stays inconclusive."

POLICY_FILE = "energygate.yml"
"""The policy in the root directory, which is read without being named."""

ALWAYS = "always"
"""Value of the ini file's `energy` that turns measuring on."""


def add_options(parser: pytest.Parser) -> None:
    """Add `--energy*` to the command line, and `energy*` to ini files.

    Every default is `None`, to distinguish an option that was not given from one that was.
    """
    group = parser.getgroup("energygate", "energy per request (energygate)")
    group.addoption("--energy", action="store_true", help="Measure and judge; any other --energy option does too.")
    group.addoption("--energy-off", action="store_true", help="Measure nothing, whatever else is set.")
    for name, metavar, text in TEXTS:
        group.addoption(f"--energy-{name}", metavar=metavar, default=None, help=text)
        parser.addini(f"energy_{name}", f"As --energy-{name}, without turning measuring on.", default=None)
    group.addoption("--energy-strict", action="store_const", const=True, default=None, help=STRICT_HELP)
    parser.addini("energy_strict", "As --energy-strict.", type="bool", default=None)
    parser.addini("energy", "always: measure without an --energy option.")


def is_requested(config: pytest.Config) -> bool:
    """Return whether the command line asks for measuring: with --energy or any other --energy option."""
    if config.getoption("energy_off"):
        return False
    return bool(config.getoption("energy")) or any(
        config.getoption(f"energy_{name}") is not None for name in get_args(Name)
    )


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """The settings of the command line and the ini file.

    Attributes:
        on: Whether to measure.
        options: Values from the command line; `None` for an option that was not given.
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
        """Return the value that decides: the option's, else one in between, else the ini file's."""
        value = first(self.options[name], *between, self.ini[name])
        return None if value is None else str(value)

    def flag(self, name: Name, *between: bool | None) -> bool:
        """Return the same for a setting that is on or off."""
        return bool(first(self.options[name], *between, self.ini[name]))

    def path(self, name: Name) -> Path | None:
        """Return a setting that is a path; `None` when it is not set."""
        text = self.text(name)
        if text is None:
            return None
        return (self.root if self.options[name] is None else self.invocation) / text

    @property
    def policy_file(self) -> Path | None:
        """The named policy, or the one in the root directory; `None` when there is neither."""
        named, usual = self.path("policy"), self.root / POLICY_FILE
        return usual if named is None and usual.is_file() else named


def first(*values: T | None) -> T | None:
    """Return the first value that is not `None`; `False` and the empty text are values."""
    return next((value for value in values if value is not None), None)


def read_settings(config: pytest.Config, items: Sequence[pytest.Item]) -> PluginSettings:
    """Read the settings of a session with these energy tests.

    Raises:
        pytest.UsageError: The ini file's `energy` has an unknown value.
    """
    names: list[Name] = [*get_args(Name)]
    word = str(config.getini("energy") or "")
    if word not in {"", ALWAYS}:
        raise pytest.UsageError(f"ini file: energy = {word}: the only value is {ALWAYS}")
    return PluginSettings(
        on=is_requested(config) or (word == ALWAYS and not config.getoption("energy_off")),
        options={name: config.getoption(f"energy_{name}") for name in names},
        ini={name: config.getini(f"energy_{name}") for name in names},
        invocation=config.invocation_params.dir,
        root=_root(config, items),
    )


def _root(config: pytest.Config, items: Sequence[pytest.Item]) -> Path:
    """Return pytest's root directory, or the working directory if only that one contains all the tests."""
    for root in (config.rootpath, config.invocation_params.dir):
        if all(item.path.is_relative_to(root) for item in items):
            return root
    return config.rootpath
