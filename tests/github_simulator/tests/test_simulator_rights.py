"""What a job's token may do, in which repositories, and for how long."""

from __future__ import annotations

import pytest


def dispatch(scenario):
    (run,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    return run


@pytest.mark.parametrize(
    ("permissions", "rights"),
    [
        ("", {"contents": "read", "packages": "read"}),
        ("permissions: {}", {}),
        (
            "permissions: {contents: read, pull-requests: write, issues: none}",
            {"contents": "read", "pull-requests": "write"},
        ),
    ],
)
def test_the_token_has_the_requested_permissions(repository, permissions, rights):
    run = dispatch(
        repository(f"""
        on: workflow_dispatch
        {permissions}
        jobs:
          job: {{runs-on: u, steps: [{{run: exit 0}}]}}
          own: {{permissions: {{actions: read}}, runs-on: u, steps: [{{run: exit 0}}]}}
    """)
    )
    assert run.job("job").permissions == rights
    assert run.job("own").permissions == {"actions": "read"}


def test_read_all_and_write_all(repository):
    run = dispatch(
        repository("on: workflow_dispatch\npermissions: read-all\njobs: {a: {runs-on: u, steps: [{run: exit}]}}")
    )
    assert set(run.job("a").permissions.values()) == {"read"}
    assert "pull-requests" in run.job("a").permissions


COMMENTS = """
    on: [pull_request, push]
    permissions: {pull-requests: write, contents: write, id-token: write}
    jobs:
      job:
        runs-on: u
        env: {TOKEN: "${{ github.token }}", SECRET: "${{ secrets.MINE }}"}
        steps:
          - run: |
              echo "[$SECRET]"
              python - <<'PY'
              import json, os, urllib.request
              url = f"{os.environ['GITHUB_API_URL']}/repos/octo/shop/issues/1/comments"
              headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json",
                         "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
              request = urllib.request.Request(url, json.dumps({"body": "hi"}).encode(), headers, method="POST")
              try:
                  print(urllib.request.urlopen(request).status)
              except urllib.error.HTTPError as error:
                  print(error.code)
              PY
"""


@pytest.mark.parametrize(
    ("how", "status", "secret"),
    [({}, "201", "***"), ({"fork": "mallory/shop"}, "403", ""), ({"by": "dependabot[bot]"}, "403", "")],
    ids=["same repository", "fork", "Dependabot"],
)
def test_a_forks_pull_request_has_no_write_permission_and_no_secrets(repository, how, status, secret):
    scenario = repository(COMMENTS, secrets={"MINE": "s3cret"})
    (run,) = scenario.run_workflow(scenario.opened(scenario.pull_request({"x": "y"}, **how)))
    assert run.job("job").log == f"[{secret}]\n{status}\n"
    assert run.job("job").permissions.get("pull-requests") == ("write" if status == "201" else "read")
    assert len(scenario.repository.bodies()) == (status == "201")


def test_a_token_ends_with_its_job(repository, github):
    scenario = repository(COMMENTS)
    before = set(github.tokens)
    scenario.run_workflow(scenario.pushed({"x": "y"}))
    assert set(github.tokens) == before


PUSHES = """
    on: [push, pull_request]
    jobs:
      job:
        runs-on: u
        permissions: {{{permissions}}}
        steps:
          - {{uses: actions/checkout@v4, with: {{persist-credentials: {persist}}}}}
          - id: fetch
            continue-on-error: true
            run: git fetch --quiet origin main
          - id: push
            continue-on-error: true
            run: |
              git -c user.name=a -c user.email=a@b.c commit --quiet --allow-empty -m more
              git push --quiet origin HEAD:refs/heads/pushed
"""


@pytest.mark.parametrize(
    ("permissions", "persist", "private", "works"),
    [
        ("contents: write", "true", True, [True, True]),
        ("contents: read", "true", True, [True, False]),
        ("contents: write", "false", True, [False, False]),
        ("contents: write", "false", False, [True, False]),
    ],
)
def test_git_respects_the_permissions_of_the_checkouts_credentials(repository, permissions, persist, private, works):
    scenario = repository(PUSHES.format(permissions=permissions, persist=persist), private=private)
    (run,) = scenario.run_workflow(scenario.pushed({"x": "y"}))
    job = run.job("job")
    assert [job.step(id_).outcome == "success" for id_ in ("fetch", "push")] == works, job.log
    # The API shows what was pushed.
    assert scenario.repository.branches.get("pushed") == scenario.git.sha("refs/heads/pushed")
    assert (scenario.git.sha("refs/heads/pushed") is not None) == works[1]


def test_a_forks_pull_request_cannot_push(repository):
    scenario = repository(PUSHES.format(permissions="contents: write", persist="true"))
    (run,) = scenario.run_workflow(scenario.opened(scenario.pull_request({"x": "y"}, fork="mallory/shop")))
    assert run.job("job").step("push").outcome == "failure"
    assert "403" in run.job("job").step("push").log


def test_without_contents_read_nothing_is_checked_out(repository):
    scenario = repository(PUSHES.format(permissions="", persist="true"), private=True)
    (run,) = scenario.run_workflow(scenario.pushed({"x": "y"}))
    assert run.job("job").steps[0].outcome == "failure"


def test_under_pull_request_target_bases_workflow_has_its_permissions(repository):
    scenario = repository("""
        on: pull_request_target
        permissions: {contents: write}
        jobs: {job: {runs-on: u, steps: [{run: 'echo "$GITHUB_EVENT_NAME $GITHUB_SHA $GITHUB_HEAD_REF"'}]}}
    """)
    pull = scenario.pull_request({".github/workflows/check.yml": "on: push"}, fork="mallory/shop")
    (run,) = scenario.run_workflow(scenario.targeted(pull))
    assert run.job("job").log == f"pull_request_target {scenario.git.resolve('refs/heads/main')} patch-1\n"
    assert run.job("job").permissions == {"contents": "write"}
