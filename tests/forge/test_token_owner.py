"""The owner of a token: a person, the job itself, another app."""

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
def test_the_owner_of_a_token_is_found(client_of, user, expected, prefix):
    with FakeGitHub(prefix=prefix).serving() as github:
        assert own_identity(client_of(github, user)) == expected


def test_without_an_identity_the_jobs_own_app_is_assumed(github, client):
    github.graphql = False
    assert own_identity(client) == Identity(login="github-actions[bot]")


@pytest.mark.parametrize("answer", [{"errors": [{"message": "no"}]}, {"data": None}, {"data": {"viewer": 7}}, []])
def test_an_invalid_identity_is_treated_as_the_jobs_own_app(github, client, answer):
    github.trick("POST", "/graphql", status=200, body=answer)
    assert own_identity(client) == Identity(login="github-actions[bot]")


def test_an_apps_name_without_its_ending_is_not_taken_for_a_persons(github, client):
    github.trick("POST", "/graphql", status=200, body={"data": {"viewer": {"login": "alice"}}})
    assert own_identity(client) == Identity(login="alice[bot]")


def test_an_invalid_token_has_no_owner(github, client_of):
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
def test_whether_an_identity_is_the_author(one, other, same):
    assert one.is_author(other) is same
