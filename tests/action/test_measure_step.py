"""A pull request is compared with the commit that it is merged into; errors use the names of the action's inputs."""

from __future__ import annotations

import io
import subprocess

import pytest

from energygate.action.handover import Handover
from energygate.action.measure_step import MeasureStep, base_for
from energygate.errors import UsageError
from energygate.forge.github.events import Event

OLD = "a" * 40


@pytest.fixture
def git(tmp_path):
    def run(*arguments, cwd=tmp_path):
        names = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *names, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    run("commit", "--quiet", "--allow-empty", "-m", "one")
    return run


@pytest.fixture
def trial(git):
    """A pull request, and its trial merge into a main that has moved on meanwhile."""
    git("switch", "--quiet", "-c", "topic")
    git("commit", "--quiet", "--allow-empty", "-m", "topic")
    head = git("rev-parse", "HEAD")
    git("switch", "--quiet", "main")
    git("commit", "--quiet", "--allow-empty", "-m", "two")
    onto = git("rev-parse", "HEAD")
    git("switch", "--quiet", "--detach")
    git("merge", "--quiet", "--no-ff", "-m", "trial", "topic")
    return {"sha": git("rev-parse", "HEAD"), "head": head, "onto": onto}


def event(name, **given):
    facts = {"repository": "o/r", "actor": "me", "run_id": 1, "attempt": 1, "head_sha": OLD}
    return Event(name=name, **{**facts, **given})


def pull_request(head):
    return event("pull_request", action="opened", head_sha=head, base_sha=OLD, pull_request=7, head_repository="o/r")


def test_a_trial_merge_is_compared_with_what_it_is_merged_into(tmp_path, trial):
    assert base_for(pull_request(trial["head"]), tmp_path, asked=None, trial_sha=trial["sha"]) == trial["onto"]


def test_it_also_works_in_a_shallow_clone_of_the_trial_merge_alone(tmp_path, trial):
    clone = tmp_path / "clone"
    command = ["git", "clone", "--quiet", "--depth=1", f"file://{tmp_path}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    assert base_for(pull_request(trial["head"]), clone, asked=None, trial_sha=trial["sha"]) == trial["onto"]


def test_another_merge_is_not_taken_for_the_trial_merge(tmp_path, trial):
    assert base_for(pull_request(OLD), tmp_path, asked=None, trial_sha=trial["sha"]) == OLD


def test_without_the_trial_merge_the_events_base_is_used(tmp_path, trial):
    assert base_for(pull_request(trial["head"]), tmp_path, asked=None, trial_sha="b" * 40) == OLD


@pytest.mark.parametrize(
    ("happened", "asked", "base"),
    [
        (event("merge_group", action="checks_requested", base_sha="b" * 40), None, "b" * 40),
        (event("push"), None, None),
        (event("schedule"), None, None),
        (event("workflow_dispatch"), "v1.0", "v1.0"),
        (event("push"), "HEAD~1", "HEAD~1"),
    ],
)
def test_the_base_for_other_events(tmp_path, happened, asked, base):
    assert base_for(happened, tmp_path, asked=asked, trial_sha=OLD) == base


def test_an_error_names_the_inputs_of_the_action(tmp_path):
    step = MeasureStep(environ={}, check=None, show=None, log=io.StringIO())
    handover = Handover(directory=tmp_path)
    step._failed(handover, UsageError("no such commit", where=lambda options: options.base))
    assert handover.failure().message == "input 'base': no such commit"
