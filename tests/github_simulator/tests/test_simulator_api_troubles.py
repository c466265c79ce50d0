"""The simulated API's files and troubles: redirects, rate limits, failures and races."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
import requests
from github_simulator.api.dispatch import HOURLY
from github_simulator.api.fake_github import ContractBroken, FakeGitHub, zip_of
from github_simulator.api.run_json_shapes import MOST_IN_JSON

REPO = "/repos/octo/shop"
COMMENTS = f"{REPO}/issues/7/comments"
BASE, OTHER = "b" * 40, "c" * 40
RAW = {"Accept": "application/vnd.github.raw+json"}
WALL_S = 300


@pytest.fixture
def shop(github):
    return github.repository("octo/shop")


@pytest.fixture
def pull(shop):
    return shop.pull_request(number=7)


@pytest.fixture
def ask(github):
    token = github.token()

    def send(method, path, *, headers=(), **how):
        sent = {"Authorization": f"Bearer {token}", **dict(headers)}
        return requests.request(method, github.url + path, headers=sent, timeout=WALL_S, allow_redirects=False, **how)

    return send


# Artifacts.


def archive_of(shop, **how):
    artifact = shop.run(id=11).artifact("energygate-result", zip_of({"result.json": b"{}"}), **how)
    return f"{REPO}/actions/artifacts/{artifact.id}/zip"


def test_an_artifact_is_fetched_from_another_host(github, shop, ask):
    answer = ask("GET", archive_of(shop))
    where = answer.headers["Location"]
    assert (answer.status_code, answer.content) == (302, b"")
    assert where.startswith(github.storage.root)
    assert github.storage.root != github.root
    content = requests.get(where, timeout=WALL_S).content
    assert zipfile.ZipFile(io.BytesIO(content)).read("result.json") == b"{}"
    (seen,) = github.storage.seen
    assert seen.token is None


def test_an_artifact_address_expires_and_others_are_refused(github, shop, ask):
    where = ask("GET", archive_of(shop)).headers["Location"]
    assert requests.get(where + "0", timeout=WALL_S).status_code == 403
    github.storage.expire()
    assert requests.get(where, timeout=WALL_S).status_code == 403


@pytest.mark.parametrize("shown", [{"headers": {"Authorization": "Basic eA=="}}, {"params": "t={token}"}])
def test_a_token_shown_to_the_host_of_files_is_a_violation(shown):
    def leak():
        with FakeGitHub().serving() as github:
            token = github.token()
            how = {key: value.format(token=token) if key == "params" else value for key, value in shown.items()}
            requests.get(f"{github.storage.root}/results/1.zip", timeout=WALL_S, **how)

    with pytest.raises(ContractBroken, match=r"shown a token: GET /results/1\.zip"):
        leak()


def test_an_expired_artifact_is_not_served(shop, ask):
    answer = ask("GET", archive_of(shop, expired=True))
    assert (answer.status_code, answer.json()["message"]) == (410, "Artifact has expired")


def test_tricks_work_on_the_artifact_host_too(github, shop, ask):
    where = ask("GET", archive_of(shop)).headers["Location"]
    github.storage.trick("GET", "/results/.*", status=200, headers={"Content-Length": "99"}, body=b"PK")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(where, timeout=WALL_S)
    assert requests.get(where, timeout=WALL_S).content.startswith(b"PK")


# Files.


def test_a_file_is_read_at_a_commit_in_json_or_raw(shop, ask):
    shop.files[BASE, "a/b.yml"], shop.files[OTHER, "a/b.yml"] = b"base\n" * 99, b"other\n"
    shop.branches["main"] = OTHER
    where = f"{REPO}/contents/a/b.yml"
    shown = ask("GET", where, params={"ref": BASE}).json()
    assert base64.b64decode(shown["content"]) == b"base\n" * 99
    assert (shown["type"], shown["encoding"], shown["size"]) == ("file", "base64", 495)
    assert ask("GET", where, headers=RAW, params={"ref": BASE}).content == b"base\n" * 99
    assert [ask("GET", where, headers=RAW, params=query).content for query in ({}, {"ref": "main"})] == [b"other\n"] * 2


def test_a_long_file_has_no_content_in_json(shop, ask):
    shop.files[BASE, "x"] = b"x" * (MOST_IN_JSON + 1)
    shown = ask("GET", f"{REPO}/contents/x", params={"ref": BASE}).json()
    assert (shown["encoding"], shown["content"]) == ("none", "")
    assert len(ask("GET", f"{REPO}/contents/x", headers=RAW, params={"ref": BASE}).content) == MOST_IN_JSON + 1


def test_a_folder_is_a_list(shop, ask):
    shop.files.update({(BASE, "a/b.yml"): b"", (BASE, "a/c/d.yml"): b"", (OTHER, "a/z"): b""})
    shown = ask("GET", f"{REPO}/contents/a", params={"ref": BASE}).json()
    assert [(one["name"], one["type"]) for one in shown] == [("b.yml", "file"), ("c", "dir")]


@pytest.mark.parametrize(("ref", "words"), [(BASE, "Not Found"), (OTHER, "No commit found for the ref")])
def test_a_missing_file_is_distinguished_from_a_missing_commit(shop, ask, ref, words):
    shop.commits[BASE] = []
    answer = ask("GET", f"{REPO}/contents/x", params={"ref": ref})
    assert answer.status_code == 404
    assert words in answer.json()["message"]


def test_a_commit_has_its_parents(shop, ask):
    shop.commits[BASE], shop.branches["main"] = [OTHER], BASE
    for ref in (BASE, "main", "heads/main"):
        shown = ask("GET", f"{REPO}/commits/{ref}").json()
        assert (shown["sha"], [one["sha"] for one in shown["parents"]]) == (BASE, [OTHER])
    sha = ask("GET", f"{REPO}/commits/main", headers={"Accept": "application/vnd.github.sha"})
    assert sha.text == BASE
    assert ask("GET", f"{REPO}/commits/{'9' * 40}").status_code == 422


# Limits and failures.


@pytest.mark.usefixtures("shop")
def test_an_exhausted_quota_is_the_primary_rate_limit(github, ask):
    github.budget = 2
    answers = [ask("GET", REPO) for _ in range(3)]
    left = [(one.status_code, one.headers["X-RateLimit-Remaining"]) for one in answers]
    assert left == [(200, "1"), (200, "0"), (403, "0")]
    assert answers[2].headers["X-RateLimit-Reset"] == str(github.reset_s)
    github.budget = None
    assert ask("GET", REPO).headers["X-RateLimit-Remaining"] == str(HOURLY)


@pytest.mark.parametrize(
    ("how", "status", "headers"),
    [
        ({}, 403, {"Retry-After": "7"}),
        ({"status": 429, "wait_s": 50}, 429, {"Retry-After": "50"}),
        ({"wait_s": None}, 403, {"Retry-After": None}),
        ({"kind": "primary"}, 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000030"}),
    ],
)
@pytest.mark.usefixtures("pull")
def test_rate_limits_have_githubs_headers_and_messages(github, ask, how, status, headers):
    github.limit("GET", COMMENTS, **how)
    answer = ask("GET", COMMENTS)
    assert answer.status_code == status
    assert "rate limit" in answer.json()["message"]
    assert {name: answer.headers.get(name) for name in headers} == headers
    assert ask("GET", COMMENTS).status_code == 200


@pytest.mark.parametrize("done", [False, True])
def test_a_request_may_fail_after_taking_effect(github, pull, ask, done):
    github.fail("POST", COMMENTS, skip=1, done=done)
    statuses = [ask("POST", COMMENTS, json={"body": str(number)}).status_code for number in range(3)]
    assert statuses == [201, 502, 201]
    assert pull.repository.bodies() == ["0", *(["1"] if done else []), "2"]


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_may_break(github, pull, ask, done):
    github.drop("POST", COMMENTS, done=done)
    with pytest.raises(requests.ConnectionError):
        ask("POST", COMMENTS, json={"body": "x"})
    assert pull.repository.bodies() == (["x"] if done else [])
    assert [one.status for one in github.seen] == [0]


# Races.


def test_something_happens_between_two_requests(github, pull, ask):
    github.before("GET", f"{REPO}/pulls/7", lambda: setattr(pull, "head_sha", OTHER), skip=1)
    shown = [ask("GET", f"{REPO}/pulls/7").json()["head"]["sha"] for _ in range(2)]
    assert shown == ["a" * 40, OTHER]


def test_something_happens_after_the_answer_is_made(github, pull, ask):
    github.after("GET", COMMENTS, lambda: pull.comment("mallory", "quick"))
    assert [len(ask("GET", COMMENTS).json()) for _ in range(2)] == [0, 1]


def test_a_comment_may_be_too_new_to_be_listed(shop, pull, ask):
    shop.hidden.add(pull.comment("alice", "new"))
    assert ask("GET", COMMENTS).json() == []


# The journal.


def test_requests_are_recorded(github, ask):
    ask("POST", "/repos/o/r/issues/1/comments", json={"body": "x"})
    (seen,) = github.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/repos/o/r/issues/1/comments", "")
    assert (seen.body, seen.user.login, seen.status) == ({"body": "x"}, "github-actions[bot]", 201)
    assert seen.token.removeprefix("Bearer ") in github.tokens
    assert github.asked("POST", ".*/comments") == [seen]
    assert github.writes == [("POST", seen.path)]


@pytest.mark.parametrize("thing", ["repository", "pull", "run"])
def test_payloads_of_events_show_what_the_api_shows(github, shop, pull, ask, thing):
    things = {"repository": shop, "pull": pull, "run": shop.run(id=11)}
    path = {"repository": "", "pull": "/pulls/7", "run": "/actions/runs/11"}[thing]
    assert github.json_of(things[thing]).items() <= ask("GET", REPO + path).json().items()
