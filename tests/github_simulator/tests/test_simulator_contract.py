"""The contract check: it reports each way to break GitHub's description, and nothing that fits it."""

from __future__ import annotations

import json

import pytest
import requests
from github_simulator.api import contract
from github_simulator.api.dispatch import ANSWERS
from github_simulator.api.exchange import Answer, Seen, json_answer, refused
from github_simulator.api.fake_github import ALICE, ContractBroken, FakeGitHub, zip_of
from github_simulator.api.openapi.trim import HERE, OPERATIONS, trim, written

PULL, RUN, SHA, BASE = 7, 11, "a" * 40, "b" * 40
REPO = "/repos/octo/shop"
COMMENTS = f"{REPO}/issues/{PULL}/comments"
WALL_S = 300


@pytest.fixture
def world(github):
    """A repository that has one of everything; gives the ids to fill into paths."""
    made = github.repository("octo/shop")
    pull = made.pull_request(number=PULL, head_repository="fork/shop", labels={"energy-waived": "maintainer"})
    pull.lock()
    run = made.run(id=RUN, head_sha=SHA, artifacts={"energygate-result": zip_of({"result.json": b"{}"})})
    made.files[BASE, "a/b.yml"] = b"version: 1\n"
    return {
        "owner": "octo",
        "repo": "shop",
        "issue_number": PULL,
        "pull_number": PULL,
        "run_id": RUN,
        "commit_sha": SHA,
        "ref": SHA,
        "path": "a/b.yml",
        "username": "maintainer",
        "archive_format": "zip",
        "artifact_id": run.artifacts[0].id,
        "comment_id": pull.comment("alice", "hello"),
    }


@pytest.fixture
def ask(github):
    """Asks the stand-in as a person who may do anything."""
    token = github.token(ALICE)

    def send(method, path, *, authorization=f"Bearer {token}", headers=(), **how):
        sent = {"Authorization": authorization, **dict(headers)}
        url = github.url + path
        return requests.request(method, url, headers=sent, timeout=WALL_S, allow_redirects=False, **how)

    return send


def request_of(method, template, world):
    body = {"json": {"body": "hi"}} if method in {"post", "patch"} else {}
    query = {"ref": BASE} if template.endswith("contents/{path}") else {}
    return {"method": method.upper(), "path": template.format_map(world), "params": query, **body}


# The description.


def test_the_description_has_exactly_the_simulated_operations():
    described = {(one.method, one.template) for one in contract.github().operations}
    assert described == set(OPERATIONS) == set(ANSWERS)


def test_the_description_is_small_and_names_its_source():
    text = contract.DESCRIPTION.read_text("utf-8")
    assert len(text.encode()) < 400 * 1024
    assert json.loads(text)["x-trimmed-from"].startswith("@octokit/openapi 2")
    assert "MIT License" in (HERE / "LICENSE").read_text("utf-8")


def test_trimming_is_idempotent():
    text = contract.DESCRIPTION.read_text("utf-8")
    description = json.loads(text)
    version = description["x-trimmed-from"].split()[1].rstrip(",")
    assert written(trim(description, version=version)) == text


def test_trimming_keeps_fields_named_like_removed_keys():
    properties = {"description": {"type": "string", "description": "Words"}, "properties": {"example": 7}}
    thing = {"type": "object", "title": "T", "properties": properties, "required": ["description"]}
    described = {"200": {"description": "Fine", "content": {"x": {"schema": {"$ref": "#/components/schemas/thing"}}}}}
    paths = {path: {method: {"summary": "S", "responses": described}} for method, path in OPERATIONS}
    for method, path in OPERATIONS:
        paths[path][method] = {"summary": "S", "responses": described}
    info = {"title": "t", "version": "1", "license": {}}
    schemas = {"thing": thing, "unused": {}}
    whole = {"openapi": "3.0.3", "info": info, "paths": paths, "components": {"schemas": schemas}}
    kept = {"description": {"type": "string"}, "properties": {}}
    lean = {"thing": {"type": "object", "properties": kept, "required": ["description"]}}
    assert trim(whole, version="1")["components"] == {"schemas": lean}


# What is as described.


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
def test_every_operation_is_answered_as_described(world, ask, github, method, template):
    answer = ask(**request_of(method, template, world))
    assert answer.status_code in {200, 201, 204, 302}
    assert github.violations == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 429, 500, 502, 503])
@pytest.mark.parametrize(("method", "template"), OPERATIONS)
def test_every_refusal_is_as_described(method, template, status):
    values = dict.fromkeys(("issue_number", "pull_number", "run_id", "artifact_id", "comment_id"), 7)
    values |= dict.fromkeys(("owner", "repo", "commit_sha", "ref", "path", "username", "archive_format"), "x")
    path = template.format_map(values)
    seen = Seen(method=method.upper(), path=path, query="", headers={}, content=b"")
    assert contract.github().faults_of_answer(seen, path, refused(status, "No")) == []


@pytest.mark.usefixtures("world")
def test_deleted_objects_are_shown_as_by_github(ask, github):
    repository = github.repository("octo/shop")
    repository.issues[PULL].head_repository = None
    repository.issues[PULL].author = None
    repository.issues[PULL].label("later", by=None)
    repository.runs[RUN].head_repository = None
    pull = ask("GET", f"{REPO}/pulls/{PULL}").json()
    assert (pull["head"]["repo"], pull["user"]["login"]) == (None, "ghost")
    assert ask("GET", f"{REPO}/pulls").json()[0]["head"]["repo"] is None
    assert ask("GET", f"{REPO}/actions/runs/{RUN}").json()["head_repository"] is None
    assert ask("GET", f"{REPO}/issues/{PULL}/events").json()[-1]["actor"] is None
    assert github.violations == []


# What is not.

BAD_REQUESTS = {
    "a path that GitHub does not have": ("GET", "/repos/octo/shop/issues/7/remarks", {}, "no such operation"),
    "a method it does not have there": ("PUT", COMMENTS, {}, "no such operation"),
    "a number that is none": ("GET", f"{REPO}/pulls/seven", {}, "pull_number"),
    "a query it does not know": (
        "GET",
        COMMENTS,
        {"params": {"perpage": 100}},
        "perpage, which is not described",
    ),
    "a query of the wrong type": ("GET", COMMENTS, {"params": {"per_page": "many"}}, "per_page"),
    "a query out of its words": ("GET", f"{REPO}/pulls", {"params": {"state": "opened"}}, "state"),
    "a query said twice": ("GET", f"{COMMENTS}?page=1&page=2", {}, "twice"),
    "more to a page than there is": ("GET", COMMENTS, {"params": {"per_page": 101}}, "101 is not 1 to 100"),
    "a page before the first": ("GET", COMMENTS, {"params": {"page": 0}}, "pages begin with 1"),
    "no body": ("POST", COMMENTS, {}, "there is no body"),
    "a body without its field": ("POST", COMMENTS, {"json": {}}, '"body" is a required property'),
    "a field of the wrong type": ("POST", COMMENTS, {"json": {"body": 7}}, "body: 7 is not of type"),
    "a field too many": ("POST", COMMENTS, {"json": {"body": "x", "pin": True}}, "pin"),
    "a body that is no JSON": (
        "POST",
        COMMENTS,
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        "null is not of type",
    ),
    "a form": ("POST", COMMENTS, {"data": {"body": "x"}}, "is not said to be application/json"),
    "a body where none goes": ("GET", COMMENTS, {"json": {}}, "none is described"),
    "a type it does not give": ("GET", COMMENTS, {"headers": {"Accept": "text/html"}}, "Accept"),
    "another version": ("GET", COMMENTS, {"headers": {"X-GitHub-Api-Version": "2021-01-01"}}, "2021-01-01"),
    "nobody's program": ("GET", COMMENTS, {"headers": {"User-Agent": ""}}, "User-Agent"),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
@pytest.mark.usefixtures("world")
def test_a_request_that_is_not_as_described_is_a_violation(ask, github, what):
    method, path, how, words = BAD_REQUESTS[what]
    ask(method, path, **how)
    assert any(words in one for one in github.violations), github.violations
    github.violations.clear()


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_a_violation_is_raised_whatever_the_client_does(prefix):
    def swallow():
        with FakeGitHub(prefix=prefix).serving() as github:
            path = f"{github.url}/repos/o/r/issues/1/remarks"
            requests.get(path, headers={"Authorization": github.token()}, timeout=WALL_S)

    with pytest.raises(ContractBroken, match=r"GET /repos/o/r/issues/1/remarks: .* no such operation"):
        swallow()


def test_an_exception_in_the_simulation_is_raised(github, ask):
    github.before("GET", "/user", lambda: 1 / 0)
    with pytest.raises(requests.ConnectionError):
        ask("GET", "/user")
    assert "ZeroDivisionError" in github.violations[0]
    github.violations.clear()


def answer_to(path, answer, method="GET"):
    seen = Seen(method=method, path=path, query="", headers={}, content=b"")
    return contract.github().faults_of_answer(seen, path, answer)


@pytest.fixture
def comment(ask, world):
    return ask("GET", f"{REPO}/issues/comments/{world['comment_id']}").json()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": None}, "[0].id: null is not of type"),
        ({"id": "7"}, '[0].id: "7" is not of type'),
        ({"created_at": "yesterday"}, "created_at"),
        ({"url": "nowhere at all"}, "url"),
        ({"author_association": "FRIEND"}, "author_association"),
        ({"heart": True}, "heart"),
        ({"user": {"login": "alice"}}, "[0].user: "),
    ],
)
def test_an_answer_with_a_wrong_field_is_a_violation(comment, change, words):
    assert answer_to(COMMENTS, json_answer([comment])) == []
    (first, *_) = answer_to(COMMENTS, json_answer([comment | change]))
    assert words in first


@pytest.mark.parametrize("field", ["id", "user", "html_url"])
def test_an_answer_without_a_required_field_is_a_violation(comment, field):
    del comment[field]
    assert f'"{field}" is a required property' in answer_to(COMMENTS, json_answer([comment]))[0]


def test_an_event_must_match_its_schema(world, ask):
    happened = ask("GET", f"{REPO}/issues/{world['issue_number']}/events").json()
    labeled, locked = happened
    assert (labeled["event"], locked["event"]) == ("labeled", "locked")
    for path in ("events", "timeline"):
        # There are kinds of events that this would do for.
        told_so = json_answer([locked | {"event": "labeled"}])
        assert any("label" in one for one in answer_to(f"{REPO}/issues/{PULL}/{path}", told_so))


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (COMMENTS, json_answer([], 202), "not described"),
        (COMMENTS, json_answer({}), "is not of type"),
        (COMMENTS, Answer(status=200, headers={"Content-Type": "text/html"}, content=b"<p>"), "text/html"),
        (COMMENTS, Answer(status=200), "of no type"),
        (COMMENTS, json_answer({"message": 7}, 404), "message"),
        (COMMENTS, json_answer({"error": "no"}, 502), "error"),
        (f"{REPO}/actions/artifacts/1/zip", Answer(status=302), "no Location"),
        (f"{REPO}/actions/artifacts/1/zip", json_answer({}, 302, Location="http://x"), "none is described"),
    ],
)
def test_an_undescribed_answer_is_a_violation(path, answer, words):
    (said, *_) = answer_to(path, answer)
    assert words in said


def test_answers_of_the_simulation_are_checked_against_the_contract(world, ask, github):
    github.repository("octo/shop").issues[world["issue_number"]].title = None
    ask("GET", f"{REPO}/pulls/{PULL}")
    assert "title: null is not of type" in github.violations[0]
    github.violations.clear()


# What tests make up on purpose.


@pytest.mark.parametrize("body", [b"<html>", {"message": 7}, None])
def test_answers_made_up_by_a_trick_are_not_checked(github, ask, body):
    github.trick("GET", COMMENTS, status=200, body=body)
    github.trick("GET", "/x", status=200, body=body)
    ask("GET", COMMENTS)
    ask("GET", "/x")
    assert github.violations == []


def test_a_trick_for_many_paths_adds_no_operation(github, ask):
    github.trick("GET", "/x.*", status=502)
    ask("GET", "/x")
    assert github.violations == ["GET /x: the description has no such operation"]
    github.violations.clear()


def test_requests_answered_by_a_trick_are_still_checked(github, ask):
    github.trick("GET", COMMENTS, status=502)
    ask("GET", COMMENTS, params={"perpage": 1})
    assert "perpage, which is not described" in github.violations[0]
    github.violations.clear()
