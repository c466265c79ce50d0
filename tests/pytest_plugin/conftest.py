"""Small suites whose tests are measured by a stand-in."""

from __future__ import annotations

import engine_stand_in  # loads what measuring needs, once and not in each of the suites  # noqa: F401
import pytest

CONFTEST = """
from energygate.pytest_plugin import ENGINE
from engine_stand_in import StandIn

def pytest_configure(config):
    config.stash[ENGINE] = StandIn.open
"""


@pytest.fixture
def suite(pytester):
    """Writes and runs a suite: `suite(source, "--energy", ini="...")`."""
    pytester.makeconftest(CONFTEST)

    def run(source, *arguments, ini="", policy=None):
        pytester.makepyfile(test_it="import pytest\n\n" + source)
        pytester.makeini(f"[pytest]\n{ini}\n")
        if policy is not None:
            pytester.path.joinpath("energygate.yml").write_text(policy, "utf-8")
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments, no_reraise_ctrlc=True)

    return run
