"""pytest in a process of its own, in which each workload is launched once, whatever the machine's speed."""

from __future__ import annotations

import sys

PROGRAM = """
import sys

import pytest


class Once:
    def pytest_configure(self):
        from energygate.measure import campaign

        campaign.MAX_LAUNCHES = 1


sys.exit(pytest.main(sys.argv[1:], plugins=[Once()]))
"""

LAUNCHED_ONCE = (sys.executable, "-c", PROGRAM)
"""What `pytest` and its arguments are otherwise."""

TIME = ("--energy-time", "4s")
"""A launch may take an eighth of it, which has room for several windows on a busy machine too."""
