"""The second stage: what a fork's run left is judged by base's policy and reported on the right pull request."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import builders
import first_stage
import pytest
from github_simulator.api.fake_github import zip_of

from energygate.action.handover import Handover
from energygate.action.inputs import Inputs, Task
from energygate.action.report_step import ReportStep
from energygate.action.second_stage import SecondStage
from energygate.forge.github.events import Event, FirstStage
from energygate.gate import Estimate, Evidence, Verdict
from energygate.policy import parse_policy

BASE, HEAD, NEWER = "a" * 40, "b" * 40, "c" * 40
TIGHT = """version: 1
workloads:
  digits:
    onnx: digits.onnx
    budgets:
      energy_per_request: {max_increase: 5 %}
"""
LOOSE = TIGHT.replace("5 %", "500 %")
RIGHTS = {"actions": "read", "contents": "read", "pull-requests": "write"}


def measured(policy=TIGHT, *, rise=0.34):
    """What an honest first stage finds: digits needs so much more."""
    base = parse_policy(TIGHT, "energygate.yml")
    change = Estimate(value=rise, low=rise - 0.01, high=rise + 0.01)
    head = Estimate(value=1.34e-9, low=1.3e-9, high=1.4e-9)
    evidence = Evidence(metric="energy_per_request", head=head, base=Estimate.exact(1e-9), change=change)
    run = first_stage.FirstStage(base, parse_policy(policy, "energygate.yml"))
    run.measured("digits", [evidence])
    return run.result()


@pytest.fixture
def shop(github):
    repository = github.repository("octo/shop")
    repository.pull_request(number=7, head_sha=HEAD, head_repository="mallory/shop", base_sha=BASE, head_branch="topic")
    repository.files[BASE, "energygate.yml"] = TIGHT.encode()
    repository.files[HEAD, "energygate.yml"] = TIGHT.encode()
    return repository


@pytest.fixture
def stage(environ, log, client_with, tmp_path, shop, handed_on):  # noqa: PLR0917 - fixtures
    """Leave an artifact of the first stage (bytes, a result, or nothing) and run the second."""

    def run(left, *, event=None, rights=RIGHTS, **given):
        content = left.to_json().encode() if hasattr(left, "to_json") else left
        artifacts = {} if content is None else {"energygate-result": zip_of({"result.json": content})}
        shop.run(id=11, head_sha=HEAD, head_repository="mallory/shop", artifacts=artifacts)
        first = FirstStage(
            run_id=11,
            attempt=1,
            event="pull_request",
            conclusion="failure",
            head_sha=HEAD,
            head_repository="mallory/shop",
            head_branch="topic",
        )
        happened = Event(
            name="workflow_run",
            action="completed",
            repository="octo/shop",
            actor="mallory",
            run_id=12,
            attempt=1,
            head_sha=HEAD,
            first_stage=first,
        )
        client = client_with(**{name.replace("-", "_"): right for name, right in rights.items()})
        reporting = ReportStep(
            environ=environ,
            inputs=replace(Inputs(task=Task.CHECK), **given),
            event=replace(happened, **(event or {})),
            handover=Handover(directory=tmp_path),
            client=lambda: client,
            log=log,
        )
        SecondStage(step=reporting, first=first, today=date(2026, 11, 20)).run()
        return handed_on()

    return run


def test_a_failure_is_reported_on_the_forks_pull_request(stage, shop, environ):
    handed_on = stage(measured())
    assert (handed_on["verdict"], handed_on["exit-code"]) == ("fail", "0")
    (comment,) = shop.bodies()
    assert comment.startswith(f"<!-- energygate:v1 key=energygate.yml run=11 attempt=1 sha={HEAD} -->\n### ❌")
    assert "34" in comment.splitlines()[1]
    assert Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8").startswith("### ❌")


def test_a_claimed_pass_is_judged_by_bases_policy(stage, shop):
    shop.files[HEAD, "energygate.yml"] = LOOSE.encode()
    claimed = measured()
    (digits,) = claimed.workloads
    metric = digits.metrics["energy_per_request"]
    passed = metric.model_copy(
        update={"findings": tuple(one.model_copy(update={"verdict": Verdict.PASS}) for one in metric.findings)}
    )
    forged = claimed.model_copy(
        update={
            "verdict": Verdict.PASS,
            "workloads": (
                digits.model_copy(update={"verdict": Verdict.PASS, "metrics": {"energy_per_request": passed}}),
            ),
        }
    )
    handed_on = stage(forged)
    assert (handed_on["verdict"], handed_on["policy-changed"]) == ("fail", "true")
    assert "500" in shop.bodies()[0]  # what the pull request would loosen is shown


def test_a_pass_is_a_pass(stage, shop):
    assert stage(measured(rise=0.0))["verdict"] == "pass"
    assert "### ✅" in shop.bodies()[0]


def test_a_first_stage_without_a_result_is_reported_too(stage, shop):
    assert stage(None)["verdict"] == "error"
    assert "the first stage left no result" in shop.bodies()[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"schema": "energygate/result/1", "workloads": [NaN]}'],
    ids=["empty", "no result", "no text", "deep", "NaN"],
)
def test_a_hostile_result_is_one_sentence(stage, shop, content):
    assert stage(content)["verdict"] == "error"
    first = shop.bodies()[0].splitlines()[1]
    assert first.startswith("### 💥 energygate: result.json: this is not a readable result: ")


def test_a_missing_permission_is_not_blamed_on_the_first_stage(stage, shop):
    stage(measured(), rights={**RIGHTS, "actions": "none"})
    assert "permissions: {actions: read}" in shop.bodies()[0]
    assert "left no result" not in shop.bodies()[0]


def test_without_a_policy_at_base_nothing_is_judged(stage, shop):
    del shop.files[BASE, "energygate.yml"]
    assert stage(measured())["verdict"] == "error"
    assert "base has no policy" in shop.bodies()[0]


@pytest.mark.parametrize("content", [b"\xff: [", b"version: 2\n", None], ids=["no text", "no policy", "removed"])
def test_without_a_policy_at_head_the_first_stage_has_no_result(stage, shop, content):
    del shop.files[HEAD, "energygate.yml"]
    if content is not None:
        shop.files[HEAD, "energygate.yml"] = content
    assert stage(measured())["verdict"] == "error"
    assert "energygate.yml" in shop.bodies()[0]


def test_facts_about_the_run_come_from_github_and_not_from_the_result(stage, shop):
    named = {"policy": "pay-me.yml", "base": first_stage.BASE.model_copy(update={"ref": "evil"})}
    stage(measured().model_copy(update=named))
    assert "pay-me" not in shop.bodies()[0]
    assert "evil" not in shop.bodies()[0]
    assert HEAD[:7] in shop.bodies()[0].splitlines()[-1]


def test_a_result_about_another_commit_is_refused(stage, shop):
    assert stage(measured().model_copy(update={"head_commit": NEWER}))["verdict"] == "error"
    assert "a different commit" in shop.bodies()[0]


def test_outputs_cannot_contain_workflow_commands(stage):
    hostile = builders.failed_workload_result("digits", message="x\n::error::a\n##[error]b\nverdict=pass")
    said = stage(builders.result(hostile, base=first_stage.BASE))["summary"]
    assert "::" not in said
    assert "##[" not in said
    assert len(said.splitlines()) == 1


def test_a_pull_request_with_newer_commits_is_left_alone(stage, shop, log):
    shop.issues[7].head_sha = NEWER
    assert stage(measured())["exit-code"] == "0"
    assert shop.bodies() == []
    assert "has newer commits" in log.getvalue()


def test_two_pull_requests_with_the_same_commit_are_ambiguous(stage, shop, log):
    shop.pull_request(number=8, head_sha=HEAD, head_repository="mallory/shop", base_sha=BASE, head_branch="topic")
    stage(measured())
    assert shop.bodies() == []
    assert "#7 and #8 propose the same commit" in log.getvalue()


def test_a_label_waives_here_too(stage, shop):
    shop.issues[7].label("energy-waived", by="maintainer")
    assert stage(measured(), label="energy-waived")["verdict"] == "waived"


def test_a_run_over_some_workloads_is_judged_as_such(stage, shop):
    shop.files[BASE, "energygate.yml"] = (TIGHT + "  other: {onnx: other.onnx}\n").encode()
    assert stage(measured())["verdict"] == "error"
    assert stage(measured(), workloads=("digits",))["verdict"] == "fail"


def test_text_of_the_artifact_is_not_posted(stage, shop):
    hostile = builders.failed_workload_result("digits", message="</sub>@everyone ![x](https://evil.example/x)")
    stage(builders.result(hostile, base=first_stage.BASE))
    comment = shop.bodies()[0]
    assert "@everyone" not in comment
    assert "](https://evil" not in comment
