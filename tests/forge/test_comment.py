"""When a pull request gets a comment; an existing one is kept up to date."""

from __future__ import annotations

import pytest
from builders import failed_workload_result, judged, result, workload_result
from github_simulator.api.fake_github import ALICE

from energygate.forge.comment import When, is_worth_a_comment, post_result
from energygate.forge.github.sticky_comment import Marker, PostOutcome, Thread
from energygate.gate import Verdict
from energygate.report.markdown import comment
from energygate.report.safe_markdown import MAX_COMMENT
from energygate.result.result import Change

THREAD = Thread(repository="o/r", number=1)


def marker(run_id=10, key="default"):
    return Marker(key=key, run_id=run_id, attempt=1, sha="a" * 40)


def of(verdict):
    return result(failed_workload_result() if verdict is Verdict.ERROR else judged(verdict))


def changed(low, high):
    metric = judged(Verdict.PASS).metrics["energy_per_request"]
    change = Change(estimate=(low + high) / 2, low=low, high=high)
    moved = metric.model_copy(update={"base": metric.head, "change": change})
    return result(workload_result(metrics={"energy_per_request": moved}, state="compared"))


ALWAYS, CHANGES, ON_FAILURE, NEVER = When


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        pytest.param(of(Verdict.PASS), {ALWAYS}, id="pass"),
        pytest.param(changed(-0.01, 0.01), {ALWAYS}, id="a change that is none"),
        pytest.param(changed(-0.3, -0.2), {ALWAYS, CHANGES}, id="an improvement"),
        pytest.param(of(Verdict.WAIVED), {ALWAYS, CHANGES}, id="waived"),
        pytest.param(of(Verdict.WARN), {ALWAYS, CHANGES}, id="warned"),
        pytest.param(of(Verdict.INCONCLUSIVE), {ALWAYS, CHANGES}, id="inconclusive"),
        pytest.param(of(Verdict.FAIL), {ALWAYS, CHANGES, ON_FAILURE}, id="fail"),
        pytest.param(of(Verdict.ERROR), {ALWAYS, CHANGES, ON_FAILURE}, id="error"),
    ],
)
def test_what_is_news_to_whom(found, wanted):
    assert {when for when in When if is_worth_a_comment(found, when)} == wanted


def test_what_fails_the_gate_is_a_failure():
    assert not is_worth_a_comment(of(Verdict.INCONCLUSIVE), ON_FAILURE)
    assert is_worth_a_comment(of(Verdict.INCONCLUSIVE), ON_FAILURE, strict=True)


def say(client, found, when, run_id=10, **how):
    return post_result(client, found, thread=THREAD, marker=marker(run_id, **how), when=when)


@pytest.mark.parametrize("when", [CHANGES, ON_FAILURE])
def test_without_news_there_is_no_comment(github, client, when):
    assert say(client, of(Verdict.PASS), when) is None
    assert github.bodies() == []
    assert github.writes == []


@pytest.mark.parametrize("when", [ALWAYS, CHANGES, ON_FAILURE])
def test_once_there_is_a_comment_it_becomes_green_too(github, client, when):
    assert say(client, of(Verdict.FAIL), when, 10).outcome is PostOutcome.CREATED
    assert say(client, of(Verdict.PASS), when, 11).outcome is PostOutcome.UPDATED
    (body,) = github.bodies()
    assert body.startswith(f"{marker(11)}\n### ✅ ")


def test_never_asks_nobody(github, client):
    assert say(client, of(Verdict.FAIL), NEVER) is None
    assert github.seen == []


def test_the_comment_of_another_policy_or_author_is_no_reason_to_speak(github, client):
    github.add_comment(ALICE, f"{marker(9)}\nme too")
    say(client, of(Verdict.FAIL), ALWAYS, 9, key="other.yml")
    assert say(client, of(Verdict.PASS), CHANGES, 10) is None
    assert len(github.bodies()) == 2


def test_a_green_run_that_is_older_does_not_silence_a_newer_failure(github, client):
    say(client, of(Verdict.FAIL), CHANGES, 11)
    assert say(client, of(Verdict.PASS), CHANGES, 10).outcome is PostOutcome.SUPERSEDED
    assert "❌" in github.bodies()[0]


def failing(count):
    return result(*(judged(Verdict.FAIL, name=f"workload {number:04}") for number in range(count)))


def just_below_the_limit():
    """A result whose comment has room for no marker."""
    few, more = (len(comment(failing(count), run_url=None)) for count in (100, 200))
    guess = 100 + int((MAX_COMMENT - few) / ((more - few) / 100))
    for count in range(guess + 5, guess - 5, -1):
        if MAX_COMMENT - 200 < len(comment(failing(count), run_url=None)) <= MAX_COMMENT:
            return failing(count)
    raise AssertionError(guess)


def test_there_is_room_for_the_longest_marker(github, client):
    key = "k" * 100
    assert say(client, just_below_the_limit(), ALWAYS, 10, key=key).outcome is PostOutcome.CREATED
    (body,) = github.bodies()
    assert len(body) <= MAX_COMMENT
    assert body.startswith(f"{marker(10, key=key)}\n### ❌ ")
