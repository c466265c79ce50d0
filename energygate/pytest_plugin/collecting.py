"""What the user's own session says of collecting tests, for those who collect them again: workers, and base."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CORE = {
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
"""Options without which a test may not be collected, or be another one, and whether they take a value."""

CONFIG_FILE = ("-c", "--config-file")
PLACES = dict.fromkeys((*CONFIG_FILE, "--rootdir", "--confcutdir"), True)
"""Options that name a place."""

CONFIG_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
"""Where pytest looks for its configuration: upwards from the tests that it is given."""


@dataclass(frozen=True, kw_only=True)
class Collecting:
    """How a session has collected its tests.

    Attributes:
        root: The directory that workers run in.
        options: Options for them, each in one piece.
        config_file: The session's configuration: relative to `root` where it lies in there, so that each side has its
            own; `None` where there is none.
        is_config_given: Whether the command line names it.
        targets: Files, directories and node ids that were asked for, relative to `root`; none for what the
            configuration says; `None` where base cannot be asked for the same.
        selection: Options that select among them.
    """

    root: Path
    options: tuple[str, ...]
    config_file: str | None
    is_config_given: bool
    targets: tuple[str, ...] | None
    selection: tuple[str, ...]

    def options_for(self, test_file: Path) -> tuple[str, ...]:
        """Options for a worker that is given this file alone.

        It would find another configuration than the session where one lies nearer to the file.
        """
        between = [one for one in test_file.parents if one != self.root and one.is_relative_to(self.root)]
        is_nested = any((one / name).is_file() for one in between for name in CONFIG_FILES)
        if self.config_file is None or not (is_nested or self.is_config_given):
            return self.options
        return (f"-c{self.config_file}", *self.options)

    @property
    def options_for_all(self) -> tuple[str, ...]:
        """Options for collecting what the session was asked for."""
        config = (f"-c{self.config_file}",) if self.is_config_given else ()
        return (*config, *self.options, *self.selection)


def read_collecting(config: pytest.Config, root: Path) -> Collecting:
    """Read how a session collects.

    Args:
        config: The session's.
        root: The directory that workers run in.
    """
    invocation = config.invocation_params.dir
    said = dict(CORE) | own_options(config)
    arguments = [str(one) for one in config.invocation_params.args]
    options = [joined(name, value) for name, value in given(arguments, said)]
    places = dict(given(arguments, PLACES))
    if "--rootdir" in places:
        options.append(f"--rootdir={_placed(config.rootpath, root)}")
    if cut := places.get("--confcutdir"):
        options.append(f"--confcutdir={_placed(invocation / cut, root)}")
    return Collecting(
        root=root,
        options=tuple(options),
        config_file=None if config.inipath is None else _placed(config.inipath, root),
        is_config_given=any(name in places for name in CONFIG_FILE),
        targets=_targets(config, root),
        selection=tuple(_selection(config, root)),
    )


def given(arguments: Sequence[str], known: Mapping[str, bool]) -> Iterator[tuple[str, str | None]]:
    """The options of a command line that are known, with their values.

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
    """An option in one piece."""
    if value is None:
        return name
    return f"{name}={value}" if name.startswith("--") else name + value


def own_options(config: pytest.Config) -> dict[str, bool]:
    """Options that the project's own conftest.py and plugins have added, and whether they take a value."""
    recorder = _Recorder()
    for one in config.hook.pytest_addoption.get_hookimpls():
        file = getattr(one.plugin, "__file__", None)
        if file is None or not _is_own(Path(file), config.rootpath):
            continue
        known = {"parser": recorder, "pluginmanager": config.pluginmanager}
        with contextlib.suppress(Exception):  # whatever it does, it has done it once without trouble
            one.function(*[known[name] for name in one.argnames])
    return recorder.found


class _Recorder:
    """Stands in for pytest's parser."""

    def __init__(self) -> None:
        self.found: dict[str, bool] = {}

    def addoption(self, *names: str, **attributes: Any) -> None:  # noqa: ANN401 - argparse's
        takes_value = attributes.get("action", "store") in {"store", "append", "extend"}
        self.found |= dict.fromkeys(names, takes_value and attributes.get("nargs") != 0)

    def getgroup(self, *_: object, **__: object) -> _Recorder:
        return self

    def addini(self, *_: object, **__: object) -> None:
        pass


def _is_own(file: Path, root: Path) -> bool:
    return file.name == "conftest.py" or (file.is_relative_to(root) and "site-packages" not in file.parts)


def _placed(path: Path, root: Path) -> str:
    """A path relative to the root where it lies in there: each side has its own."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _targets(config: pytest.Config, root: Path) -> tuple[str, ...] | None:
    source = pytest.Config.ArgsSource
    if config.args_source is source.TESTPATHS:
        return ()
    if config.option.pyargs:
        return None
    found = []
    for one in config.args:
        file, colons, rest = str(one).partition("::")
        path = Path(os.path.normpath(config.invocation_params.dir / file))
        if not path.is_relative_to(root):
            return None
        found.append(_placed(path, root) + colons + rest)
    return () if found == ["."] else tuple(found)


def _selection(config: pytest.Config, root: Path) -> Iterator[str]:
    option = config.option
    if option.keyword:
        yield f"-k{option.keyword}"
    if option.markexpr:
        yield f"-m{option.markexpr}"
    yield from (f"--deselect={one}" for one in option.deselect or ())
    invocation = config.invocation_params.dir
    for name, said in (("--ignore", option.ignore), ("--ignore-glob", option.ignore_glob)):
        yield from (f"{name}={_placed(Path(os.path.normpath(invocation / one)), root)}" for one in said or ())


def root_of(config: pytest.Config, items: Sequence[pytest.Item]) -> Path:
    """The directory that workers run in, and that names of tests are relative to.

    That is pytest's root directory; where that is only where its configuration lies, and tests lie elsewhere, the
    working directory.
    """
    for root in (config.rootpath, config.invocation_params.dir):
        if all(item.path.is_relative_to(root) for item in items):
            return root
    return config.rootpath


def node_id(item: pytest.Item, root: Path) -> str:
    """A test's node id, its file relative to the root."""
    _, colons, rest = item.nodeid.partition("::")
    return _placed(item.path, root) + colons + rest
