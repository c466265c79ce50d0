"""What all tests share: the simulated GitHub, folders on the path, and hypothesis without a deadline."""

from __future__ import annotations

import os
import random
import select
import sys
import tempfile
from pathlib import Path

import parallel
import pytest
from hypothesis import HealthCheck, settings

# Tests start thousands of interpreters: without bytecode each would compile the same libraries anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Real servers, for the tests of other rooms too.
sys.path += [str(Path(__file__).parent / "production" / room) for room in ("export", "routing")]

# The machine may be busy: how long one example took, or took to be drawn, says nothing about the code.
settings.register_profile("energygate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What lands is decided by the change and not by luck: the examples are the same whenever the tests are.
settings.register_profile("landing", parent=settings.get_profile("energygate"), derandomize=True)
settings.load_profile("energygate")

GENEROUS_S = 30


def pytest_addoption(pluginmanager):
    """Register how tests are spread over workers, early enough to start these."""
    pluginmanager.register(parallel, "parallel")


@pytest.fixture(scope="session", autouse=True)
def own_temporary_directory(tmp_path_factory):
    """Checks of these tests share a lock of their own, apart from other checks on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="session", autouse=True)
def any_cpu_first(request):
    """Checks side by side begin on any CPU: all would begin on the first, and wait for each other there."""
    if not hasattr(request.config, "workerinput"):
        yield
        return
    from energygate.run import prepare

    in_order = prepare.cpu_sets

    def rotated(cpus, threads):
        sets = in_order(cpus, threads)
        first = random.SystemRandom().randrange(len(sets))
        return sets[first:] + sets[:first]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "cpu_sets", rotated)
        yield


@pytest.fixture
def has_ended():
    """Waits for the end of a process that need not be a child; the kernel says when."""

    def wait(pid):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([handle], [], [], GENEROUS_S)[0])
        finally:
            os.close(handle)

    return wait


@pytest.fixture
def github(monkeypatch):
    """GitHub's API, simulated by a server on this machine."""
    from github_simulator.api.fake_github import FakeGitHub

    monkeypatch.setenv("no_proxy", "*")  # which comes before NO_PROXY
    with FakeGitHub().serving() as simulated:
        yield simulated
