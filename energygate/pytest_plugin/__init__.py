"""`pytest --energy`: energy limits as ordinary tests. This file has what pytest sees: options, marker, fixture, hooks.

Only pytest, the standard library and light modules of energygate are imported until a test is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from energygate.pytest_plugin.plugin_options import add_options, is_requested

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from energygate.pytest_plugin.engine import Engine
    from energygate.pytest_plugin.fixture import Energy
    from energygate.pytest_plugin.plugin_options import PluginSettings
    from energygate.pytest_plugin.session import EnergySession

SESSION: pytest.StashKey[EnergySession] = pytest.StashKey()
"""Of a config: its energy tests; missing while there are none."""

ENGINE: pytest.StashKey[Callable[[pytest.Config, PluginSettings], Engine]] = pytest.StashKey()
"""Of a config: makes another engine than the usual one, for tests of the plugin."""

DESELECTED: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()
"""Of a config: energy tests that were collected and deselected."""

HARMLESS = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

MARKER = (
    "energy(max=..., max_increase=..., METRIC=..., ...): limits on what the test's energy(...) costs per request, "
    "such as max='0.5 mWh', max_increase='5 %', latency_p95='20 ms' (energygate)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and their ini settings."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember deselected energy tests: they are not removed tests."""
    for item in filter(_is_energy_test, items):
        item.config.stash.setdefault(DESELECTED, []).append(item)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the session's energy tests, if there are any or an option asks for measuring.

    Raises:
        pytest.UsageError: A marker or an option is invalid.
    """
    items = [item for item in session.items if _is_energy_test(item)]
    config = session.config
    if items or is_requested(config) or any(config.getini(one) for one in ("energy_base", "energy_json")):
        begun = _begin(config, items)
        if begun.is_measuring:
            collected = [*items, *config.stash.get(DESELECTED, [])]
            begun.session_result.note_collected(session, collected, begun.engine)


def _begin(config: pytest.Config, items: Sequence[pytest.Item]) -> EnergySession:
    from energygate.pytest_plugin.session import EnergySession

    session = EnergySession.begin(config, items, config.stash.get(ENGINE, None))
    config.stash[SESSION] = session
    return session


def _is_energy_test(item: pytest.Item) -> bool:
    return "energy" in getattr(item, "fixturenames", ()) or item.get_closest_marker("energy") is not None


@pytest.fixture
def energy(request: pytest.FixtureRequest) -> Energy:
    """Call a function and return its value; with `--energy`, measure and judge what such calls cost.

    Example:
        >>> @pytest.mark.energy(max="0.5 mWh")
        ... def test_classify(energy):
        ...     assert energy(classifier.predict, image) == "cat"
    """
    session = request.config.stash.get(SESSION, None)
    if session is None:  # requested only while the test runs
        try:
            session = _begin(request.config, [request.node])
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
    return session.fixture_of(request.node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Reset a test that runs again."""
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.reset(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test that has passed otherwise; a broken budget is then its failure."""
    session = item.config.stash.get(SESSION, None)
    value = None
    if session is not None:
        with session.judging(item):
            value = yield
        return value
    value = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:  # the test has requested the fixture while it ran
        with session.judging(item):
            pass
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Report what could not be measured as an error beside the test, whose code has not failed."""
    value = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.raise_error(item)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the outcome to a report, which may travel to another process."""
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.annotate(item, report)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """Give tests that are over budget or inconclusive a letter and a word of their own."""
    energy = getattr(report, "energygate", None)
    if energy is None:
        return None
    from energygate.pytest_plugin.terminal import status

    return status(report, energy)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Look for tests that only base has, remove its checkout, and write the result."""
    energy_session = session.config.stash.get(SESSION, None)
    if energy_session is not None:
        energy_session.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        if energy_session.session_result.fails_by_removal and exitstatus in HARMLESS:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the section about energy."""
    session = terminalreporter.config.stash.get(SESSION, None)
    reports = [
        (report.nodeid, report.energygate)
        for of_one_kind in terminalreporter.stats.values()
        for report in of_one_kind
        if hasattr(report, "energygate")
    ]
    if session is not None or reports:
        from energygate.pytest_plugin.terminal import write_section

        write_section(terminalreporter, session, reports)
