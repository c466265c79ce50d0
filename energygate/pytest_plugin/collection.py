"""How the session collects tests, so that workers and base's pytest collect them the same way."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORWARDED_OPTIONS = {
    "-p": True,
    "-o": True,
    "--override-ini": True,
    "-W": True,
    "--pythonwarnings": True,
    "--import-mode": True,
    "--assert": True,
    "--noconftest": False,
    "--disable-plugin-autoload": False,
    "--doctest-modules": False,
    "--doctest-glob": True,
    "--count": True,  # of pytest-repeat
    "--asyncio-mode": True,  # of pytest-asyncio
    "--ds": True,  # of pytest-django
}
"""Options that decide which tests are collected and how, and whether they take a value."""

CONFIG_OPTIONS = ("-c", "--config-file")
PATH_OPTIONS = dict.fromkeys((*CONFIG_OPTIONS, "--rootdir", "--confcutdir"), True)
"""Options that take a path, which depends on where workers run."""

CONFIG_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
"""Where pytest looks for its configuration: upwards from the tests on its command line."""


@dataclass(frozen=True, kw_only=True)
class CollectionSettings:
    """How the session has collected its tests.

    Attributes:
        root: The directory that workers run in.
        options: Options for them, each with its value as one argument.
        config_file: The session's configuration: relative to `root` where it lies inside, so that each side has its
            own; `None` where there is none.
        is_config_named: Whether the command line names it.
        targets: Files, directories and node ids of the command line, relative to `root`; none for those of the
            configuration; `None` where base cannot collect the same.
        selection: Options that select among them.
    """

    root: Path
    options: tuple[str, ...]
    config_file: str | None
    is_config_named: bool
    targets: tuple[str, ...] | None
    selection: tuple[str, ...]

    def options_for(self, test_file: Path) -> tuple[str, ...]:
        """Return the options for a worker that collects this file alone.

        They name the configuration where the worker would otherwise use another, which is nearer to the file.
        """
        between = [one for one in test_file.parents if one != self.root and one.is_relative_to(self.root)]
        is_nested = any((one / name).is_file() for one in between for name in CONFIG_FILES)
        if self.config_file is None or not (is_nested or self.is_config_named):
            return self.options
        return (f"-c{self.config_file}", *self.options)

    @property
    def options_for_all(self) -> tuple[str, ...]:
        """Options for collecting what the session has collected."""
        config = (f"-c{self.config_file}",) if self.is_config_named else ()
        return (*config, *self.options, *self.selection)


def read_collection_settings(config: pytest.Config, root: Path) -> CollectionSettings:
    """Read how the session collects.

    Args:
        config: The session's.
        root: The directory that workers run in.
    """
    invocation = config.invocation_params.dir
    forwarded = dict(FORWARDED_OPTIONS) | project_options(config)
    arguments = [str(one) for one in config.invocation_params.args]
    options = [joined(name, value) for name, value in known_options(arguments, forwarded)]
    places = dict(known_options(arguments, PATH_OPTIONS))
    if "--rootdir" in places:
        options.append(f"--rootdir={relative_to(config.rootpath, root)}")
    if cut := places.get("--confcutdir"):
        options.append(f"--confcutdir={relative_to(invocation / cut, root)}")
    return CollectionSettings(
        root=root,
        options=tuple(options),
        config_file=None if config.inipath is None else relative_to(config.inipath, root),
        is_config_named=any(name in places for name in CONFIG_OPTIONS),
        targets=_targets(config, root),
        selection=tuple(_selection(config, root)),
    )


def known_options(arguments: Sequence[str], known: Mapping[str, bool]) -> Iterator[tuple[str, str | None]]:
    """Yield the known options of a command line with their values.

    Args:
        arguments: The command line.
        known: Options, and whether they take a value.
    """
    rest = iter(arguments)
    for one in rest:
        if one == "--":
            return
        is_long = one.startswith("--")
        name, equals, value = one.partition("=") if is_long else (one[:2], one[2:], one[2:])
        if name in known:
            takes_next = known[name] and not equals
            yield name, next(rest, "") if takes_next else value if equals else None


def joined(name: str, value: str | None) -> str:
    """Return an option and its value as one argument."""
    if value is None:
        return name
    return f"{name}={value}" if name.startswith("--") else name + value


def project_options(config: pytest.Config) -> dict[str, bool]:
    """Return the options that the project's own conftest.py and plugins add, and whether they take a value."""
    recorder = _OptionRecorder()
    for one in config.hook.pytest_addoption.get_hookimpls():
        file = getattr(one.plugin, "__file__", None)
        if file is None or not _is_own(Path(file), config.rootpath):
            continue
        known = {"parser": recorder, "pluginmanager": config.pluginmanager}
        with contextlib.suppress(Exception):  # it has run once before without an error
            one.function(*[known[name] for name in one.argnames])
    return recorder.options


class _OptionRecorder:
    """Records options in place of pytest's parser."""

    def __init__(self) -> None:
        self.options: dict[str, bool] = {}

    def addoption(self, *names: str, **attributes: Any) -> None:  # noqa: ANN401 - argparse's
        takes_value = attributes.get("action", "store") in {"store", "append", "extend"}
        self.options |= dict.fromkeys(names, takes_value and attributes.get("nargs") != 0)

    def getgroup(self, *_: object, **__: object) -> _OptionRecorder:
        return self

    def addini(self, *_: object, **__: object) -> None:
        pass


def _is_own(file: Path, root: Path) -> bool:
    return file.name == "conftest.py" or (file.is_relative_to(root) and "site-packages" not in file.parts)


def relative_to(path: Path, root: Path) -> str:
    """Return a path relative to the root where it lies inside, as each side has its own."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _targets(config: pytest.Config, root: Path) -> tuple[str, ...] | None:
    source = pytest.Config.ArgsSource
    if config.args_source is source.TESTPATHS:
        return ()
    if config.option.pyargs:
        return None
    targets = []
    for one in config.args:
        file, colons, rest = str(one).partition("::")
        path = Path(os.path.normpath(config.invocation_params.dir / file))
        if not path.is_relative_to(root):
            return None
        targets.append(relative_to(path, root) + colons + rest)
    return () if targets == ["."] else tuple(targets)


def _selection(config: pytest.Config, root: Path) -> Iterator[str]:
    option = config.option
    if option.keyword:
        yield f"-k{option.keyword}"
    if option.markexpr:
        yield f"-m{option.markexpr}"
    yield from (f"--deselect={one}" for one in option.deselect or ())
    invocation = config.invocation_params.dir
    for name, paths in (("--ignore", option.ignore), ("--ignore-glob", option.ignore_glob)):
        yield from (f"{name}={relative_to(Path(os.path.normpath(invocation / one)), root)}" for one in paths or ())


def node_id(item: pytest.Item, root: Path) -> str:
    """Return a test's node id, with its file relative to the root."""
    _, colons, rest = item.nodeid.partition("::")
    return relative_to(item.path, root) + colons + rest
