"""`energygate comment` posts a result from any CI system; its exit codes are no verdicts."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from builders import judged, result
from github_simulator.api.fake_github import ACTIONS, ALICE, FakeGitHub

from energygate.forge.github.sticky_comment import Marker
from energygate.gate import Verdict
from energygate.report.markdown import comment

SHA, OTHER = "ab" * 20, "cd" * 20
CREATED = "2026-03-01T12:00:00+00:00"
CREATED_S = int(datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp())
FAILED = result(judged(Verdict.FAIL), head_commit=SHA, created=CREATED)
PASSED = result(judged(Verdict.PASS), head_commit=SHA, created="2026-03-01T12:30:00+00:00")
WHERE = ("--repository", "o/r", "--pull-request", "1")


@pytest.fixture
def github(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with FakeGitHub().serving() as fake:
        yield fake


@pytest.fixture
def post(github, in_process, tmp_path):
    """Run the command on a result; without a token of its own it has a person's."""

    def run(found, *options, where=WHERE, **changes):
        (tmp_path / "result.json").write_text(found.to_json(), encoding="utf-8")
        plain = {"GITHUB_RUN_ID": None, "GITHUB_RUN_ATTEMPT": None, "no_proxy": "*"}
        ours = {"GITHUB_API_URL": github.api_url, "GITHUB_TOKEN": github.token(ALICE)}
        return in_process("comment", "result.json", *where, *options, cwd=tmp_path, **{**plain, **ours, **changes})

    return run


def only(github):
    """The one comment: its marker and its text."""
    (body,) = github.bodies()
    first, _, text = body.partition("\n")
    return Marker.of(first), text


@pytest.mark.parametrize("found", [FAILED, PASSED])
def test_it_posts_the_comment_and_exits_with_0_whatever_the_verdict(github, post, found):
    url = "https://ci.example.org/jobs/7"
    ran = post(found, "--run-url", url)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"created: {github.root}/o/r/pull/1#issuecomment-")
    assert only(github)[1] == comment(found, run_url=url)


def test_a_later_result_edits_the_comment_and_an_earlier_one_does_not(github, post):
    post(FAILED)
    assert post(PASSED).out.startswith("updated: ")
    assert post(FAILED).out.startswith("superseded by a later run: ")
    assert only(github)[1] == comment(PASSED, run_url=None)


def test_the_same_result_is_not_posted_twice(github, post):
    post(FAILED)
    writes = len(github.writes)
    assert post(FAILED).out.startswith("unchanged: ")
    assert len(github.writes) == writes


@pytest.mark.parametrize(
    ("options", "environment", "order"),
    [
        ((), {}, (CREATED_S, 1)),
        ((), {"GITHUB_RUN_ID": "17"}, (17, 1)),
        ((), {"GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "3"}, (17, 3)),
        (("--run-id", "5", "--attempt", "2"), {"GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "3"}, (5, 2)),
        (("--attempt", "2"), {}, (CREATED_S, 2)),
    ],
)
def test_the_run_that_a_comment_is_attributed_to(github, post, options, environment, order):
    post(FAILED, *options, **environment)
    assert only(github)[0].order == order


def test_a_result_from_the_future_does_not_suppress_later_runs(github, post):
    post(FAILED.model_copy(update={"created": "9999-01-01T00:00:00+00:00"}))
    assert only(github)[0].run_id < datetime(2200, 1, 1, tzinfo=timezone.utc).timestamp()


def test_the_commit_is_that_of_the_option_or_of_the_result(github, post):
    post(FAILED, "--sha", OTHER)
    assert only(github)[0].sha == OTHER
    unknown = FAILED.model_copy(update={"head_commit": None})
    ran = post(unknown)
    assert (ran.code, ran.out) == (2, "")
    assert "--sha" in ran.err


def test_two_keys_are_two_comments(github, post):
    post(FAILED)
    post(FAILED, "--key", "ranking/energygate.yml")
    assert len(github.bodies()) == 2


@pytest.mark.parametrize(
    ("found", "when", "comments"),
    [(PASSED, "always", 1), (PASSED, "changes", 0), (PASSED, "on-failure", 0), (FAILED, "never", 0)],
)
def test_when_a_comment_is_created(github, post, found, when, comments):
    ran = post(found, "--when", when)
    assert (ran.code, len(github.bodies())) == (0, comments)
    assert ran.out.startswith("created: " if comments else "nothing to report")


def test_under_strict_an_inconclusive_result_is_a_failure(github, post):
    found = result(judged(Verdict.INCONCLUSIVE), head_commit=SHA)
    post(found, "--when", "on-failure")
    assert github.bodies() == []
    post(found, "--when", "on-failure", "--strict")
    assert len(github.bodies()) == 1


# When it cannot


def test_a_refusal_by_github_is_one_sentence_and_an_exit_code_of_its_own(github, post):
    token = github.token(ACTIONS, writes=False)
    ran = post(FAILED, GITHUB_TOKEN=token)
    assert (ran.code, ran.out) == (5, "")
    assert "pull-requests: write" in ran.err
    assert ran.err.count("\n") == 1
    assert token not in ran.said


def test_a_wrong_token_is_reported_and_not_shown(post):
    wrong = "ghp_wrongandsecret"
    ran = post(FAILED, GITHUB_TOKEN=wrong)
    assert (ran.code, ran.out) == (5, "")
    assert "401" in ran.err
    assert wrong not in ran.said


@pytest.mark.parametrize(
    ("where", "environment", "words"),
    [
        (WHERE, {"GITHUB_TOKEN": None}, ("GITHUB_TOKEN: it is not set",)),
        (WHERE, {"GITHUB_TOKEN": ""}, ("GITHUB_TOKEN: it is not set",)),
        (WHERE, {"GITHUB_TOKEN": "two words"}, ("GITHUB_TOKEN", "spaces")),
        (WHERE, {"GITHUB_API_URL": "not an address"}, ("GITHUB_API_URL",)),
        (WHERE, {"GITHUB_RUN_ID": "many"}, ("GITHUB_RUN_ID", "'many'")),
        ((*WHERE, "--run-id", "0"), {}, ("--run-id", "1<=x<=")),
        ((*WHERE, "--run-id", "1" * 20), {}, ("--run-id", "1<=x<=")),
        ((*WHERE, "--attempt", "1" * 10), {}, ("--attempt", "1<=x<=")),
        ((*WHERE, "--key", "a b"), {}, ("--key", "without spaces")),
        ((*WHERE, "--sha", "abc"), {}, ("--sha", "full hash of the commit")),
        ((*WHERE, "--when", "sometimes"), {}, ("--when", "on-failure")),
        (("--repository", "r", "--pull-request", "1"), {}, ("owner/name",)),
        (("--repository", "o/..", "--pull-request", "1"), {}, ("owner/name",)),
        (("--repository", "o/r", "--pull-request", "-1"), {}, ("--pull-request", "1<=x<=")),
        (("--repository", "o/r"), {}, ("--pull-request",)),
        (("--pull-request", "1"), {}, ("--repository",)),
    ],
)
def test_a_mistake_is_refused_before_github_is_asked(github, post, where, environment, words):
    ran = post(FAILED, where=where, **environment)
    assert (ran.code, ran.out) == (2, "")
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert github.seen == []


@pytest.mark.parametrize("option", [("--key", "a b"), ("--sha", "abc")])
def test_a_mistake_in_an_option_is_refused_before_the_result_is_read(in_process, tmp_path, option):
    ran = in_process("comment", "missing.json", *WHERE, *option, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert option[0] in ran.err


def test_an_invalid_result_is_not_posted(github, post):
    lying = FAILED.model_copy(update={"verdict": Verdict.PASS})
    ran = post(lying)
    assert (ran.code, ran.out) == (3, "")
    assert "its verdict, pass, is not the worst" in ran.err
    assert github.seen == []
