"""The simulated API stores, paginates and refuses as GitHub does: other tests rely on that."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from github_simulator.api.fake_github import ACTIONS, ALICE

SHOP, FORK = "octo/shop", "fork/shop"
REPO = f"/repos/{SHOP}"
COMMENTS = f"{REPO}/issues/7/comments"
HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
WALL_S = 300
RIGHTS = ("actions", "contents", "issues", "pull_requests")
NO_ACCESS = "Resource not accessible by integration"


@pytest.fixture
def shop(github):
    return github.repository(SHOP)


@pytest.fixture
def pull(shop):
    return shop.pull_request(number=7, head_sha=HEAD, base_sha=BASE, head_repository=FORK)


@pytest.fixture
def ask(github):
    """Asks with a token that may do everything, or another."""
    whole = github.token()

    def send(method, path, *, token=whole, headers=(), **how):
        sent = {"Authorization": f"Bearer {token}", **dict(headers)}
        url = path if path.startswith("http") else github.url + path
        return requests.request(method, url, headers=sent, timeout=WALL_S, allow_redirects=False, **how)

    return send


@pytest.fixture
def get(ask):
    """Reads, and returns the JSON."""
    return lambda path, **how: ask("GET", path, **how).json()


# Memory.


def test_a_comment_keeps_its_author_until_it_is_deleted(github, shop, pull, ask, get):
    pull.comment("alice", "first")
    made = ask("POST", COMMENTS, json={"body": "mine"}).json()
    where = f"{REPO}/issues/comments/{made['id']}"
    assert (made["user"]["login"], made["user"]["type"]) == ("github-actions[bot]", "Bot")
    assert [(one["user"]["login"], one["body"]) for one in get(COMMENTS)] == [
        ("alice", "first"),
        ("github-actions[bot]", "mine"),
    ]
    assert ask("PATCH", where, json={"body": "better"}).json()["body"] == "better"
    assert get(where)["body"] == "better"
    assert shop.bodies(ACTIONS) == ["better"]
    assert ask("DELETE", where).status_code == 204
    assert ask("GET", where).status_code == 404
    assert shop.bodies() == ["first"]
    assert github.bodies() == []  # of another repository


def test_a_pull_request_is_shown_as_it_is_now(pull, get):
    assert get(f"{REPO}/pulls/7")["head"]["sha"] == HEAD
    pull.head_sha = OTHER
    assert get(f"{REPO}/pulls/7")["head"]["sha"] == OTHER
    pull.close(merged=True)
    shown = get(f"{REPO}/pulls/7")
    assert (shown["state"], shown["merged"]) == ("closed", True)


def test_an_issue_is_not_a_pull_request(shop, pull, ask):
    shop.issue(number=8)
    found = [ask("GET", f"{REPO}/{kind}/{number}") for number in (7, 8) for kind in ("issues", "pulls")]
    assert [one.status_code for one in found] == [200, 200, 200, 404]
    assert ["pull_request" in one.json() for one in (found[0], found[2])] == [True, False]
    assert pull.number == 7


def test_label_events_have_their_actor(pull, get):
    pull.label("energy-waived", by="maintainer", at="2026-03-02T00:00:00Z")
    pull.label("bug", by="alice")
    pull.unlabel("bug", by=ACTIONS)
    assert [one["name"] for one in get(f"{REPO}/issues/7/labels")] == ["energy-waived"]
    happened = [
        (one["event"], one["label"]["name"], one["actor"]["login"], one["created_at"])
        for one in get(f"{REPO}/issues/7/events")
    ]
    assert happened[0] == ("labeled", "energy-waived", "maintainer", "2026-03-02T00:00:00Z")
    assert [one[:3] for one in happened[1:]] == [
        ("labeled", "bug", "alice"),
        ("unlabeled", "bug", "github-actions[bot]"),
    ]


def test_the_timeline_has_comments_too(pull, get):
    pull.label("bug")
    pull.comment("alice", "hello")
    assert [one["event"] for one in get(f"{REPO}/issues/7/timeline")] == ["labeled", "commented"]


@pytest.mark.parametrize(
    ("login", "private", "role", "permission"),
    [
        ("octo", False, "admin", "admin"),
        ("maintainer", True, "maintain", "write"),
        ("alice", False, "read", "read"),
        ("alice", True, "none", "none"),
    ],
)
def test_permissions_of_users_are_returned(shop, get, *, login, private, role, permission):
    shop.private, shop.collaborators["maintainer"] = private, "maintain"
    for one in ("octo", "maintainer"):
        shop.github.user(one)
    shown = get(f"{REPO}/collaborators/{login}/permission")
    assert (shown["permission"], shown["role_name"], shown["user"]["login"]) == (permission, role, login)


# Finding pull requests.


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [9, 7]),
        ({"state": "all"}, [9, 8, 7]),
        ({"state": "closed"}, [8]),
        ({"head": "fork:patch-1"}, [7]),
        ({"head": "octo:patch-1", "state": "all"}, [8]),
        ({"head": "fork:other"}, []),
        # Without its owner it is no head, and GitHub lists everything.
        ({"head": "patch-1"}, [9, 7]),
        ({"base": "next"}, [9]),
        ({"direction": "asc"}, [7, 9]),
    ],
)
@pytest.mark.usefixtures("pull")
def test_pull_requests_are_filtered_by_state_head_and_base(shop, get, query, numbers):
    shop.pull_request(number=8).close()
    shop.pull_request(number=9, head_branch="feature", base_branch="next")
    assert [one["number"] for one in get(f"{REPO}/pulls", params=query)] == numbers


def test_a_forks_commit_is_associated_with_pull_requests_of_the_fork_only(pull, shop, get):
    shop.pull_request(number=8, head_sha=OTHER)
    assert pull.head_repository == FORK
    assert get(f"{REPO}/commits/{HEAD}/pulls") == []
    assert [one["number"] for one in get(f"/repos/{FORK}/commits/{HEAD}/pulls")] == [7]
    assert [one["number"] for one in get(f"{REPO}/commits/{OTHER}/pulls")] == [8]


def test_a_run_lists_pull_requests_of_its_own_repository_only(pull, shop, get):
    shop.pull_request(number=8, head_sha=OTHER)
    shop.run(id=11, head_sha=OTHER)
    shop.run(id=12, head_sha=HEAD, head_repository=FORK, conclusion="failure", attempt=2)
    assert [one["number"] for one in get(f"{REPO}/actions/runs/11")["pull_requests"]] == [8]
    shown = get(f"{REPO}/actions/runs/12")
    assert shown["pull_requests"] == []
    assert (shown["head_repository"]["full_name"], shown["head_sha"]) == (pull.head_repository, HEAD)
    assert (shown["event"], shown["conclusion"], shown["run_attempt"]) == ("pull_request", "failure", 2)


# Pages.


@pytest.mark.parametrize(("size", "pages"), [(None, [30, 30, 10]), (40, [40, 30]), (35, [35, 35]), (70, [70])])
def test_a_list_comes_in_pages_that_lead_to_each_other(pull, ask, size, pages):
    for number in range(70):
        pull.comment("alice", str(number))
    url, bodies = COMMENTS if size is None else f"{COMMENTS}?per_page={size}", []
    found = []
    while url:
        answer = ask("GET", url)
        found.append(len(answer.json()))
        bodies += [one["body"] for one in answer.json()]
        links = {name: parse_qs(urlsplit(one["url"]).query)["page"] for name, one in answer.links.items()}
        assert ("prev" in links, "first" in links) == (len(found) > 1,) * 2
        assert links.get("last", [str(len(pages))]) == [str(len(pages))]
        url = answer.links.get("next", {}).get("url")
    assert found == pages
    assert bodies == [str(number) for number in range(70)]


def test_artifacts_come_in_pages_and_by_name(shop, ask):
    run = shop.run(id=11, artifacts={f"leg-{number}": b"PK" for number in range(5)})
    run.artifact("leg-3", b"PK2")
    where = f"{REPO}/actions/runs/11/artifacts"
    answer = ask("GET", where, params={"per_page": 1, "name": "leg-3"})
    (last,) = answer.json()["artifacts"]
    assert answer.json()["total_count"] == 2
    assert last["size_in_bytes"] == 3  # the newest comes first
    (first,) = ask("GET", answer.links["next"]["url"]).json()["artifacts"]
    assert (first["name"], first["size_in_bytes"]) == ("leg-3", 2)


# Rights.


@pytest.mark.parametrize(
    ("method", "path", "enough"),
    [
        ("GET", "", {}),
        ("GET", "/pulls/7", {"pull-requests": "read"}),
        ("GET", "/issues/7/labels", {"issues": "read"}),
        ("GET", "/issues/7/labels", {"pull_requests": "read"}),
        ("POST", "/issues/7/comments", {"pull-requests": "write"}),
        ("POST", "/issues/7/comments", {"issues": "write"}),
        ("GET", "/actions/runs/11", {"actions": "read"}),
        ("GET", "/actions/runs/11/artifacts", {"actions": "write"}),
        ("GET", f"/contents/x?ref={BASE}", {"contents": "read"}),
        ("GET", f"/commits/{BASE}", {"contents": "read"}),
        ("GET", f"/commits/{HEAD}/pulls", {"pull-requests": "read"}),
        ("GET", "/collaborators/alice/permission", {}),
    ],
)
@pytest.mark.parametrize("private", [False, True])
@pytest.mark.usefixtures("pull")
def test_a_token_is_limited_to_its_permissions(github, shop, ask, *, method, path, enough, private):
    shop.private, shop.files[BASE, "x"] = private, b""
    shop.run(id=11)
    how = {"json": {"body": "x"}} if method == "POST" else {}
    token = github.token(rights=enough, repositories=[SHOP])
    assert ask(method, REPO + path, token=token, **how).status_code in {200, 201}
    # Everything but this: to write where writing is needed, and either of two where one is enough.
    shared = {"issues", "pull_requests"} if path.startswith("/issues") else set()
    missing = {name.replace("-", "_") for name in enough} | shared
    level = "read" if method == "POST" else "none"
    rights = {**dict.fromkeys(RIGHTS, "write"), **dict.fromkeys(missing, level)}
    answer = ask(method, REPO + path, token=github.token(rights=rights), **how)
    assert answer.status_code == (403 if enough else 200)
    assert not enough or answer.json()["message"] == NO_ACCESS


def test_a_user_without_access_sees_only_public_repositories(github, shop, pull, ask):
    token = github.token(repositories=["elsewhere/else"])
    write = {"json": {"body": "x"}}
    assert ask("GET", COMMENTS, token=token).status_code == 200
    assert ask("POST", COMMENTS, token=token, **write).json()["message"] == NO_ACCESS
    shop.private = True
    assert ask("GET", COMMENTS, token=token).status_code == 404
    assert ask("POST", COMMENTS, token=token, **write).status_code == 404
    assert pull.repository.bodies() == []


def test_an_unknown_token_is_refused(github, ask):
    assert ask("GET", "/user", token="ghs_x").status_code == 401  # noqa: S106 - of nobody
    assert [(one.user, one.status) for one in github.seen] == [(None, 401)]


def test_apps_cannot_read_their_identity(github, ask):
    assert ask("GET", "/user").json()["message"] == NO_ACCESS
    assert ask("GET", "/user", token=github.token(ALICE)).json()["id"] == ALICE.id


def test_an_unknown_permission_cannot_be_granted(github):
    with pytest.raises(ValueError, match="comments"):
        github.token(rights={"comments": "write"})
    with pytest.raises(ValueError, match="all"):
        github.token(rights={"contents": "all"})
