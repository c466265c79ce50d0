"""Annotations: at the lines that reviewers see, the most severe first, one for every verdict but a pass."""

from __future__ import annotations

import builders

from energygate.action.annotations import annotations_of
from energygate.forge.github.workflow_commands import Level, annotation_lines
from energygate.gate import Verdict
from energygate.policy import parse_policy

POLICY = parse_policy(
    """version: 1
workloads:
  first:
    onnx: first.onnx
    budgets:
      energy_per_request: {max: 2 µWh}
      latency_p95: 3 ms
  second:
    onnx: second.onnx
""",
    "energygate.yml",
)


def found(*workloads, policy=POLICY):
    result = builders.result(*workloads)
    return [
        (one.level, one.line, one.message) for one in annotations_of(result, policy=policy, path="p/energygate.yml")
    ]


def broken(verdict, **fields):
    metric = builders.metric_result(builders.finding_result(verdict, **fields))
    return builders.workload_result("first", verdict=verdict, metrics={"energy_per_request": metric})


def test_a_broken_budget_is_shown_at_its_limit():
    assert found(broken(Verdict.FAIL)) == [(Level.ERROR, 6, "energy per request 1.92 µWh, max 2 µWh")]


def test_each_verdict_has_its_level():
    levels = {verdict: [level for level, _, _ in found(broken(verdict))] for verdict in Verdict}
    assert levels == {
        Verdict.PASS: [],
        Verdict.WAIVED: [Level.NOTICE],
        Verdict.WARN: [Level.WARNING],
        Verdict.INCONCLUSIVE: [Level.WARNING],
        Verdict.FAIL: [Level.ERROR],
        Verdict.ERROR: [Level.ERROR],
    }


def test_the_reason_is_part_of_the_message():
    said = found(broken(Verdict.WAIVED, reason="waived until 2027-01-31 by @ml: known"))
    assert said[0][2].endswith("max 2 µWh (waived until 2027-01-31 by @ml: known)")


def test_what_could_not_be_measured_is_shown_at_the_workload():
    failed = builders.failed_workload_result("second", message="the model does not load")
    assert found(failed) == [(Level.ERROR, 8, "the model does not load")]


def test_a_verdict_on_the_whole_workload_is_shown_too():
    removed = builders.workload_result("gone", verdict=Verdict.FAIL, notes=("removed; base had it",), metrics={})
    # Head's policy does not have it: there is no line but the one of all workloads.
    assert found(removed) == [(Level.ERROR, 2, "removed; base had it")]


def test_without_a_readable_policy_there_is_no_line():
    assert found(broken(Verdict.FAIL), policy=None)[0][:2] == (Level.ERROR, None)


def test_errors_come_before_warnings_before_notices():
    levels = [one[0] for one in found(broken(Verdict.WAIVED), broken(Verdict.WARN), broken(Verdict.FAIL))]
    assert levels == [Level.ERROR, Level.WARNING, Level.NOTICE]


def test_a_workloads_name_cannot_be_a_workflow_command():
    hostile = builders.failed_workload_result("x::error::y\n::set-output", message="a\n::error::b")
    (line,) = annotation_lines(annotations_of(builders.result(hostile), policy=None, path="p.yml"))
    assert "\n" not in line
    assert line.startswith("::error file=p.yml,title=energygate%3A x%3A%3Aerror%3A%3Ay%0A")
