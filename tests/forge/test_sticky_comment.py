"""The one comment: created once, edited in place, never by an older run, never somebody else's."""

from __future__ import annotations

import threading

import pytest
from github_simulator.api.fake_github import ACTIONS, ALICE, MALLORY, OTHER_APP
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.sticky_comment import (
    MAX_ROUNDS,
    Comment,
    Marker,
    PostOutcome,
    Thread,
    next_step,
    post_sticky,
    room_for_text,
)
from energygate.forge.github.token_owner import Identity, own_identity
from energygate.report.safe_markdown import MAX_COMMENT

SHA = "a" * 40
THREAD = Thread(repository="o/r", number=1)
BOT = Identity(login="github-actions[bot]")
COMMENTS = "/repos/o/r/issues/1/comments"
GENEROUS_S = 300


def marker(run_id=10, attempt=1, *, key="default", sha=SHA):
    return Marker(key=key, run_id=run_id, attempt=attempt, sha=sha)


def body(text, run_id=10, attempt=1, **how):
    return f"{marker(run_id, attempt, **how)}\n{text}"


def post(client, text, run_id=10, attempt=1, *, author=BOT, **how):
    return post_sticky(client, thread=THREAD, author=author, marker=marker(run_id, attempt, **how), text=text).outcome


# One run after another.


def test_the_first_run_makes_a_comment_that_begins_with_the_marker(github, client):
    posted = post_sticky(client, thread=THREAD, author=BOT, marker=marker(), text="❌ 0.84 mWh")
    assert github.bodies() == [f"<!-- energygate:v1 key=default run=10 attempt=1 sha={SHA} -->\n❌ 0.84 mWh"]
    assert posted.outcome is PostOutcome.CREATED
    (number,) = github.comments
    assert posted.url == f"{github.root}/o/r/pull/1#issuecomment-{number}"


def test_the_next_run_edits_it_in_place(github, client):
    post(client, "red", 10)
    assert post(client, "green", 11) is PostOutcome.UPDATED
    assert github.bodies() == [body("green", 11)]
    assert len(github.asked("POST", COMMENTS)) == 1


def test_another_attempt_of_a_run_edits_it_too(github, client):
    post(client, "red", 10, 1)
    assert post(client, "green", 10, 2) is PostOutcome.UPDATED
    assert github.bodies() == [body("green", 10, 2)]


@pytest.mark.parametrize(("run_id", "attempt"), [(9, 1), (9, 7), (10, 1)])
def test_an_older_run_does_not_write_over_a_newer_one(github, client, run_id, attempt):
    post(client, "newer", 10, 2)
    writes = len(github.writes)
    assert post(client, "older", run_id, attempt) is PostOutcome.SUPERSEDED
    assert github.bodies() == [body("newer", 10, 2)]
    assert len(github.writes) == writes


@pytest.mark.parametrize("stored", [str, lambda text: text.replace("\n", "\r\n"), lambda text: text + "\n "])
def test_an_identical_comment_is_not_posted_again(github, client, stored):
    github.add_comment(ACTIONS, stored(body("a\nb")))
    assert post(client, "a\nb") is PostOutcome.UNCHANGED
    assert github.writes == []


def test_the_same_text_of_a_later_run_takes_the_place_of_the_earlier(github, client):
    # Otherwise a run between the two, ending last, would write over the later one.
    post(client, "same", 10)
    assert post(client, "same", 12) is PostOutcome.UPDATED
    assert post(client, "between", 11) is PostOutcome.SUPERSEDED
    assert github.bodies() == [body("same", 12)]


def test_text_that_github_normalises_is_not_posted_again(github, client):
    number = github.add_comment(ACTIONS, body("old", 9))
    github.trick("GET", COMMENTS)
    github.trick("GET", COMMENTS, act=lambda: github.comments[number].update(body=body("cleaned")))
    assert post(client, "dirty") is PostOutcome.UPDATED
    assert len(github.asked("PATCH")) == 1


def test_comments_with_different_keys_coexist(github, client):
    post(client, "cpu", key="cpu/linux")
    post(client, "gpu", key="gpu")
    post(client, "cpu again", 11, key="cpu/linux")
    assert github.bodies() == [body("cpu again", 11, key="cpu/linux"), body("gpu", key="gpu")]


@pytest.mark.parametrize("before", [29, 30, 99, 100, 250])
def test_the_comment_is_found_after_any_number_of_others(github, client, before):
    for _ in range(before):
        github.add_comment(ALICE, "me too")
    post(client, "red")
    post(client, "green", 11)
    assert github.bodies(ACTIONS) == [body("green", 11)]


def test_only_comments_of_the_pull_request_are_searched(github, client):
    github.add_comment(ACTIONS, body("other"), pull_request=2)
    assert post(client, "here") is PostOutcome.CREATED
    assert github.bodies() == [body("other"), body("here")]


# Whose comment.


@pytest.mark.parametrize("thief", [MALLORY, OTHER_APP, None])
@pytest.mark.parametrize("run_id", [1, 10, 10**18])
def test_a_marker_pasted_by_somebody_else_is_ignored(github, client, thief, run_id):
    pasted = body("I am the report", run_id)
    number = github.add_comment(thief, pasted)
    assert post(client, "real") is PostOutcome.CREATED
    assert post(client, "real again", 11) is PostOutcome.UPDATED
    assert github.comments[number] == {"issue": 1, "user": thief, "body": pasted, "edits": 0}
    assert github.bodies(ACTIONS) == [body("real again", 11)]


@pytest.mark.parametrize(
    "text",
    [
        f"> {body('quoted')}",
        f" {body('indented')}",
        f"Look: {body('inside')}",
        body("other tool").replace("energygate:v1", "energygate:v2"),
        body("x").replace("run=10", "run=x"),
        body("x").replace(SHA, SHA[:39]),
        body("x").replace(SHA, SHA + "a"),
        body("x").replace("run=10", "run=" + "9" * 99),
        "",
        None,
    ],
)
def test_own_comments_that_do_not_begin_with_the_marker_are_left_alone(github, client, text):
    number = github.add_comment(ACTIONS, text)
    assert post(client, "real") is PostOutcome.CREATED
    assert github.comments[number]["body"] == text


def test_a_persons_token_finds_the_persons_comment(github, client_of):
    client = client_of(github, ALICE)
    author = own_identity(client)
    post(client, "red", author=author)
    assert post(client, "green", 11, author=author) is PostOutcome.UPDATED
    assert github.bodies() == [body("green", 11)]


def test_an_app_with_a_wrong_identity_learns_it_from_its_own_post(github, client_of):
    client = client_of(github, OTHER_APP)
    assert post(client, "red", 10, author=BOT) is PostOutcome.CREATED
    assert post(client, "green", 11, author=BOT) is PostOutcome.UPDATED
    assert github.bodies() == [body("green", 11)]


# Several runs at the same time.


@pytest.mark.parametrize(("first", "second"), [(10, 11), (11, 10), (10, 10)])
def test_of_two_concurrent_runs_one_comment_of_the_later_remains(github, client_of, first, second):
    # Neither is told what there is before both have looked: so both find nothing, and both create.
    both = threading.Barrier(2, timeout=GENEROUS_S)
    github.trick("GET", COMMENTS, times=2, then=both.wait)
    runs = [
        threading.Thread(target=post, args=(client_of(github), f"run {run_id}", run_id)) for run_id in (first, second)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(GENEROUS_S)
    assert len(github.asked("POST", COMMENTS)) == 2
    assert github.bodies() == [body(f"run {max(first, second)}", max(first, second))]


@pytest.mark.parametrize("count", [3, 6])
def test_of_many_concurrent_runs_one_comment_remains(github, client_of, count):
    everyone = threading.Barrier(count, timeout=GENEROUS_S)
    github.trick("GET", COMMENTS, times=count, then=everyone.wait)
    ids = range(20, 20 + count)
    runs = [threading.Thread(target=post, args=(client_of(github), f"run {run_id}", run_id)) for run_id in ids]
    for run in runs:
        run.start()
    for run in runs:
        run.join(GENEROUS_S)
    assert len(github.asked("POST", COMMENTS)) == count
    assert len(github.bodies()) == 1


@pytest.mark.parametrize("done", [False, True])
def test_a_failed_edit_is_not_retried_over_a_later_runs_comment(github, client_of, pauses, done):
    number = github.add_comment(ACTIONS, body("old", 5))
    later = lambda _: github.comments[number].update(body=body("later", 11))  # noqa: E731 - as it waits
    github.trick("PATCH", ".*", status=502, done=done)
    assert post(client_of(github, sleep=lambda s: (pauses.append(s), later(s))), "now", 10) is PostOutcome.SUPERSEDED
    assert github.bodies() == [body("later", 11)]
    assert pauses == [1]


def test_a_failed_edit_is_retried_after_reading_the_comments_again(github, client, pauses):
    github.add_comment(ACTIONS, body("old", 5))
    github.trick("PATCH", ".*", status=429, headers={"Retry-After": "50"}, times=2)
    assert post(client, "now", 10) is PostOutcome.UPDATED
    assert github.bodies() == [body("now", 10)]
    assert pauses == [50, 50, 1, 1]


def test_retries_of_edits_are_bounded(github, client, pauses):
    github.add_comment(ACTIONS, body("old", 5))
    github.trick("PATCH", ".*", status=429, headers={"Retry-After": "50"}, times=99)
    with pytest.raises(GitHubError, match="rate limit is hit"):
        post(client, "now", 10)
    assert pauses.count(50) == 2


def test_a_comment_created_twice_by_a_gateway_is_deduplicated(github, client):
    github.trick("POST", COMMENTS, status=502, done=True)
    assert post(client, "red") is PostOutcome.CREATED
    assert len(github.asked("POST", COMMENTS)) == 2
    assert github.bodies() == [body("red")]


def test_leftovers_of_an_interrupted_run_are_deleted(github, client):
    for run_id in (7, 8, 9):
        github.add_comment(ACTIONS, body("left", run_id))
    oldest = min(github.comments)
    assert post(client, "now", 10) is PostOutcome.UPDATED
    assert list(github.comments) == [oldest]
    assert github.bodies() == [body("now", 10)]


def test_an_older_run_deletes_its_own_comment_and_no_later_one(github, client):
    for run_id in (12, 10, 13):
        github.add_comment(ACTIONS, body(f"run {run_id}", run_id))
    assert post(client, "run 10", 10) is PostOutcome.SUPERSEDED
    assert github.bodies() == [body("run 12", 12), body("run 13", 13)]


def test_a_run_overwritten_by_an_older_one_writes_again(github, client):
    number = github.add_comment(ACTIONS, body("old", 5))

    def an_older_run_writes_late():
        github.comments[number]["body"] = body("late", 9)

    github.trick("GET", COMMENTS)
    github.trick("GET", COMMENTS, act=an_older_run_writes_late)
    assert post(client, "now", 10) is PostOutcome.UPDATED
    assert github.bodies() == [body("now", 10)]


def test_a_comment_deleted_in_between_is_created_again(github, client):
    number = github.add_comment(ACTIONS, body("old", 5))
    github.trick("PATCH", ".*", act=lambda: github.comments.pop(number))
    assert post(client, "now", 10) is PostOutcome.CREATED
    assert github.bodies() == [body("now", 10)]


def test_a_comment_missing_from_githubs_list_is_not_created_again(github, client):
    github.trick("GET", COMMENTS)
    github.trick("GET", COMMENTS, act=lambda: github.hidden.update(github.comments))
    assert post(client, "red") is PostOutcome.CREATED
    assert len(github.asked("POST", COMMENTS)) == 1


def test_after_too_many_concurrent_edits_it_gives_up(github, client, pauses):
    number = github.add_comment(ACTIONS, body("old", 5))
    github.trick("GET", COMMENTS, times=99, act=lambda: github.comments[number].update(body=body("old", 5)))
    with pytest.raises(GitHubError, match="other runs keep changing"):
        post(client, "now", 10)
    assert len(github.asked("PATCH")) == MAX_ROUNDS
    assert pauses == [1] * (MAX_ROUNDS - 2)


# The rule itself.


def comments(ages):
    return [
        Comment(id=100 + number, url="u", body=body("x", *age), marker=marker(*age), author=BOT)
        for number, age in enumerate(ages)
    ]


AGES = st.tuples(st.integers(1, 4), st.integers(1, 3))


@given(st.lists(AGES, min_size=1, max_size=6), AGES, st.booleans(), st.randoms())
def test_a_later_runs_comment_is_never_lost(ages, age, written, order):
    own = comments(ages)
    oldest = own[0]
    order.shuffle(own)
    mine = marker(*age)
    step = next_step(own, marker=mine, body=body("mine", *age), written=written)
    assert step.kept == oldest
    assert all(one.marker.order <= mine.order for one in step.delete)
    assert oldest not in step.delete
    assert step.superseded == any(one.marker.order > mine.order for one in own)
    assert not (step.edit and step.superseded)
    if not step.superseded:
        # What stays then shows this run, alone.
        assert step.edit or oldest.marker == mine
        assert len(step.delete) == len(own) - 1


# What cannot be posted.


def test_a_text_may_fill_the_comment_together_with_its_marker(github, client):
    room = room_for_text(marker())
    assert post(client, "x" * room) is PostOutcome.CREATED
    assert len(github.bodies()[0]) == MAX_COMMENT
    with pytest.raises(UsageError, match="65,536 characters"):
        post(client, "x" * (room + 1))
    with pytest.raises(UsageError, match="65,536 characters"):
        post(client, "🌈" * (room // 2 + 1))  # two units each


def test_a_read_only_token_is_an_error_that_names_the_permission(github, client_of):
    with pytest.raises(GitHubError, match="pull-requests: write"):
        post(client_of(github, writes=False), "red")
    assert github.bodies() == []


@pytest.mark.parametrize("key", ["", "a b", "-->", "a\n", "x" * 101, "é", "a=b>"])
def test_a_key_cannot_close_the_html_comment(key):
    with pytest.raises(UsageError, match="key"):
        marker(key=key)


@given(st.from_regex(r"[A-Za-z0-9._/-]{1,100}", fullmatch=True), st.integers(1, 10**18), st.integers(1, 10**8))
def test_a_marker_is_read_as_it_was_written(key, run_id, attempt):
    one = marker(run_id, attempt, key=key)
    assert Marker.of(f"{one}\ntext") == one


@pytest.mark.parametrize("repository", ["o", "o/r/x", "../x", "o/..", "o/r?x", "o/r#"])
def test_a_repository_name_cannot_change_the_request_path(repository):
    with pytest.raises(UsageError, match="owner/name"):
        Thread(repository=repository, number=1)
