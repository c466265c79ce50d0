"""Run pytest so that a test is measured once: the project's settings apply, but other plugins are disabled.

Plugins that would run the test elsewhere (xdist, forked), again (rerunfailures), not to its end (timeout) or under
observation (cov, memray) are loaded, so that their options, hooks and requirements are known, and then disabled.
Nothing is written to the checkout.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .checkouts import Checkouts

DISABLED = frozenset(
    {
        "energygate.pytest_plugin",
        "pytest_timeout",
        "pytest_rerunfailures",
        "pytest_forked",
        "pytest_memray.plugin",
    }
)
"""Modules of plugins that are disabled; their options stay known."""

MARKERS = (
    "energy(**limits): judged in the user's own session",
    "timeout(*args, **kwargs): of pytest-timeout, which does nothing here",
    "flaky(*args, **kwargs): of pytest-rerunfailures, which does nothing here",
    "forked: of pytest-forked, which does nothing here",
    "limit_memory(*args, **kwargs): of pytest-memray, which does nothing here",
    "limit_leaks(*args, **kwargs): of pytest-memray, which does nothing here",
)
"""Markers of the disabled plugins, which `--strict-markers` requires."""

SELECTION: dict[str, Any] = {
    **dict.fromkeys(("markexpr", "keyword"), ""),
    **dict.fromkeys(("deselect", "ignore", "ignore_glob")),
}
"""Options that select tests, and their values when one test is requested."""

OPTIONS: dict[str, Any] = {
    # which tests, and how many
    **dict.fromkeys(("lf", "failedfirst", "newfirst", "stepwise", "stepwise_skip", "stepwise_reset"), False),
    **dict.fromkeys(("collectonly", "setuponly", "setupplan", "setupshow", "showfixtures"), False),
    **dict.fromkeys(("show_fixtures_per_test", "cacheclear", "randomly_reorganize"), False),
    # where and how often: once, in this process
    **dict.fromkeys(("distload", "looponfail", "forked", "usepdb", "trace"), False),
    "numprocesses": 0,
    "dist": "no",
    "tx": [],
    "count": 1,
    # output: little, on stderr, nowhere else
    **dict.fromkeys(("xmlpath", "htmlpath", "report_log", "pastebin", "durations", "log_file", "cov_source")),
    **dict.fromkeys(("json_report", "memray", "profile", "profile_svg", "showlocals"), False),
    "verbose": -1,
    "no_header": True,
    "reportchars": "",
    "tbstyle": "short",
    "color": "no",
    "capture": "no",
}
"""Options of pytest and of plugins, by their internal names, and their values here."""

INI = {"log_file": "", "log_cli": "false", "faulthandler_timeout": "0"}
"""The same for ini files."""

PATH_OPTIONS = ("-c", "--rootdir=", "--confcutdir=")
"""Options that name a file or directory of the checkout."""

TEXTS = ("budget", "base", "json", "time", "pue", "policy")
FLAGS = ("", "off", "strict")
"""Suffixes of `--energy`: a side's environment may lack the plugin that has these options."""


SUMMARY = "pytest_terminal_summary"
"""The summaries are never read, and some are slow: hypothesis imports itself to print nothing (0.1 s)."""


class WrongIni(Exception):
    """Pytest has found the other side's configuration."""


class Session:
    """Restricts pytest to one run of one test.

    Args:
        spec: `targets`, node ids; `options`, the user's session's that decide how tests are collected; `scratch`,
            a directory for pytest's files; `seed`.
        checkouts: Determine which side owns a configuration.
        fixture: The plugin with the fixture `energy`.
        overrides: Options that override the project's.
        ended: Called when the test has ended, before its fixtures are torn down; returns whether it was measured.
    """

    HOOKS = (
        ("pytest_load_initial_conftests", {"hookwrapper": True}),
        ("pytest_cmdline_main", {"hookwrapper": True}),
        ("pytest_runtest_teardown", {"tryfirst": True}),
    )

    def __init__(
        self,
        spec: dict[str, Any],
        checkouts: Checkouts,
        fixture: Any,
        overrides: dict[str, Any],
        ended: Callable[[], bool] = bool,
    ) -> None:
        self._spec = spec
        self._checkouts = checkouts
        self._fixture = fixture
        self._overrides = overrides
        self._ended = ended

    @property
    def arguments(self) -> list[str]:
        """The arguments of pytest."""
        ini = dict(INI, cache_dir=os.path.join(self._spec["scratch"], "cache"))
        settings = [part for name in ini for part in ("-o", "%s=%s" % (name, ini[name]))]
        return [*filter(_path_exists, self._spec["options"]), *settings, *self._spec["targets"]]

    def pytest_load_initial_conftests(self, early_config: Any, args: list[str], parser: Any) -> Iterator[None]:
        """First, leave output alone, disable coverage and add missing options; afterwards, drop unknown ones."""
        if self._checkouts.is_others(early_config.inipath):
            raise WrongIni
        early = early_config.known_args_namespace
        early.capture = "no"
        if self._checkouts.is_inside:
            early.confcutdir = os.getcwd()  # a conftest.py above this checkout is the other side's
        if hasattr(early, "cov_source"):
            early.cov_source = None
        if not hasattr(early, "energy"):
            _add_energy_options(parser)
        for name in (*INI, "cache_dir"):
            _add_ini(early_config, parser, name)
        yield
        self._drop_unknown(args, parser)

    def _drop_unknown(self, args: list[str], parser: Any) -> None:
        """Drop options that only the other side's conftest.py, or the user's own environment, defines."""
        optional = {one for one in self._spec["options"] if one.startswith("--")}.intersection(args)
        if optional:
            unknown = parser.parse_known_and_unknown_args(args)[1]
            args[:] = [one for one in args if one not in optional or one not in unknown]

    def pytest_cmdline_main(self, config: Any) -> Iterator[None]:
        """Before plugins start: disable the unwanted ones, and override options."""
        for plugin in config.pluginmanager.get_plugins():
            if getattr(plugin, "__name__", None) in DISABLED:
                config.pluginmanager.unregister(plugin)
        # Fixtures of disabled plugins still count; of several with one name pytest uses the last.
        config.pluginmanager.register(self._fixture)
        scratch = self._spec["scratch"]
        more = {"randomly_seed": self._spec["seed"], "basetemp": os.path.join(scratch, "temporary")}
        for name, value in dict(self._overrides, **more).items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        yield

    def pytest_configure(self, config: Any) -> None:
        """Register markers whose plugins are disabled."""
        for marker in MARKERS:
            config.addinivalue_line("markers", marker)

    def pytest_runtest_teardown(self, item: Any) -> None:
        """Report that the test itself is over, and skip the summaries of plugins."""
        sys.stdout.flush()
        if self._ended():
            config = item.config
            silent = config.pluginmanager.subset_hook_caller(SUMMARY, config.pluginmanager.get_plugins())
            setattr(config.hook, SUMMARY, silent)


def run_session(pytest: Any, session: Session, plugins: list[Any]) -> Any:
    """Run pytest; return its exit code."""
    plugins = [as_plugin(pytest, one) for one in (session, *plugins)]
    arguments = session.arguments
    try:
        return pytest.main(list(arguments), plugins)  # it modifies its arguments
    except WrongIni:  # this checkout has none, and the one above it is the other side's
        here = ["-c", os.devnull, "--rootdir", os.getcwd()]
        return pytest.main([*here, *arguments], plugins)


def as_plugin(pytest: Any, plugin: Any) -> Any:
    """Mark the hooks of a plugin as its class says: decorators would need pytest at import."""
    for name, options in plugin.HOOKS:
        pytest.hookimpl(**options)(getattr(type(plugin), name))
    return plugin


def _path_exists(option: str) -> bool:
    """Return whether an option's file or directory exists: it may do so only at the other side."""
    for name in PATH_OPTIONS:
        if option.startswith(name):
            return os.path.exists(option[len(name) :])
    return True


def _add_energy_options(parser: Any) -> None:
    """Accept the options and ini names of the plugin, which is not installed here."""
    group = parser.getgroup("energygate")
    for name in FLAGS:
        group.addoption("--energy-%s" % name if name else "--energy", action="store_true", default=None)
    for name in TEXTS:
        group.addoption("--energy-%s" % name, default=None)
    for name in ("energy", *("energy_%s" % one for one in (*FLAGS[1:], *TEXTS))):
        parser.addini(name, "of the plugin, which is not installed here", default=None)


def _add_ini(config: Any, parser: Any, name: str) -> None:
    """Accept a setting that this pytest, or one without some plugin, does not know."""
    try:
        config.getini(name)
    except (ValueError, KeyError):
        parser.addini(name, "of a disabled plugin")
