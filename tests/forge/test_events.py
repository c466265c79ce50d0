"""Events and what energygate does for each: the truth table, and malformed payloads."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import UsageError
from energygate.forge.github.events import Activity, activity, event_from, read_event

HEAD, BASE, TRIAL_MERGE = "a" * 40, "b" * 40, "c" * 40

ENVIRON = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_SHA": TRIAL_MERGE,
    "GITHUB_ACTOR": "alice",
    "GITHUB_RUN_ID": "289782451",
    "GITHUB_RUN_ATTEMPT": "1",
}

PULL_REQUEST = {
    "action": "synchronize",
    "number": 7,
    "pull_request": {
        "number": 7,
        "head": {"sha": HEAD, "ref": "patch-1", "repo": {"full_name": "o/r"}},
        "base": {"sha": BASE, "ref": "main", "repo": {"full_name": "o/r"}},
    },
}
MERGE_GROUP = {
    "action": "checks_requested",
    "merge_group": {"head_sha": HEAD, "base_sha": BASE, "base_ref": "refs/heads/main"},
}
PUSH = {"ref": "refs/heads/main", "deleted": False, "repository": {"default_branch": "main"}}
WORKFLOW_RUN = {
    "action": "completed",
    "workflow_run": {
        "id": 123,
        "run_attempt": 2,
        "event": "pull_request",
        "conclusion": "success",
        "head_sha": HEAD,
        "head_repository": {"full_name": "mallory/r"},
        "path": ".github/workflows/energy.yml",
        "pull_requests": [],
    },
}
PAYLOADS = {
    "pull_request": PULL_REQUEST,
    "merge_group": MERGE_GROUP,
    "push": PUSH,
    "workflow_run": WORKFLOW_RUN,
}


def changed(payload, path, value):
    """Return the payload with another value at a dotted path; `...` takes it out."""
    payload = copy.deepcopy(payload)
    *above, last = path.split(".")
    place = payload
    for key in above:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return payload


def happened(name, payload=None, *, path=None, value=None, **environ):
    payload = PAYLOADS.get(name, {}) if payload is None else payload
    payload = changed(payload, path, value) if path else payload
    return event_from({**ENVIRON, "GITHUB_EVENT_NAME": name, **environ}, payload)


@pytest.mark.parametrize(
    ("name", "how", "expected"),
    [
        ("pull_request", {}, Activity.COMPARE_AND_COMMENT),
        ("pull_request", {"path": "action", "value": "opened"}, Activity.COMPARE_AND_COMMENT),
        ("pull_request", {"path": "action", "value": "reopened"}, Activity.COMPARE_AND_COMMENT),
        ("pull_request", {"path": "action", "value": "labeled"}, Activity.COMPARE_AND_COMMENT),
        ("pull_request", {"path": "action", "value": "closed"}, Activity.NOTHING),
        # The same repository, whatever the case; a fork; a fork that is gone; Dependabot; a person on its branch.
        ("pull_request", {"GITHUB_REPOSITORY": "O/R"}, Activity.COMPARE_AND_COMMENT),
        (
            "pull_request",
            {"path": "pull_request.head.repo.full_name", "value": "m/r"},
            Activity.COMPARE_AND_LEAVE,
        ),
        ("pull_request", {"path": "pull_request.head.repo", "value": None}, Activity.COMPARE_AND_LEAVE),
        ("pull_request", {"GITHUB_ACTOR": "dependabot[bot]"}, Activity.COMPARE_AND_LEAVE),
        ("pull_request", {"GITHUB_ACTOR": "dependabot"}, Activity.COMPARE_AND_COMMENT),
        ("merge_group", {}, Activity.COMPARE),
        ("merge_group", {"path": "action", "value": "destroyed"}, Activity.NOTHING),
        ("push", {}, Activity.MEASURE),
        ("push", {"path": "deleted", "value": True}, Activity.NOTHING),
        ("schedule", {}, Activity.MEASURE),
        ("workflow_dispatch", {}, Activity.MEASURE),
        # The second stage tells of failures above all; of runs that measured nothing there is nothing to tell.
        ("workflow_run", {}, Activity.RENDER),
        ("workflow_run", {"path": "workflow_run.conclusion", "value": "failure"}, Activity.RENDER),
        ("workflow_run", {"path": "workflow_run.head_repository", "value": None}, Activity.RENDER),
        ("workflow_run", {"path": "workflow_run.conclusion", "value": "cancelled"}, Activity.NOTHING),
        ("workflow_run", {"path": "workflow_run.conclusion", "value": "skipped"}, Activity.NOTHING),
        ("workflow_run", {"path": "workflow_run.conclusion", "value": None}, Activity.NOTHING),
        ("workflow_run", {"path": "workflow_run.event", "value": "push"}, Activity.NOTHING),
        ("workflow_run", {"path": "workflow_run.event", "value": "pull_request_target"}, Activity.NOTHING),
        ("workflow_run", {"path": "action", "value": "requested"}, Activity.NOTHING),
    ],
)
def test_what_is_done_for_an_event(name, how, expected):
    assert activity(happened(name, **how)) is expected


@pytest.mark.parametrize("name", ["pull_request_target", "issue_comment", "release", "workflow_call", "::error::x"])
def test_an_event_that_means_nothing_is_an_error_and_no_pass(name):
    with pytest.raises(UsageError, match="energygate ") as caught:
        activity(happened(name, {}))
    assert caught.value.exit_code == 2
    assert "::error" not in str(caught.value)


def test_a_pull_request_is_about_the_commit_proposed_and_not_the_trial_merge():
    event = happened("pull_request")
    assert (event.head_sha, event.base_sha, event.pull_request) == (HEAD, BASE, 7)
    assert (event.run_id, event.attempt) == (289782451, 1)


def test_a_merge_group_has_two_commits_and_no_number():
    event = happened("merge_group")
    assert (event.head_sha, event.base_sha, event.pull_request) == (HEAD, BASE, None)


def test_a_push_has_one_commit():
    event = happened("push", GITHUB_SHA="d" * 64)
    assert (event.head_sha, event.base_sha, event.pull_request) == ("d" * 64, None, None)


def test_the_second_stage_knows_the_run_that_measured():
    event = happened("workflow_run")
    first = event.first_stage
    assert (first.run_id, first.attempt, first.head_repository) == (123, 2, "mallory/r")
    assert event.head_sha == first.head_sha == HEAD
    assert event.run_id == 289782451


@pytest.mark.parametrize("branch", ["patch-1", None])
def test_the_second_stage_knows_the_branch_where_github_tells_it(branch):
    event = happened("workflow_run", path="workflow_run.head_branch", value=branch)
    assert event.first_stage.head_branch == branch


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        ("pull_request", "pull_request", ..., "has no pull_request.head.sha"),
        ("pull_request", "pull_request", [], "pull_request of the event's payload is not a mapping"),
        (
            "pull_request",
            "pull_request.number",
            "7",
            "pull_request.number of the event's payload is not a whole number",
        ),
        ("pull_request", "pull_request.number", True, "not a whole number"),
        ("pull_request", "pull_request.number", 0, "not a whole number"),
        ("pull_request", "pull_request.number", -7, "not a whole number"),
        ("pull_request", "pull_request.head.sha", "main", "not a full commit hash"),
        ("pull_request", "pull_request.head.sha", HEAD + "\n", "not a full commit hash"),
        ("pull_request", "pull_request.head.sha", ["a" * 40], "not text"),
        ("pull_request", "pull_request.base.sha", None, "has no pull_request.base.sha"),
        (
            "pull_request",
            "pull_request.head.repo",
            "o/r",
            "pull_request.head.repo of the event's payload is not a mapping",
        ),
        ("pull_request", "pull_request.head.repo.full_name", "../../user", "not owner/name"),
        ("pull_request", "pull_request.head.repo.full_name", "o/..", "not owner/name"),
        ("pull_request", "action", {"a": 1}, "action of the event's payload is not text"),
        ("merge_group", "merge_group.base_sha", ..., "has no merge_group.base_sha"),
        ("push", "deleted", "yes", "deleted of the event's payload is not true or false"),
        ("workflow_run", "workflow_run", ..., "has no workflow_run.id"),
        ("workflow_run", "workflow_run.id", 1.5, "not a whole number"),
        ("workflow_run", "workflow_run.head_sha", "::error::", "not a full commit hash"),
        ("workflow_run", "workflow_run.conclusion", 1, "not text"),
    ],
)
def test_a_payload_that_is_not_what_github_describes(name, path, value, words):
    with pytest.raises(UsageError, match=words) as caught:
        happened(name, path=path, value=value)
    assert caught.value.where == "GITHUB_EVENT_PATH"
    assert "\n" not in str(caught.value)
    assert "::" not in str(caught.value)


@pytest.mark.parametrize("payload", [None, [], "text", 7])
def test_a_payload_that_is_no_mapping(payload):
    with pytest.raises(UsageError):
        event_from(ENVIRON, payload)


@given(st.sampled_from(sorted(PAYLOADS)), st.data())
def test_no_payload_leads_to_anything_but_an_event_or_a_sentence(name, data):
    junk = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()) | st.just({})

    def paths(value, above=()):
        for key, below in value.items():
            yield (*above, key)
            if isinstance(below, dict):
                yield from paths(below, (*above, key))

    path = ".".join(data.draw(st.sampled_from(list(paths(PAYLOADS[name])))))
    try:
        event = happened(name, path=path, value=data.draw(junk))
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right
    else:
        assert activity(event) in Activity


@pytest.mark.parametrize("name", ENVIRON)
@pytest.mark.parametrize("value", [None, ""])
def test_outside_of_a_job_the_variable_that_is_missing_is_named(name, value):
    environ = {**ENVIRON, name: value} if value is not None else {k: v for k, v in ENVIRON.items() if k != name}
    with pytest.raises(UsageError) as caught:
        event_from(environ, PULL_REQUEST)
    assert caught.value.where == name
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_RUN_ID", "x"),
        ("GITHUB_RUN_ID", "0"),
        ("GITHUB_RUN_ID", "-1"),
        ("GITHUB_RUN_ID", "²"),
        ("GITHUB_RUN_ID", "9" * 5000),
        ("GITHUB_REPOSITORY", "o"),
        ("GITHUB_REPOSITORY", "o/r/x"),
        ("GITHUB_SHA", "main"),
    ],
)
def test_a_variable_that_cannot_be(name, value):
    with pytest.raises(UsageError) as caught:
        event_from({**ENVIRON, name: value}, PULL_REQUEST)
    assert caught.value.where == name


def test_the_payload_is_read_from_the_file_the_runner_names(tmp_path):
    path = tmp_path / "event.json"
    path.write_text(json.dumps(PULL_REQUEST), encoding="utf-8")
    assert read_event({**ENVIRON, "GITHUB_EVENT_PATH": str(path)}) == event_from(ENVIRON, PULL_REQUEST)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_holds_no_payload(tmp_path, content):
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_event({**ENVIRON, "GITHUB_EVENT_PATH": str(path)})
    assert caught.value.where == "GITHUB_EVENT_PATH"
