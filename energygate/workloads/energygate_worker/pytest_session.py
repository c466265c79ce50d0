"""What makes one measured run of one test out of a project's pytest: its settings stay, its good company is sent home.

Plugins that would run the test elsewhere (xdist, forked), again (rerunfailures), not to its end (timeout) or under
observation (cov, memray) are loaded, so that their options, hooks and requirements are known, and then kept from
working. Nothing is written to the checkout.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .checkouts import Checkouts

SENT_HOME = frozenset(
    {
        "energygate.pytest_plugin",
        "pytest_timeout",
        "pytest_rerunfailures",
        "pytest_forked",
        "pytest_memray.plugin",
    }
)
"""Modules of plugins that do nothing here; their options stay known."""

MARKERS = (
    "energy(**limits): judged in the user's own session",
    "timeout(*args, **kwargs): of pytest-timeout, which does nothing here",
    "flaky(*args, **kwargs): of pytest-rerunfailures, which does nothing here",
    "forked: of pytest-forked, which does nothing here",
    "limit_memory(*args, **kwargs): of pytest-memray, which does nothing here",
    "limit_leaks(*args, **kwargs): of pytest-memray, which does nothing here",
)
"""Those of the plugins that are sent home: `--strict-markers` wants them known."""

SELECTION: dict[str, Any] = {
    **dict.fromkeys(("markexpr", "keyword"), ""),
    **dict.fromkeys(("deselect", "ignore", "ignore_glob")),
}
"""Options that select tests, and what they are where one is asked for."""

OPTIONS: dict[str, Any] = {
    # which tests, and how many
    **dict.fromkeys(("lf", "failedfirst", "newfirst", "stepwise", "stepwise_skip", "stepwise_reset"), False),
    **dict.fromkeys(("collectonly", "setuponly", "setupplan", "setupshow", "showfixtures"), False),
    **dict.fromkeys(("show_fixtures_per_test", "cacheclear", "randomly_reorganize"), False),
    # where and how often: here, once
    **dict.fromkeys(("distload", "looponfail", "forked", "usepdb", "trace"), False),
    "numprocesses": 0,
    "dist": "no",
    "tx": [],
    "count": 1,
    # what is told: little, on standard error, to nobody else
    **dict.fromkeys(("xmlpath", "htmlpath", "report_log", "pastebin", "durations", "log_file", "cov_source")),
    **dict.fromkeys(("json_report", "memray", "profile", "profile_svg", "showlocals"), False),
    "verbose": -1,
    "no_header": True,
    "reportchars": "",
    "tbstyle": "short",
    "color": "no",
    "capture": "no",
}
"""Options of pytest and of plugins, by the names they are kept under, and what they are here."""

INI = {"log_file": "", "log_cli": "false", "faulthandler_timeout": "0"}
"""The same of ini files."""

PLACES = ("-c", "--rootdir=", "--confcutdir=")
"""Options that name a file or a directory of the checkout."""

TEXTS = ("budget", "base", "json", "time", "pue", "policy")
FLAGS = ("", "off", "strict")
"""What follows `--energy`: a side's environment need not have the plugin that knows these."""


SUMMARY = "pytest_terminal_summary"
"""Nobody reads what plugins sum up, and some take long for it: hypothesis loads itself to say nothing (0.1 s)."""


class WrongIni(Exception):
    """pytest has found the other side's configuration."""


class Session:
    """Keeps pytest to one run of one test.

    Args:
        spec: What it is told: `target`, a node id, or several; `options`, those of the user's own session that say how
            tests are collected; `scratch`, a directory for what pytest writes; `seed`.
        checkouts: Whose configuration is whose.
        fixture: The plugin with our fixture.
        overrides: Options that are not as the project says.
        ended: Is called when the test has ended, before what it needed is torn down; tells whether it was measured.
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
        """What pytest is called with."""
        ini = dict(INI, cache_dir=os.path.join(self._spec["scratch"], "cache"))
        settings = [part for name in ini for part in ("-o", "%s=%s" % (name, ini[name]))]
        return [*filter(_names_what_exists, self._spec["options"]), *settings, *self._spec["targets"]]

    def pytest_load_initial_conftests(
        self, early_config: Any, args: list[str], parser: Any
    ) -> Iterator[None]:
        """Before anybody else: leave output alone, and measure no coverage. Afterwards: know what may be named."""
        if self._checkouts.is_others(early_config.inipath):
            raise WrongIni
        early = early_config.known_args_namespace
        early.capture = "no"
        if self._checkouts.is_inside:
            early.confcutdir = os.getcwd()  # the conftest.py around this checkout is the other side's
        if hasattr(early, "cov_source"):
            early.cov_source = None
        if not hasattr(early, "energy"):
            _know_energy(parser)
        for name in (*INI, "cache_dir"):
            _know_ini(early_config, parser, name)
        yield
        self._forget_unknown(args, parser)

    def _forget_unknown(self, args: list[str], parser: Any) -> None:
        """Leave out what only the other side's conftest.py, or the user's own environment, has an option for."""
        optional = {one for one in self._spec["options"] if one.startswith("--")}.intersection(args)
        if optional:
            unknown = parser.parse_known_and_unknown_args(args)[1]
            args[:] = [one for one in args if one not in optional or one not in unknown]

    def pytest_cmdline_main(self, config: Any) -> Iterator[None]:
        """Before plugins begin to work: send those home that should not, and set everybody's options."""
        for plugin in config.pluginmanager.get_plugins():
            if getattr(plugin, "__name__", None) in SENT_HOME:
                config.pluginmanager.unregister(plugin)
        # Fixtures of plugins that are gone count as well: the last one of a name is the one that is used.
        config.pluginmanager.register(self._fixture)
        scratch = self._spec["scratch"]
        more = {"randomly_seed": self._spec["seed"], "basetemp": os.path.join(scratch, "temporary")}
        for name, value in dict(self._overrides, **more).items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        yield

    def pytest_configure(self, config: Any) -> None:
        """Make markers known whose plugins are not here."""
        for marker in MARKERS:
            config.addinivalue_line("markers", marker)

    def pytest_runtest_teardown(self, item: Any) -> None:
        """Say that the test itself is over, and keep plugins from summing up what nobody reads."""
        sys.stdout.flush()
        if self._ended():
            config = item.config
            silent = config.pluginmanager.subset_hook_caller(SUMMARY, config.pluginmanager.get_plugins())
            setattr(config.hook, SUMMARY, silent)


def run_session(pytest: Any, session: Session, plugins: list[Any]) -> Any:
    """Run pytest; returns its exit code."""
    plugins = [as_plugin(pytest, one) for one in (session, *plugins)]
    arguments = session.arguments
    try:
        return pytest.main(list(arguments), plugins)  # it changes what it is given
    except WrongIni:  # this checkout has none, and the one around it is the other side's
        here = ["-c", os.devnull, "--rootdir", os.getcwd()]
        return pytest.main([*here, *arguments], plugins)


def as_plugin(pytest: Any, plugin: Any) -> Any:
    """A plugin whose hooks have been told apart as its class says: decorators would need pytest at import."""
    for name, options in plugin.HOOKS:
        pytest.hookimpl(**options)(getattr(type(plugin), name))
    return plugin


def _names_what_exists(option: str) -> bool:
    """Whether an option's file or directory is there: the other side may have one that this side has not."""
    for name in PLACES:
        if option.startswith(name):
            return os.path.exists(option[len(name) :])
    return True


def _know_energy(parser: Any) -> None:
    """Accept the options and ini names of a plugin that is not installed here."""
    group = parser.getgroup("energygate")
    for name in FLAGS:
        group.addoption("--energy-%s" % name if name else "--energy", action="store_true", default=None)
    for name in TEXTS:
        group.addoption("--energy-%s" % name, default=None)
    for name in ("energy", *("energy_%s" % one for one in (*FLAGS[1:], *TEXTS))):
        parser.addini(name, "of the plugin, which is not installed here", default=None)


def _know_ini(config: Any, parser: Any, name: str) -> None:
    """Accept a setting that this pytest, or one without some plugin, does not know."""
    try:
        config.getini(name)
    except (ValueError, KeyError):
        parser.addini(name, "of a plugin that is switched off")
