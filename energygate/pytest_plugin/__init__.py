"""`pytest --energy`: energy limits as ordinary tests. Here is what pytest sees: options, marker, fixture, hooks.

Nothing but pytest and the standard library is imported until a test is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from energygate.pytest_plugin.options import add_options

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from energygate.pytest_plugin.calling import Energy
    from energygate.pytest_plugin.session import EnergySession
    from energygate.pytest_plugin.settings import Settings
    from energygate.pytest_plugin.wanted import Measurer

SESSION: pytest.StashKey[EnergySession] = pytest.StashKey()
"""Of a config: its energy tests; missing while there are none."""

MEASURER: pytest.StashKey[Callable[[pytest.Config, Settings], Measurer]] = pytest.StashKey()
"""Of a config: makes what measures instead of energygate's engine, for tests of tests."""

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


def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the limits of the tests that are about energy; where there are none, that was all.

    Raises:
        pytest.UsageError: When a marker or an option makes no sense.
    """
    items = [item for item in session.items if _is_about_energy(item)]
    if items:
        from energygate.pytest_plugin.session import EnergySession

        config = session.config
        config.stash[SESSION] = EnergySession.begin(config, items, config.stash.get(MEASURER, None))


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
    from energygate.pytest_plugin.calling import Energy

    session = request.config.stash.get(SESSION, None)
    return Energy(None) if session is None else session.calls_of(request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test that has passed by its own merits; a broken budget is then its failure."""
    session = item.config.stash.get(SESSION, None)
    if session is None:
        return (yield)
    with session.judging(item):
        return (yield)


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
    """Remove base's checkout, and write the result."""
    energy_session = session.config.stash.get(SESSION, None)
    if energy_session is not None:
        energy_session.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
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
