"""Events: their payloads fit GitHub's published schemas, energygate reads them, and they start the right workflows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from energygate.forge.github.events import Activity, activity, event_from

SCHEMA = json.loads((Path(__file__).parents[1] / "webhooks" / "schema.json").read_text("utf-8"))

EVERY = "on: [pull_request, push, merge_group, schedule, workflow_dispatch]"
JOBS = "jobs: {job: {runs-on: u, steps: [{run: env}]}}"
EMPTY = f"{EVERY}\n{JOBS}"


def of_pull_request(happens, **how):
    def occasion(scenario):
        return happens(scenario, scenario.pull_request({"x": "y"}, **how))

    return occasion


def second_stage(**how):
    def occasion(scenario):
        (run,) = scenario.run_workflow(scenario.opened(scenario.pull_request({"x": "y"}, **how)))
        return scenario.ran(run)

    return occasion


def gone(scenario):
    pull = scenario.pull_request({"x": "y"}, fork="mallory/shop")
    scenario.delete_fork(pull)
    return scenario.labeled(pull, "energy-waived")


def unlabeled(scenario, pull):
    scenario.labeled(pull, "energy-waived")
    return scenario.unlabeled(pull, "energy-waived")


HAPPENINGS = {
    "opened": (
        "pull_request$opened",
        of_pull_request(lambda s, p: s.opened(p)),
        Activity.COMPARE_AND_COMMENT,
    ),
    "fork": (
        "pull_request$opened",
        of_pull_request(lambda s, p: s.opened(p), fork="mallory/shop"),
        Activity.COMPARE_AND_LEAVE,
    ),
    "fork gone": ("pull_request$labeled", gone, Activity.COMPARE_AND_LEAVE),
    "Dependabot": (
        "pull_request$synchronize",
        of_pull_request(lambda s, p: s.pushed_to(p, {"x": "z"}), by="dependabot[bot]"),
        Activity.COMPARE_AND_LEAVE,
    ),
    "synchronize": (
        "pull_request$synchronize",
        of_pull_request(lambda s, p: s.pushed_to(p, {"x": "z"})),
        Activity.COMPARE_AND_COMMENT,
    ),
    "reopened": (
        "pull_request$reopened",
        of_pull_request(lambda s, p: s.reopened(p)),
        Activity.COMPARE_AND_COMMENT,
    ),
    "labeled": (
        "pull_request$labeled",
        of_pull_request(lambda s, p: s.labeled(p, "energy-waived")),
        Activity.COMPARE_AND_COMMENT,
    ),
    "unlabeled": ("pull_request$unlabeled", of_pull_request(unlabeled), Activity.COMPARE_AND_COMMENT),
    "closed": ("pull_request$closed", of_pull_request(lambda s, p: s.closed(p)), Activity.NOTHING),
    "merged": (
        "pull_request$closed",
        of_pull_request(lambda s, p: s.closed(p, merged=True)),
        Activity.NOTHING,
    ),
    "merge group": (
        "merge_group$checks_requested",
        of_pull_request(lambda s, p: s.queued(p)),
        Activity.COMPARE,
    ),
    "merge group gone": (
        "merge_group$destroyed",
        of_pull_request(lambda s, p: s.queued(p, action="destroyed")),
        Activity.NOTHING,
    ),
    "push": ("push$event", lambda s: s.pushed({"x": "y"}), Activity.MEASURE),
    "new branch": ("push$event", lambda s: s.pushed({"x": "y"}, branch="new"), Activity.MEASURE),
    "schedule": (None, lambda s: s.scheduled("0 3 * * *"), Activity.MEASURE),
    "dispatch": ("workflow_dispatch$event", lambda s: s.dispatched("check.yml"), Activity.MEASURE),
    "second stage": ("workflow_run$completed", second_stage(), Activity.RENDER),
    "second stage of a fork": ("workflow_run$completed", second_stage(fork="mallory/shop"), Activity.RENDER),
}


@pytest.mark.parametrize("name", HAPPENINGS)
def test_a_payload_is_as_github_publishes_it_and_energygate_knows_what_to_do(repository, name):
    definition, occasion_of, expected = HAPPENINGS[name]
    scenario = repository(EMPTY)
    occasion = occasion_of(scenario)
    if definition is not None:
        validator = Draft7Validator({**SCHEMA, "$ref": f"#/definitions/{definition}"})
        assert [error.message for error in validator.iter_errors(occasion.payload)] == []
    variables = {
        "GITHUB_EVENT_NAME": occasion.name,
        "GITHUB_REPOSITORY": occasion.repository,
        "GITHUB_REF": occasion.ref,
        "GITHUB_SHA": occasion.sha,
        "GITHUB_ACTOR": occasion.actor,
        "GITHUB_RUN_ID": "1",
        "GITHUB_RUN_ATTEMPT": "1",
    }
    event = event_from(variables, occasion.payload)
    assert activity(event) is expected
    if occasion.name == "pull_request":
        assert event.head_sha == occasion.head_sha != occasion.sha


def test_a_schema_detects_a_missing_field(repository):
    scenario = repository(EMPTY)
    payload = scenario.pushed({"x": "y"}).payload
    del payload["head_commit"]["tree_id"]
    assert list(Draft7Validator({**SCHEMA, "$ref": "#/definitions/push$event"}).iter_errors(payload))


def test_the_payload_is_at_github_event_path(run_steps):
    job = run_steps(
        """
        - id: s
          shell: python
          run: import json, os; print(json.load(open(os.environ["GITHUB_EVENT_PATH"]))["ref"])
        """
    )
    assert job.step("s").log == "refs/heads/main\n"


def test_a_pull_request_runs_its_own_workflow_file_and_workflow_run_the_default_branchs(repository):
    scenario = repository("name: first\non: pull_request\njobs: {job: {runs-on: u, steps: [{run: echo base}]}}")
    later = "on: {workflow_run: {workflows: [first]}}\njobs: {job: {runs-on: u, steps: [{run: 'echo later; ls'}]}}"
    scenario.commit({".github/workflows/later.yml": later})
    pull = scenario.pull_request(
        {
            ".github/workflows/check.yml": f"name: first\non: pull_request\n{JOBS.replace('env', 'exit 1')}",
            ".github/workflows/later.yml": later.replace("echo later", "echo hijacked"),
        },
        fork="mallory/shop",
    )
    (first,) = scenario.run_workflow(scenario.opened(pull))
    assert first.conclusion == "failure"
    ended = scenario.ran(first)
    shown = ended.payload["workflow_run"]
    assert (shown["conclusion"], shown["head_sha"], shown["pull_requests"]) == ("failure", pull.head_sha, [])
    assert shown["head_repository"]["full_name"] == "mallory/shop"
    (second,) = scenario.run_workflow(ended)
    assert second.job("job").log == "later\n"
    assert (second.head_sha, second.head_repository) == (scenario.git.resolve("refs/heads/main"), "octo/shop")


@pytest.mark.parametrize("whose", [{"fork": "mallory/shop"}, {"by": "dependabot[bot]"}], ids=["fork", "Dependabot"])
def test_a_second_stage_has_write_permission_that_the_first_lacks(repository, whose):
    scenario = repository(
        "name: first\non: pull_request\npermissions: {contents: write}\njobs: {job: {runs-on: u, steps: [{run: env}]}}"
    )
    scenario.commit(
        {
            ".github/workflows/later.yml": "on: {workflow_run: {workflows: [first]}}\npermissions: {contents: write}\n"
            "jobs: {job: {runs-on: u, steps: [{run: env}]}}"
        }
    )
    (first,) = scenario.run_workflow(scenario.opened(scenario.pull_request({"x": "y"}, **whose)))
    (second,) = scenario.run_workflow(scenario.ran(first))
    assert (first.job("job").permissions, second.job("job").permissions) == (
        {"contents": "read"},
        {"contents": "write"},
    )


def test_a_conflict_has_no_trial_merge(repository):
    scenario = repository(EMPTY)
    pull = scenario.pull_request({"README.md": "mine\n"})
    scenario.commit({"README.md": "theirs\n"})
    with pytest.raises(RuntimeError, match="CONFLICT"):
        scenario.pushed_to(pull, {"README.md": "mine still\n"})


def test_the_api_shows_the_events(repository, github):
    scenario = repository(EMPTY)
    pull = scenario.pull_request({"x": "y"}, fork="mallory/shop")
    occasion = scenario.opened(pull)
    assert github.json_of(pull)["head"]["sha"] == scenario.gits["mallory/shop"].resolve("refs/heads/patch-1")
    there = scenario.repository
    assert there.files[occasion.sha, "x"] == b"y"
    assert there.commits[occasion.sha] == [there.branches["main"], pull.head_sha]
