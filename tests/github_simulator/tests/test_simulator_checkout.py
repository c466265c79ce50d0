"""The simulated `actions/checkout`: real git, at the event's commit, as deep as requested."""

from __future__ import annotations

import pytest

CHECKS_OUT = """
    on: [pull_request, push, merge_group, workflow_dispatch]
    jobs:
      job:
        runs-on: u
        steps:
          - {{id: c, uses: actions/checkout@v4, with: {{{how}}}}}
          - id: s
            run: |
              git rev-parse HEAD; git rev-list --count HEAD
              git rev-parse --abbrev-ref HEAD; git cat-file -t HEAD~1 2>&1 || true
"""


def checked_out(repository, occasion_of, *, how=""):
    scenario = repository(CHECKS_OUT.format(how=how))
    occasion = occasion_of(scenario)
    (run,) = scenario.run_workflow(occasion)
    assert run.conclusion == "success", run.log
    return scenario, occasion, run.job("job")


def opened(scenario, **how):
    scenario.commit({"a": "1"})
    pull = scenario.pull_request({"b": "2"}, **how)
    scenario.commit({"a": "2"}, message="main went on")
    return scenario.pushed_to(pull, {"b": "3"})


def test_a_pull_request_is_checked_out_as_its_trial_merge(repository):
    scenario, occasion, job = checked_out(repository, opened)
    sha, count, branch, before = job.step("s").log.splitlines()[:4]
    assert (sha, count, branch) == (occasion.sha, "1", "HEAD")
    assert "fatal" in before
    assert job.step("c").outputs == {"ref": occasion.ref, "commit": occasion.sha}
    assert scenario.git.parents(sha) == [
        scenario.git.resolve("refs/heads/main"),
        occasion.payload["pull_request"]["head"]["sha"],
    ]


def test_a_forks_pull_request_is_checked_out_as_its_trial_merge(repository):
    _, occasion, job = checked_out(repository, lambda scenario: opened(scenario, fork="mallory/shop"))
    assert job.step("s").log.startswith(occasion.sha)


def test_depth_2_has_both_parents_and_nothing_before_them(repository):
    _, _, job = checked_out(repository, opened, how="fetch-depth: 2")
    assert job.step("s").log.splitlines()[1:] == ["3", "HEAD", "commit"]


def test_depth_0_has_the_whole_history(repository):
    _, _, job = checked_out(repository, opened, how="fetch-depth: 0")
    assert job.step("s").log.splitlines()[1] == "6"


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_push_is_checked_out_on_its_branch(repository, depth):
    _, occasion, job = checked_out(repository, lambda s: s.pushed({"a": "b"}), how=f"fetch-depth: {depth}")
    assert job.step("s").log.splitlines()[0::2][:2] == [occasion.sha, "main"]


def test_a_run_checks_out_its_events_commit_even_if_the_branch_moved(repository):
    def pushed_twice(scenario):
        occasion = scenario.pushed({"a": "b"})
        scenario.commit({"a": "c"})
        return occasion

    _, occasion, job = checked_out(repository, pushed_twice)
    assert job.step("s").log.startswith(occasion.sha)


def test_a_merge_group_is_checked_out_with_its_base_below(repository):
    def queued(scenario):
        one, two = scenario.pull_request({"b": "2"}), scenario.pull_request({"c": "2"}, branch="patch-2")
        return scenario.queued(one, two)

    _, occasion, job = checked_out(repository, queued, how="fetch-depth: 0")
    assert job.step("s").log.startswith(occasion.sha)
    assert occasion.payload["merge_group"]["base_sha"] != occasion.sha


@pytest.mark.parametrize("ref", ["patch-1", "refs/heads/patch-1", "${{ github.event.pull_request.head.sha }}"])
def test_checkout_of_another_ref(repository, ref):
    _, occasion, job = checked_out(repository, opened, how=f"ref: '{ref}'")
    assert job.step("s").log.startswith(occasion.head_sha)


def test_checkout_below_a_path_without_credentials(repository):
    scenario = repository("""
        on: push
        jobs:
          job:
            runs-on: u
            steps:
              - {uses: actions/checkout@v4, with: {path: here, persist-credentials: false}}
              - {uses: actions/checkout@v4, with: {path: there}}
              - {id: s, run: 'ls; grep -l AUTHORIZATION here/.git/config there/.git/config'}
    """)
    (run,) = scenario.run_workflow(scenario.pushed({"a": "b"}))
    assert run.job("job").step("s").log.splitlines() == ["here", "there", "there/.git/config"]
    assert [step.name for step in run.job("job").steps[3:]] == ["Post Run actions/checkout@v4"]


@pytest.mark.parametrize("how", ["repository: no/where", "path: ../out", "submodules: true", "ref: nowhere"])
def test_an_impossible_checkout_fails(repository, how):
    scenario = repository(CHECKS_OUT.format(how=how))
    (run,) = scenario.run_workflow(scenario.pushed({"a": "b"}))
    assert run.job("job").step("c").outcome == "failure"
    assert run.job("job").step("c").annotations
