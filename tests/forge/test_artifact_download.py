"""Downloading the first stage's artifact; test_artifact_contents.py is about what may be in it."""

from __future__ import annotations

import pytest
from github_simulator.api.fake_github import zip_of

from energygate.errors import MeasurementError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.artifact import MAX_ARCHIVE_BYTES, download_result

RESULT = b'{"schema": "energygate/result/1"}'
ARTIFACTS = "/repos/octo/shop/actions/runs/11/artifacts"


@pytest.fixture
def run(github):
    return github.repository("octo/shop").run(id=11, head_repository="mallory/shop")


@pytest.fixture
def fetch(github, client_of):
    def of(name="energygate-result", *, run_id=11, token=None):
        client = client_of(github, token=token or github.token(rights={"actions": "read"}))
        return download_result(client, repository="octo/shop", run_id=run_id, name=name)

    return of


def test_the_result_is_fetched_from_githubs_storage_without_the_token(github, run, fetch):
    run.artifact("energygate-result", zip_of({"result.json": RESULT}))
    assert fetch() == RESULT
    assert len(github.storage.seen) == 1
    assert "authorization" not in github.storage.seen[0].headers


@pytest.mark.parametrize("turn", [1, -1])
def test_the_newest_artifact_of_a_name_is_taken(github, run, fetch, turn):
    for number in range(3):
        run.artifact("energygate-result", zip_of({"result.json": b"%d" % number}))
    listed = [{"id": one.id, "name": one.name, "size_in_bytes": 99} for one in run.artifacts]
    github.trick("GET", ARTIFACTS, status=200, body={"artifacts": listed[::turn]})
    assert fetch() == b"2"


def test_only_artifacts_of_the_name_are_listed(github, run, fetch):
    for name in ("coverage", "energygate-result", "energygate-result-2"):
        run.artifact(name, zip_of({"result.json": name.encode()}))
    assert fetch() == b"energygate-result"
    assert "name=energygate-result&" in github.seen[0].query


def test_servers_that_ignore_the_name_list_all_artifacts(github, run, fetch):
    run.artifact("energygate-result", zip_of({"result.json": RESULT}))
    for number in range(100):
        run.artifact(f"log-{number}", zip_of({"log": b"x"}))
    # As the first page without a name would be; the second is the server's own.
    body = {"artifacts": [{"id": one.id, "name": one.name} for one in reversed(run.artifacts[1:])]}
    link = f'<{github.api_url}{ARTIFACTS}?per_page=100&page=2>; rel="next"'
    github.trick("GET", ARTIFACTS, status=200, headers={"Link": link}, body=body)
    assert fetch() == RESULT


def test_a_run_without_an_artifact_is_an_error(run, fetch):
    run.artifact("coverage", zip_of({"result.json": RESULT}))
    with pytest.raises(GitHubError, match="artifact energygate-result of run 11: the run has no artifact"):
        fetch()


@pytest.mark.usefixtures("run")
def test_a_missing_run_is_an_error_of_github(fetch):
    with pytest.raises(GitHubError, match="404") as caught:
        fetch(run_id=12)
    assert caught.value.status == 404


def test_an_expired_artifact_is_not_requested(github, run, fetch):
    run.artifact("energygate-result", zip_of({"result.json": RESULT}), expired=True)
    with pytest.raises(GitHubError, match=r"the artifact has expired\. Run the first stage again"):
        fetch()
    assert not github.asked("GET", ".*/zip")


def test_an_artifact_that_expires_in_between_is_an_error(github, run, fetch):
    made = run.artifact("energygate-result", zip_of({"result.json": RESULT}))
    github.before("GET", ".*/zip", lambda: setattr(made, "expired", True))
    with pytest.raises(GitHubError, match="the artifact has expired") as caught:
        fetch()
    assert caught.value.status == 410


def test_a_too_large_artifact_is_not_requested(github, run, fetch):
    run.artifact("energygate-result", zip_of({}), size_in_bytes=MAX_ARCHIVE_BYTES + 1)
    with pytest.raises(MeasurementError, match="it is larger than 20 MB"):
        fetch()
    assert not github.asked("GET", ".*/zip")


def test_an_artifact_larger_than_stated_is_not_read_to_its_end(run, fetch):
    run.artifact("energygate-result", bytes(MAX_ARCHIVE_BYTES + 1), size_in_bytes=100)
    with pytest.raises(MeasurementError, match="it is larger than 20 MB"):
        fetch()


def test_the_content_of_an_artifact_is_checked(run, fetch):
    run.artifact("energygate-result", zip_of({"../result.json": RESULT}))
    with pytest.raises(MeasurementError, match=r"of run 11: .* it contains the file '\.\./result\.json'"):
        fetch()


def test_a_token_without_the_permission_is_an_error_that_names_it(github, run, fetch):
    run.artifact("energygate-result", zip_of({"result.json": RESULT}))
    with pytest.raises(GitHubError, match="actions: read"):
        fetch(token=github.token(rights={"pull-requests": "write"}))


@pytest.mark.parametrize("body", [[], {}, {"artifacts": {}}, {"artifacts": [1]}, {"artifacts": [{"name": 1}]}])
@pytest.mark.usefixtures("run")
def test_a_malformed_list_is_refused_in_one_sentence(github, fetch, body):
    github.trick("GET", ARTIFACTS, status=200, body=body)
    with pytest.raises(GitHubError, match=f"GET {ARTIFACTS}: "):
        fetch()
