"""`pytest --energy`: energy limits as ordinary tests. Here is what pytest sees: options, marker, fixture, hooks.

Nothing but pytest and the standard library is imported until a test is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from energygate.pytest_plugin.options import add_options, is_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from energygate.pytest_plugin.calling import Energy
    from energygate.pytest_plugin.measurer import Measurer
    from energygate.pytest_plugin.session import EnergySession
    from energygate.pytest_plugin.settings import Settings

SESSION: pytest.StashKey[EnergySession] = pytest.StashKey()
"""Of a config: its energy tests; missing while there are none."""

MEASURER: pytest.StashKey[Callable[[pytest.Config, Settings], Measurer]] = pytest.StashKey()
"""Of a config: makes what measures instead of energygate's engine, for tests of tests."""

DESELECTED: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()
"""Of a config: energy tests that were collected and are not to be run."""

HARMLESS = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

MARKER = (
    "energy(max=..., max_increase=..., METRIC=..., ...): limits on what the test's energy(...) costs per request, "
    "such as max='0.5 mWh', max_increase='5 %', latency_p95='20 ms' (energygate)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and what stands for them in an ini file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember the tests about energy that are not to be run: they are no less there."""
    for item in filter(_is_about_energy, items):
        item.config.stash.setdefault(DESELECTED, []).append(item)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the limits of the tests that are about energy; where there is nothing to do for them, that was all.

    Raises:
        pytest.UsageError: When a marker or an option makes no sense.
    """
    items = [item for item in session.items if _is_about_energy(item)]
    config = session.config
    if items or is_asked(config) or any(config.getini(one) for one in ("energy_base", "energy_json")):
        begun = _begin(config, items)
        begun.know(session, [*items, *config.stash.get(DESELECTED, [])])


def _begin(config: pytest.Config, items: Sequence[pytest.Item]) -> EnergySession:
    from energygate.pytest_plugin.session import EnergySession

    session = EnergySession.begin(config, items, config.stash.get(MEASURER, None))
    config.stash[SESSION] = session
    return session


def _is_about_energy(item: pytest.Item) -> bool:
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
    if session is None:  # no test has said before that it would ask
        try:
            session = _begin(request.config, [request.node])
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
    return session.calls_of(request.node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that runs again begins anew."""
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.renew(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test that has passed by its own merits; a broken budget is then its failure."""
    session = item.config.stash.get(SESSION, None)
    value = None
    if session is not None:
        with session.judging(item):
            value = yield
        return value
    value = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:  # the test has asked for the fixture while it ran
        with session.judging(item):
            pass
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Tell what could not be measured as an error beside the test, whose code has not failed."""
    value = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.raise_trouble(item)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report carry what was found; it may travel to another process."""
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.annotate(item, report)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """Give tests that are over budget, or inconclusive, a letter and a word of their own."""
    told = getattr(report, "energygate", None)
    if told is None:
        return None
    from energygate.pytest_plugin.statuses import status

    return status(report, told)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Look for tests that only base has, remove its checkout, and write the result."""
    energy_session = session.config.stash.get(SESSION, None)
    if energy_session is not None:
        energy_session.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        if energy_session.whole.is_broken_by_removal and exitstatus in HARMLESS:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the section about energy."""
    session = terminalreporter.config.stash.get(SESSION, None)
    told = [
        (report.nodeid, report.energygate)
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "energygate")
    ]
    if session is not None or told:
        from energygate.pytest_plugin.section import write_section

        write_section(terminalreporter, session, told)
