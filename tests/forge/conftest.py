"""A simulated GitHub, and clients that record how long they would have waited."""

from __future__ import annotations

import pytest
import requests
from github_simulator.api.fake_github import ACTIONS, FakeGitHub

from energygate.forge.github.client import GitHubClient

NOW_S = 1_800_000_000.0


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Stand-ins are on this machine, whatever proxy it reaches others by; the name in small letters comes first."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def elsewhere():
    """Another host: another port is another origin."""
    with FakeGitHub().serving() as fake:
        yield fake


@pytest.fixture
def pauses():
    """Seconds that clients waited, without waiting."""
    return []


@pytest.fixture
def client_of(pauses):
    """Makes clients; the test's end closes their sessions."""
    sessions = []

    def make(github, user=ACTIONS, *, writes=True, token=None, sleep=pauses.append):
        sessions.append(requests.Session())
        return GitHubClient(
            session=sessions[-1],
            api_url=github.api_url,
            token=token or github.token(user, writes=writes),
            sleep=sleep,
            now_s=lambda: NOW_S,
        )

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def client(client_of, github):
    """A client with a job's own token."""
    return client_of(github)
