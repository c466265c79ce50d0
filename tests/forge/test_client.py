"""The API client against servers that refuse, limit, break off and redirect."""

from __future__ import annotations

import logging

import pytest
import requests
from github_simulator.api.fake_github import ACTIONS, ALICE, FakeGitHub
from requests.exceptions import ReadTimeout

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.client import MAX_PAGES, GitHubClient
from energygate.forge.github.retry import MAX_ATTEMPTS, MAX_WAIT_S

NOW_S = 1_800_000_000
COMMENTS = "/repos/o/r/issues/1/comments"


@pytest.fixture
def trouble():
    """Expects trouble, and checks what holds for all of it: one sentence with its place, and no token."""

    def expect(ask, *words, status=None):
        with pytest.raises(GitHubError) as caught:
            ask()
        message = str(caught.value)
        assert "\n" not in message
        assert "ghs_" not in message
        assert caught.value.status == status
        for word in words:
            assert word in message
        return caught.value

    return expect


# Patience.


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
def test_failed_requests_are_retried_with_backoff(github, client, pauses, status):
    github.add_comment(ALICE, "hello")
    github.trick("GET", COMMENTS, times=3, status=status)
    assert [one.text("body") for one in client.items(COMMENTS)] == ["hello"]
    assert pauses == [1, 2, 4]


def test_retries_end_with_an_error(github, client, pauses, trouble):
    github.trick("GET", COMMENTS, times=99, status=502)
    trouble(lambda: list(client.items(COMMENTS)), "502", "GET /repos/o/r/issues/1/comments", status=502)
    assert len(github.seen) == MAX_ATTEMPTS
    assert pauses == [1, 2, 4, 8]


def test_a_missing_answer_is_an_error(github, client, trouble):
    github.trick("GET", "/user", times=99, status=0)
    trouble(lambda: client.get("/user"), "did not answer: ConnectionError")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 422, 501])
def test_refusals_are_not_retried(github, client, pauses, trouble, status):
    github.trick("GET", COMMENTS, times=99, status=status, body={"message": "no"})
    trouble(lambda: list(client.items(COMMENTS)), f"{status} (no)", status=status)
    assert (len(github.seen), pauses) == (1, [])


SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait."}


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        ((403, {"Retry-After": "7"}, SECONDARY), 7),
        ((429, {"Retry-After": "7"}, None), 7),
        ((503, {"Retry-After": "7"}, None), 7),
        ((503, {"Retry-After": "0"}, None), 1),
        # GitHub's advice where nothing is said: a minute at least.
        ((403, {}, SECONDARY), 60),
        ((429, {}, None), 60),
        ((403, {"Retry-After": "soon"}, SECONDARY), 60),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOW_S + 30)}, None), 30),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOW_S - 30)}, None), 1),
    ],
)
def test_rate_limits_are_waited_out_as_github_asks(github, client, pauses, answer, pause):
    status, headers, body = answer
    github.trick("GET", COMMENTS, status=status, headers=headers, body=body)
    assert list(client.items(COMMENTS)) == []
    assert pauses == [pause]


@pytest.mark.parametrize("asked_s", [MAX_WAIT_S + 1, 10**9, 10**30])
def test_a_rate_limit_that_lasts_too_long_is_an_error(github, client, pauses, trouble, asked_s):
    headers = {"Retry-After": str(int(asked_s))}
    github.trick("GET", COMMENTS, status=429, headers=headers, body=SECONDARY)
    trouble(lambda: list(client.items(COMMENTS)), "rate limit is hit", status=429)
    assert (len(github.seen), pauses) == (1, [])


def test_the_total_waiting_time_is_bounded(github, client, pauses, trouble):
    github.trick("GET", COMMENTS, times=99, status=429, headers={"Retry-After": "50"})
    trouble(lambda: list(client.items(COMMENTS)), "rate limit is hit", status=429)
    assert pauses == [50, 50]


# Refusals, each with what to do.


def test_a_missing_permission_is_named(github, client_of, trouble):
    client = client_of(github, writes=False)
    said = trouble(
        lambda: client.write("POST", COMMENTS, {"body": "hi"}),
        "Resource not accessible by integration",
        "permissions: {pull-requests: write}",
        status=403,
    )
    assert "fork" in said.hint


def test_each_request_names_its_own_permission(github, client, trouble):
    github.trick("GET", "/x", status=403)
    trouble(lambda: client.download("/x", limit_bytes=1), "permissions: {actions: read}", status=403)


def test_an_invalid_token_is_named_as_the_cause(github, client_of, trouble):
    client = client_of(github, token="ghs_unheard_of")  # noqa: S106 - of nobody
    trouble(lambda: client.get("/user"), "Bad credentials", "The token is wrong or has expired", status=401)


def test_a_too_long_body_is_explained_in_githubs_words(client, trouble):
    long = {"body": "x" * 65_537}
    trouble(lambda: client.write("POST", COMMENTS, long), "maximum is 65536", status=422)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b"null",
        b"7",
        b"[" * 100_000,
        b'{"message": 7, "errors": 8}',
        {"errors": [None, 1, {}]},
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_nonsensical_answer_is_no_traceback(github, client, trouble, body, status):
    github.trick("GET", "/x", status=status, body=body)
    if status == 200 and isinstance(body, (dict, bytes)) and (body if isinstance(body, dict) else body[:1] == b"{"):
        client.get("/x")
        return
    trouble(lambda: client.get("/x"), "GET /x", status=status if status == 404 else None)


def test_github_cannot_write_commands_into_the_log(github, client, trouble):
    github.trick("GET", "/x", status=404, body={"message": "no\n::error::forged\x1b[31m" + "x" * 5000})
    said = trouble(lambda: client.get("/x"), status=404)
    assert len(str(said)) < 600
    assert "\x1b" not in str(said)


def test_deleting_what_no_longer_exists_succeeds(client):
    client.delete("/repos/o/r/issues/comments/1")


def test_deleting_without_permission_is_an_error(github, client_of, trouble):
    client = client_of(github, writes=False)
    trouble(lambda: client.delete("/repos/o/r/issues/comments/1"), "pull-requests: write", status=403)


# Lists.


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_a_list_is_read_to_its_end(github, client, count):
    for number in range(count):
        github.add_comment(ALICE, str(number))
    assert [one.text("body") for one in client.items(COMMENTS)] == [str(number) for number in range(count)]
    assert len(github.seen) == max(-(-count // 100), 1)


def test_a_page_that_fails_leaves_nothing_out(github, client):
    for number in range(150):
        github.add_comment(ALICE, str(number))
    github.trick("GET", COMMENTS, times=2, status=502)
    assert len(list(client.items(COMMENTS))) == 150


@pytest.mark.parametrize("link", ["{elsewhere}/x", "https://[x", "//127.0.0.1:9/x", "{github}@127.0.0.1:9/x"])
def test_pagination_does_not_follow_another_host(github, elsewhere, client, trouble, link):
    url = link.format(elsewhere=elsewhere.root, github=github.root)
    github.trick("GET", COMMENTS, status=200, headers={"Link": f'<{url}>; rel="next"'}, body=[])
    trouble(lambda: list(client.items(COMMENTS)), "another host")
    assert elsewhere.seen == []
    assert len(github.seen) == 1


def test_endless_pagination_is_cut_off(github, client, trouble):
    link = {"Link": f'<{github.root}{COMMENTS}>; rel="next"'}
    github.trick("GET", COMMENTS, times=999, status=200, headers=link, body=[])
    trouble(lambda: list(client.items(COMMENTS)), f"more than {MAX_PAGES} pages")


# Whose token goes where.


def test_the_token_goes_to_github(github, client):
    list(client.items(COMMENTS))
    (seen,) = github.seen
    assert seen.token.startswith("Bearer ghs_")
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert "application/vnd.github+json" in seen.headers["accept"]


def test_a_password_in_netrc_does_not_take_the_tokens_place(github, client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    list(client.items(COMMENTS))
    assert github.seen[0].token.startswith("Bearer ghs_")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_repository_that_moved_is_followed_on_the_same_host(github, client, status):
    moved = {"Location": f"{github.root}{COMMENTS}"}
    github.trick("POST", "/repos/old/name/issues/1/comments", status=status, headers=moved)
    client.write("POST", "/repos/old/name/issues/1/comments", {"body": "hi"})
    assert github.bodies() == ["hi"]
    assert len({one.token for one in github.seen}) == 1


def test_a_file_is_fetched_from_another_host_without_the_token(github, elsewhere, client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    signed = {"Location": f"{elsewhere.root}/blob?sig=secret"}
    github.trick("GET", "/zip", status=302, headers=signed)
    elsewhere.trick("GET", "/blob", status=200, body=b"PK")
    assert client.download("/zip", limit_bytes=2) == b"PK"
    (seen,) = elsewhere.seen
    assert seen.token is None
    assert not any("ghs_" in value for value in seen.headers.values())
    assert "x-github-api-version" not in seen.headers


def test_a_redirect_back_to_the_api_host_does_not_get_the_token_again(github, elsewhere, client, trouble):
    github.trick("GET", "/zip", status=302, headers={"Location": f"{elsewhere.root}/blob"})
    elsewhere.trick("GET", "/blob", status=302, headers={"Location": f"{github.root}/user"})
    trouble(lambda: client.download("/zip", limit_bytes=10), status=401)
    assert [one.token is None for one in github.seen] == [False, True]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects_to_another_host_are_followed_only_for_files(github, elsewhere, client, trouble, method):
    github.trick(method, "/x", status=307, headers={"Location": f"{elsewhere.root}/x"})
    ask = {"GET": lambda: client.get("/x"), "POST": lambda: client.write("POST", "/x", {"body": "hi"})}
    trouble(ask[method], "another host")
    assert elsewhere.seen == []


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[x", "http://u:p@127.0.0.1/"])
def test_a_redirect_to_an_invalid_address_is_not_followed(github, client, trouble, location):
    github.trick("GET", "/x", status=302, headers={"Location": location})
    trouble(lambda: client.get("/x"), "redirects to")
    assert len(github.seen) == 1


@pytest.mark.parametrize(("status", "headers"), [(302, {}), (303, {"Location": "/user"}), (304, {})])
def test_an_empty_answer_is_not_a_success(github, client, trouble, status, headers):
    github.trick("DELETE", "/x", status=status, headers=headers)
    trouble(lambda: client.delete("/x"), str(status))


def test_endless_redirects_are_cut_off(github, client, trouble):
    github.trick("GET", "/x", times=99, status=302, headers={"Location": "/x"})
    trouble(lambda: client.get("/x"), "more than 5 times")


@pytest.mark.parametrize("size", [9, 10])
def test_a_file_may_be_as_long_as_its_limit(github, client, size):
    github.trick("GET", "/zip", status=200, body=b"x" * size)
    assert client.download("/zip", limit_bytes=10) == b"x" * size


def test_a_file_longer_than_its_limit_is_refused(github, client, trouble):
    github.trick("GET", "/zip", status=200, body=b"x" * 200_000)
    trouble(lambda: client.download("/zip", limit_bytes=10), "more than 10 bytes")


def test_an_endless_file_is_cut_off(github, client, trouble):
    github.trick("GET", "/zip", status=200, headers={"Content-Length": str(10**12)}, body=b"x" * 200_000)
    trouble(lambda: client.download("/zip", limit_bytes=10), "more than 10 bytes")


def test_a_truncated_file_is_refused(github, client, trouble):
    github.trick("GET", "/zip", status=200, headers={"Content-Length": "99"}, body=b"x" * 10)
    trouble(lambda: client.download("/zip", limit_bytes=100), "is incomplete")


# The token is seen nowhere.


def test_the_token_appears_in_no_repr_and_no_log(client, caplog):
    caplog.set_level(logging.DEBUG)
    list(client.items(COMMENTS))
    assert caplog.records  # urllib3 said something
    assert "ghs_" not in caplog.text
    assert "ghs_" not in repr(client)
    assert "ghs_" not in repr(client)


def test_a_token_echoed_by_the_server_does_not_reach_the_log(github, client, trouble):
    github.trick("GET", "/x", status=404, body={"message": f"Bearer {client.token} is unknown"})
    trouble(lambda: client.get("/x"), "Bearer *** is unknown", status=404)


def test_no_error_references_the_request_with_its_token(github, trouble):
    class Slow(requests.Session):
        def request(self, *args, auth, **_):
            prepared = requests.Request(*args, auth=auth).prepare()
            raise ReadTimeout("slow", request=prepared)

    client = GitHubClient(session=Slow(), api_url=github.api_url, token=github.token(ACTIONS), sleep=lambda _: None)
    said = trouble(lambda: client.get("/user"), "ReadTimeout")
    assert said.__cause__ is None
    assert said.__context__ is None


@pytest.mark.parametrize("token", ["", " ", "ghs_a\n", "ghs_a b", "ghs_\x00", "ghs_é"])
def test_a_malformed_token_is_refused_before_it_is_sent_and_never_shown(token):
    with pytest.raises(UsageError) as caught:
        GitHubClient(session=requests.Session(), api_url="https://api.example", token=token)
    assert "ghs_" not in str(caught.value)
    assert caught.value.where == "GITHUB_TOKEN"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "api.example",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?y",
        "https://x#y",
        "http://[x",
        "http://x:y",
    ],
)
def test_a_malformed_address_is_refused(address):
    with pytest.raises(UsageError, match="GITHUB_API_URL"):
        GitHubClient(session=requests.Session(), api_url=address, token="t")  # noqa: S106 - nobody's


# GitHub Enterprise.


@pytest.mark.parametrize(("prefix", "slash"), [("", ""), ("", "/"), ("/api/v3", ""), ("/api/v3", "/")])
def test_the_api_address_is_used_unchanged(client_of, prefix, slash):
    with FakeGitHub(prefix=prefix).serving() as github:
        made = client_of(github)
        client = GitHubClient(session=made.session, api_url=github.api_url + slash, token=made.token)
        for number in range(101):
            github.add_comment(ALICE, str(number))
        assert len(list(client.items(COMMENTS))) == 101
        assert client.query("query { viewer { login } }").text("data", "viewer", "login") == ACTIONS.login
        expected = [f"{prefix}{COMMENTS}"] * 2 + [f"{prefix.removesuffix('/v3')}/graphql"]
        assert [one.path for one in github.seen] == expected
