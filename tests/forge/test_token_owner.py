"""Whose token it is: a person's, a job's own, another app's."""

from __future__ import annotations

import pytest
from github_simulator.api.fake_github import ACTIONS, ALICE, MALLORY, OTHER_APP, FakeGitHub

from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.token_owner import Identity, own_identity


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (ALICE, Identity(login="alice", id=1001)),
        (ACTIONS, Identity(login="github-actions[bot]")),
        (OTHER_APP, Identity(login="energy-police[bot]")),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_a_token_tells_whose_it_is(client_of, user, expected, prefix):
    with FakeGitHub(prefix=prefix).serving() as github:
        assert own_identity(client_of(github, user)) == expected


def test_an_app_that_is_told_nothing_is_taken_for_the_jobs_own(github, client):
    github.graphql = False
    assert own_identity(client) == Identity(login="github-actions[bot]")


@pytest.mark.parametrize("answer", [{"errors": [{"message": "no"}]}, {"data": None}, {"data": {"viewer": 7}}, []])
def test_an_app_that_is_told_nonsense_is_too(github, client, answer):
    github.trick("POST", "/graphql", status=200, body=answer)
    assert own_identity(client) == Identity(login="github-actions[bot]")


def test_an_apps_name_without_its_ending_is_not_taken_for_a_persons(github, client):
    github.trick("POST", "/graphql", status=200, body={"data": {"viewer": {"login": "alice"}}})
    assert own_identity(client) == Identity(login="alice[bot]")


def test_a_wrong_token_is_nobodys(github, client_of):
    with pytest.raises(GitHubError, match="expired"):
        own_identity(client_of(github, token="ghs_wrong"))  # noqa: S106 - of nobody


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Identity(login="alice", id=1), Identity(login="alice", id=1), True),
        (Identity(login="alice", id=1), Identity(login="renamed", id=1), True),
        # The name was given up, and someone else took it.
        (Identity(login="alice", id=1), Identity(login="alice", id=2), False),
        (Identity(login="x[bot]"), Identity(login="X[bot]", id=5), True),
        (Identity(login="x[bot]"), Identity(login="x", id=5), False),
        (Identity(login="x[bot]"), None, False),
        (Identity(login=MALLORY.login, id=MALLORY.id), Identity(login=ALICE.login, id=ALICE.id), False),
    ],
)
def test_who_is_who(one, other, same):
    assert one.is_author(other) is same
