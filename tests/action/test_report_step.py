"""The reporting step: the order of its reports, and that no error in reporting changes a verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import builders
import pytest

from energygate.action.handover import Handover, StepFailure
from energygate.action.inputs import Inputs, Mode, Task
from energygate.action.report_step import ReportStep
from energygate.errors import PolicyError
from energygate.forge.comment import When
from energygate.forge.github.events import Event
from energygate.gate import Verdict

HEAD = "b" * 40

OPENED = Event(
    name="pull_request",
    action="opened",
    repository="octo/shop",
    actor="alice",
    run_id=11,
    attempt=1,
    head_sha=HEAD,
    base_sha="a" * 40,
    pull_request=7,
    head_repository="octo/shop",
)
FAILS = builders.result(builders.judged(Verdict.FAIL))
UNDECIDED = builders.result(builders.judged(Verdict.INCONCLUSIVE))
BROKEN = builders.result(builders.failed_workload_result())


@pytest.fixture
def shop(github):
    repository = github.repository("octo/shop")
    repository.pull_request(number=7)
    return repository


@pytest.fixture
def step(environ, log, client_with, tmp_path, shop, handed_on):  # noqa: ARG001, PLR0917 - fixtures
    """Report a result, or trouble; returns what the step handed on."""

    def run(result, *, event=OPENED, client=None, rights=None, trouble=None, **given):
        handover = Handover(directory=tmp_path)
        handover.result_path.unlink(missing_ok=True)
        if result is not None:
            handover.leave_result(result)
        if trouble is not None:
            handover.leave_failure(trouble)
        given_client = client or client_with(**(rights or {"pull_requests": "write", "contents": "read"}))
        ReportStep(
            environ=environ,
            inputs=replace(Inputs(task=Task.CHECK), **given),
            event=event,
            handover=handover,
            client=lambda: given_client,
            log=log,
        ).run()
        return handed_on()

    return run


def test_everything_is_reported(step, shop, environ, log, tmp_path):
    handed_on = step(FAILS)
    assert handed_on == {
        "verdict": "fail",
        "summary": handed_on["summary"],
        "policy-changed": "false",
        "energy-change": "",
        "result": str(tmp_path / "result.json"),
        "exit-code": "1",
    }
    assert Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8").startswith("### ❌ energygate: ")
    (comment,) = shop.bodies()
    assert comment.startswith(f"<!-- energygate:v1 key=energygate.yml run=11 attempt=1 sha={HEAD} -->\n### ❌")
    assert "https://github.example.org/octo/shop/actions/runs/11" in comment
    assert "::error file=energygate.yml," in log.getvalue()


def test_the_comment_comes_last(step, github, environ, log):
    reports = []
    github.before(
        "POST",
        ".*/comments",
        lambda: reports.append((Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8"), log.getvalue())),
    )
    step(FAILS)
    ((summary, said),) = reports
    assert "energygate" in summary
    assert "::error " in said


@pytest.mark.parametrize(
    ("result", "given", "code"),
    [
        (FAILS, {}, "1"),
        (FAILS, {"mode": Mode.REPORT}, "0"),
        (UNDECIDED, {}, "0"),
        (UNDECIDED, {"strict": True}, "4"),
        (UNDECIDED, {"strict": True, "mode": Mode.REPORT}, "0"),
        (BROKEN, {}, "3"),
        (BROKEN, {"mode": Mode.REPORT}, "0"),
        (builders.result(builders.judged(Verdict.WARN)), {}, "0"),
    ],
)
def test_exit_codes(step, result, given, code):
    assert step(result, **given)["exit-code"] == code


@pytest.mark.parametrize(("code", "gated", "reported"), [(2, "2", "2"), (3, "3", "0")])
def test_a_missing_result_is_never_a_pass(step, shop, environ, log, code, gated, reported):  # noqa: PLR0917 - fixtures
    why = StepFailure(message="head: the setup failed", hint="Look at it", detail="::error::no\nbye", exit_code=code)
    handed_on = step(None, trouble=why)
    assert (handed_on["verdict"], handed_on["exit-code"], handed_on["result"]) == ("error", gated, "")
    (comment,) = shop.bodies()
    assert "head: the setup failed" in comment
    assert "head: the setup failed" in Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8")
    assert "::error title=energygate%3A nothing was judged::head: the setup failed. Look at it" in log.getvalue()
    assert step(None, trouble=why, mode=Mode.REPORT)["exit-code"] == reported


def test_a_measuring_step_that_died_says_so(step, shop):
    assert step(None)["exit-code"] == "3"
    assert "ended without a result" in shop.bodies()[0]


def test_a_result_that_contradicts_itself_is_not_reported_as_one(step, shop):
    forged = FAILS.model_copy(update={"verdict": Verdict.PASS})
    assert step(forged)["exit-code"] == "3"
    assert "its verdict, pass" in shop.bodies()[0]


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ({"contents": "read"}, "permissions: {pull-requests: "),
        ({"pull_requests": "read"}, "permissions: {pull-requests: write}"),
    ],
)
def test_a_missing_permission_is_named_and_changes_no_verdict(step, shop, log, rights, said):
    assert step(FAILS, rights=rights)["exit-code"] == "1"
    assert step(builders.result(builders.judged(Verdict.PASS)), rights=rights)["exit-code"] == "0"
    assert shop.bodies() == []
    (warning, _) = [line for line in log.getvalue().splitlines() if line.startswith("::warning ")]
    assert said in warning
    assert "The verdict stands" in warning


def test_an_outage_of_github_changes_no_verdict(step, github, log):
    github.fail("GET", ".*/comments", times=99)
    assert step(FAILS)["exit-code"] == "1"
    assert "::warning title=energygate could not report everything::" in log.getvalue()


def test_an_unwritable_summary_changes_no_verdict(step, environ, shop, log):
    environ["GITHUB_STEP_SUMMARY"] = "/nowhere/at/all"
    assert step(FAILS)["exit-code"] == "1"
    assert len(shop.bodies()) == 1
    assert "cannot write the file it names" in log.getvalue()


@pytest.mark.parametrize(
    "event",
    [
        replace(OPENED, head_repository="fork/shop"),
        replace(OPENED, head_repository=None),
        replace(OPENED, actor="dependabot[bot]"),
        replace(OPENED, name="push", action=None, pull_request=None, head_repository=None),
        replace(OPENED, name="merge_group", action="checks_requested", pull_request=None, head_repository=None),
    ],
    ids=["fork", "deleted fork", "dependabot", "push", "merge group"],
)
def test_without_permission_to_comment_github_is_not_called(step, github, event):
    assert step(FAILS, event=event)["exit-code"] == "1"
    assert github.seen == []


def test_a_newer_run_is_not_overwritten(step, shop, log):
    step(FAILS, event=replace(OPENED, run_id=12))
    step(builders.result(builders.judged(Verdict.PASS)))
    assert "❌" in shop.bodies()[0]
    assert "superseded by a later run" in log.getvalue()


def test_each_policy_has_its_own_comment(step, shop):
    step(FAILS)
    step(FAILS, directory="services/ranking")
    assert len(shop.bodies()) == 2


@pytest.mark.parametrize("trouble", [None, StepFailure(message="no", hint=None, detail=None, exit_code=2)])
def test_with_comment_never_nothing_is_posted(step, github, trouble):
    step(None if trouble else FAILS, trouble=trouble, comment=When.NEVER)
    assert github.seen == []


class TestLabel:
    def test_the_label_waives_failures(self, step, shop, log):
        shop.issues[7].label("energy-waived", by="maintainer")
        handed_on = step(FAILS, label="energy-waived")
        assert (handed_on["verdict"], handed_on["exit-code"]) == ("waived", "0")
        assert "aived by label energy-waived, set by maintainer" in shop.bodies()[0].replace("&#8203;", "")
        assert "::error " not in log.getvalue()

    def test_the_label_is_read_when_reporting(self, step, shop):
        pull_request = shop.issues[7]
        pull_request.label("energy-waived", by="maintainer")
        pull_request.unlabel("energy-waived", by="maintainer")
        assert step(FAILS, label="energy-waived")["exit-code"] == "1"

    def test_without_the_input_no_label_waives(self, step, shop):
        shop.issues[7].label("energy-waived", by="maintainer")
        assert step(FAILS)["exit-code"] == "1"

    def test_the_label_never_waives_an_error(self, step, shop):
        shop.issues[7].label("energy-waived", by="maintainer")
        assert step(BROKEN, label="energy-waived")["exit-code"] == "3"

    def test_an_unreadable_label_waives_nothing(self, step, shop, log):
        shop.issues[7].label("energy-waived", by="maintainer")
        assert step(FAILS, label="energy-waived", rights={"contents": "read"})["exit-code"] == "1"
        assert "so nothing is waived" in log.getvalue()


@pytest.mark.parametrize(
    ("where", "line", "shown"),
    [("p/energygate.yml", 7, 7), ("p/energygate.yml", None, None), ("p/energygate.yml at 1a2b3c4", 7, None)],
)
def test_a_failure_names_a_line_only_of_the_policy_that_reviewers_see(where, line, shown):
    error = PolicyError("unknown key 'sitr'", where=where, line=line)
    assert StepFailure.of(error, policy="p/energygate.yml").line == shown
