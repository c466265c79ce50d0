"""Which pull request a run has measured, according to GitHub alone."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.events import Event, FirstStage
from energygate.forge.github.pull_requests import (
    MAX_SEARCHED,
    PullRequest,
    find_pull_request,
)

HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
FORK = "mallory/shop"
PULLS = "/repos/octo/shop/pulls"


@pytest.fixture
def repository(github):
    return github.repository("octo/shop")


@pytest.fixture
def client(github, client_of):
    return client_of(github, token=github.token(rights={"pull-requests": "read"}))


def after(*, head_sha=HEAD, head_repository=FORK, head_branch="patch-1", repository="octo/shop"):
    """The event of a second stage, after a first one of this commit."""
    first = FirstStage(
        run_id=11,
        attempt=1,
        event="pull_request",
        conclusion="failure",
        head_sha=head_sha,
        head_repository=head_repository,
        head_branch=head_branch,
    )
    return Event(
        name="workflow_run",
        action="completed",
        repository=repository,
        actor="mallory",
        run_id=12,
        attempt=1,
        head_sha=head_sha,
        first_stage=first,
    )


def queries(github):
    return [parse_qs(one.query) for one in github.asked("GET", PULLS)]


def test_a_forks_pull_request_is_found_by_its_branch_in_one_request(github, client, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK, base_sha=BASE)
    assert find_pull_request(client, after()) == PullRequest(
        number=7, base_sha=BASE, base_ref="main", head_sha=HEAD, head_repository=FORK
    )
    (query,) = queries(github)
    assert query["head"] == ["mallory:patch-1"]
    assert query["state"] == ["open"]


def test_a_pull_request_of_the_repository_itself_is_found_the_same_way(client, repository):
    repository.pull_request(number=7, head_sha=HEAD)
    assert find_pull_request(client, after(head_repository="octo/shop")).number == 7


def test_names_of_repositories_do_not_differ_by_case(client, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    assert find_pull_request(client, after(head_repository="Mallory/SHOP")).number == 7


@pytest.mark.parametrize("branch", ["feat/ü", "a&state=all&head=x:y", "a#b", "a+b%2F", "../../user", "a b?c"])
def test_a_branch_of_any_name_is_one_query_value(github, client, repository, branch):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK, head_branch=branch)
    assert find_pull_request(client, after(head_branch=branch)).number == 7
    (query,) = queries(github)
    assert query["head"] == [f"mallory:{branch}"]
    assert query["state"] == ["open"]


def test_an_invalid_surrogate_in_a_branch_is_no_traceback(client, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    assert find_pull_request(client, after(head_branch="\ud800")).number == 7


@pytest.mark.parametrize("branch", [None, "gone-meanwhile"])
def test_without_a_match_by_branch_open_pull_requests_are_searched(client, repository, branch):
    for number in range(8, 120):
        repository.pull_request(number=number, head_sha=OTHER, head_branch=f"topic-{number}")
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    assert find_pull_request(client, after(head_branch=branch)).number == 7


def test_the_search_through_open_pull_requests_is_bounded(github, client):
    shown = {
        "number": 1,
        "state": "open",
        "labels": [],
        "base": {"sha": BASE, "ref": "main"},
        "head": {"sha": OTHER, "repo": None},
    }
    link = {"Link": f'<{github.api_url}{PULLS}>; rel="next"'}
    github.trick("GET", PULLS, times=999, status=200, headers=link, body=[shown] * 100)
    with pytest.raises(GitHubError, match="no open pull request"):
        find_pull_request(client, after(head_branch=None))
    assert len(github.seen) == MAX_SEARCHED / 100


# None.


def test_a_pull_request_with_newer_commits_does_not_match(github, client, repository):
    pull_request = repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    pull_request.head_sha = OTHER
    with pytest.raises(GitHubError, match="it is closed, or has newer commits") as caught:
        find_pull_request(client, after())
    assert HEAD in str(caught.value)
    # The branch was found, so there is no reason to look through all others.
    assert len(github.asked("GET", PULLS)) == 1


@pytest.mark.parametrize("merged", [True, False])
def test_a_closed_pull_request_does_not_match(client, repository, merged):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK).close(merged=merged)
    with pytest.raises(GitHubError, match="it is closed, or has newer commits"):
        find_pull_request(client, after())


def test_closed_pull_requests_in_a_list_of_open_ones_are_ignored(github, client, repository):
    pull_request = repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    pull_request.close()
    github.trick("GET", PULLS, times=2, status=200, body=[github.json_of(pull_request)])
    with pytest.raises(GitHubError, match="no open pull request"):
        find_pull_request(client, after())


@pytest.mark.parametrize("branch", ["patch-1", None])
def test_the_same_commit_and_branch_from_another_fork_is_another_pull_request(client, repository, branch):
    repository.pull_request(number=7, head_sha=HEAD, head_repository="alice/shop")
    with pytest.raises(GitHubError, match="no open pull request"):
        find_pull_request(client, after(head_branch=branch))


def test_a_fork_of_the_same_owner_is_another_repository(client, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository="mallory/shop-2")
    repository.pull_request(number=8, head_sha=HEAD, head_repository=FORK, head_branch="patch-1")
    assert find_pull_request(client, after()).number == 8


def test_a_fork_deleted_before_the_run_is_an_error_without_a_request(github, client):
    with pytest.raises(GitHubError, match="has been deleted"):
        find_pull_request(client, after(head_repository=None))
    assert github.seen == []


def test_a_fork_deleted_since_is_an_error(client, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=None)
    with pytest.raises(GitHubError, match="no open pull request"):
        find_pull_request(client, after())


# Several.


@pytest.mark.parametrize("branch", ["patch-1", None])
def test_two_pull_requests_of_one_branch_are_ambiguous(client, repository, branch):
    repository.pull_request(number=9, head_sha=HEAD, head_repository=FORK, base_branch="release")
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    with pytest.raises(GitHubError, match="#7 and #9 propose the same commit"):
        find_pull_request(client, after(head_branch=branch))


def test_the_branch_distinguishes_two_pull_requests_of_one_commit(client, repository):
    repository.pull_request(number=9, head_sha=HEAD, head_repository=FORK, head_branch="patch-2")
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    assert find_pull_request(client, after()).number == 7


def test_a_pull_request_listed_twice_counts_once(github, client, repository):
    shown = github.json_of(repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK))
    github.trick("GET", PULLS, status=200, body=[shown, shown])
    assert find_pull_request(client, after()).number == 7


# What else there is.


def test_only_the_second_stage_looks_for_a_pull_request(client):
    event = Event(name="push", repository="octo/shop", actor="a", run_id=1, attempt=1, head_sha=HEAD)
    with pytest.raises(UsageError, match="only a workflow_run event"):
        find_pull_request(client, event)


def test_a_token_without_the_permission_is_an_error_that_names_it(github, client_of, repository):
    repository.pull_request(number=7, head_sha=HEAD, head_repository=FORK)
    client = client_of(github, token=github.token(rights={"actions": "read"}))
    with pytest.raises(GitHubError, match="pull-requests: read"):
        find_pull_request(client, after())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("head", "sha"), "main"),
        (("base", "sha"), None),
        (("head", "repo"), {"full_name": "../../user"}),
        (("number",), "7"),
    ],
)
def test_a_malformed_answer_is_refused_in_one_sentence(github, client, repository, path, value):
    shown = github.json_of(repository.pull_request(number=7, head_sha=HEAD))
    *above, last = path
    place = shown
    for key in above:
        place = place[key]
    place[last] = value
    github.trick("GET", PULLS, status=200, body=[shown])
    with pytest.raises(GitHubError, match="GET /repos/octo/shop/pulls: ") as caught:
        find_pull_request(client, after())
    assert "user" not in str(caught.value)
