"""Workers of short checks that may take as long to answer as a busy machine needs."""

from __future__ import annotations

import pytest

from energygate.workloads.process import Worker

GENEROUS_S = 60


@pytest.fixture(scope="session", autouse=True)
def patient():
    """A command of a worker may take no longer than the time limit: a second, where a test cannot wait for more."""
    begin = Worker.__init__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Worker,
            "__init__",
            lambda self, start, *, timeout_s: begin(self, start, timeout_s=max(timeout_s, GENEROUS_S)),
        )
        yield
