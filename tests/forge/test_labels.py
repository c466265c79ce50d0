"""Who waived: whether the label is set now, and who set it last."""

from __future__ import annotations

import pytest

from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.labels import GONE, UNKNOWN, LabelSet, label_set

WAIVED = "energy-waived"
AT = "2026-03-01T12:00:00Z"
LATER = "2026-03-02T12:00:00Z"
ISSUE = "/repos/octo/shop/issues/7"


@pytest.fixture
def pull_request(github):
    return github.repository("octo/shop").pull_request(number=7, head_repository="mallory/shop")


@pytest.fixture
def ask(github, client_of):
    client = client_of(github, token=github.token(rights={"pull-requests": "read"}))
    return lambda name=WAIVED: label_set(client, repository="octo/shop", number=7, name=name)


def test_who_set_the_label_and_when_is_returned(pull_request, ask):
    pull_request.label("bug", by="alice", at=AT)
    pull_request.label(WAIVED, by="maintainer", at=LATER)
    pull_request.label("later", by="alice", at=LATER)
    assert ask() == LabelSet(name=WAIVED, who="maintainer", when=LATER)


def test_without_the_label_no_further_request_is_made(github, pull_request, ask):
    pull_request.label("bug")
    assert ask() is None
    assert [one.path for one in github.seen] == [f"{ISSUE}/labels"]


def test_a_removed_label_does_not_count(pull_request, ask):
    pull_request.label(WAIVED)
    pull_request.unlabel(WAIVED)
    assert ask() is None


def test_the_last_person_to_set_the_label_counts(pull_request, ask):
    pull_request.label(WAIVED, by="alice", at=AT)
    pull_request.unlabel(WAIVED, by="alice", at=AT)
    pull_request.label(WAIVED, by="maintainer", at=LATER)
    assert ask() == LabelSet(name=WAIVED, who="maintainer", when=LATER)


@pytest.mark.parametrize(
    ("has", "asked"), [("Energy-Waived", WAIVED), (WAIVED, "ENERGY-WAIVED"), ("ÉNERGIE", "énergie")]
)
def test_labels_do_not_differ_by_case(pull_request, ask, has, asked):
    pull_request.label(has, by="maintainer", at=AT)
    assert ask(asked) == LabelSet(name=has, who="maintainer", when=AT)


@pytest.mark.parametrize("other", ["energy-waived-2", "energy", "energy waived", " energy-waived", "energy-waived:"])
def test_a_label_that_only_looks_similar_is_another(pull_request, ask, other):
    pull_request.label(other)
    assert ask() is None


def test_an_app_that_set_it_is_named(pull_request, ask):
    pull_request.label(WAIVED, by="github-actions[bot]")
    assert ask().who == "github-actions[bot]"


@pytest.mark.parametrize("by", [None, "ghost"])
def test_a_deleted_account_is_named_as_such(pull_request, ask, by):
    pull_request.label(WAIVED, by=by, at=AT)
    assert ask() == LabelSet(name=WAIVED, who=GONE, when=AT)


def test_other_events_set_no_label(github, pull_request, ask):
    pull_request.label(WAIVED)
    set_by = {"event": "labeled", "label": {"name": WAIVED}, "actor": {"login": "alice"}, "created_at": AT}
    # The last one comes between the two questions.
    taken = {**set_by, "event": "unlabeled", "actor": {"login": "mallory"}, "created_at": LATER}
    events = [{"event": "head_ref_force_pushed"}, set_by, {"event": "renamed", "label": None}, taken]
    github.trick("GET", f"{ISSUE}/events", status=200, body=events)
    assert ask() == LabelSet(name=WAIVED, who="alice", when=AT)


def test_a_renamed_label_counts_without_a_name(pull_request, ask):
    pull_request.label("waived", by="maintainer")
    pull_request.labels[:] = [WAIVED]
    assert ask() == LabelSet(name=WAIVED, who=UNKNOWN, when="")


def test_the_last_event_is_found_after_many_others(github, pull_request, ask):
    for number in range(120):
        pull_request.label(f"label-{number}", by="mallory", at=AT)
    for _ in range(70):
        pull_request.label(WAIVED, by="alice", at=AT)
        pull_request.unlabel(WAIVED, by="alice", at=AT)
    pull_request.label(WAIVED, by="maintainer", at=LATER)
    assert ask() == LabelSet(name=WAIVED, who="maintainer", when=LATER)
    assert len(github.asked("GET", f"{ISSUE}/labels")) == 2
    assert len(github.asked("GET", f"{ISSUE}/events")) == 3


def test_a_token_without_the_permission_is_an_error_that_names_it(github, client_of, pull_request):
    pull_request.label(WAIVED)
    client = client_of(github, token=github.token(rights={"actions": "read"}))
    with pytest.raises(GitHubError, match="pull-requests: read"):
        label_set(client, repository="octo/shop", number=7, name=WAIVED)


def test_a_malformed_event_is_refused_in_one_sentence(github, pull_request, ask):
    pull_request.label(WAIVED)
    github.trick("GET", f"{ISSUE}/events", status=200, body=[{"event": "labeled"}])
    with pytest.raises(GitHubError, match=r"GitHub's answer has no label\.name"):
        ask()
