"""Judging again, whatever was measured: an honest result stays the same, and tampering has no effect."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from datetime import timedelta

from first_stage import TODAY, FirstStage, judge_again, policy, rulings
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.errors import EnergygateError
from energygate.gate import Estimate, Evidence, Verdict, worst
from energygate.policy import METRICS
from energygate.result.reading import read_result
from energygate.result.rejudging import ADDITION_NOT_ALLOWED

SAMPLED = {
    "energy_per_request": ("max", "max_increase", "kWh"),
    "latency_p95": ("max", "max_increase", "s"),
    "throughput": ("min", "max_decrease", "req/s"),
    "success_rate": ("min", "max_decrease", "%"),
    "model_size": ("max", "max_increase", "B"),
}
values = st.floats(min_value=0.01, max_value=100)


@st.composite
def estimates(draw, *, least, exact):
    value = draw(st.floats(min_value=max(least, -0.9), max_value=2.0))
    if exact:
        return Estimate.exact(value)
    if draw(st.integers(0, 5)) == 0:
        return Estimate(value=value, low=least, high=math.inf)
    down, up = draw(st.floats(0, 0.1)), draw(st.floats(0, 0.5))
    return Estimate(value=value, low=max(least, value - down), high=value + up)


@st.composite
def budgets_and_evidence(draw, *, added=False):
    budgets, evidence = {}, []
    for metric in draw(st.lists(st.sampled_from(sorted(SAMPLED)), unique=True)):
        absolute, relative, unit = SAMPLED[metric]
        budget = {"level": draw(st.sampled_from(["error", "error", "warn", "off"]))}
        if draw(st.booleans()):
            budget[absolute] = f"{draw(st.integers(1, 100)) / 100} {unit}"
        if absolute not in budget or draw(st.booleans()):
            budget[relative] = f"{draw(st.integers(0, 90))} %"
            if draw(st.booleans()) and unit != "%":
                budget["min_delta"] = f"{draw(st.integers(1, 100)) / 100} {unit}"
        if draw(st.integers(0, 9)):
            budgets[metric] = budget
        if draw(st.integers(0, 9)):
            exact = METRICS[metric].exact
            head = draw(estimates(least=0.0, exact=exact))
            pair = {}
            if not added:
                change = draw(estimates(least=-1.0, exact=exact)) if draw(st.integers(0, 9)) else None
                total = draw(st.none() | estimates(least=-1.0, exact=False))
                pair = {
                    "base": Estimate.exact(draw(values)),
                    "change": change,
                    "total": total,
                    "incomparable": draw(st.sampled_from([None, None, None, "one is a guess"])),
                }
            evidence.append(Evidence(metric=metric, head=head, **pair))
    return budgets, evidence


STATES = ("compared", "compared", "renamed", "unchanged", "same but renamed", "removed", "failed")


@st.composite
def honest_runs(draw):
    """A policy of base, one of head, and what the first stage makes of some evidence."""
    states = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=4))
    rules = {
        "added": draw(st.sampled_from(["judge", "fail"])),
        "removed": draw(st.sampled_from(["list", "fail"])),
    }
    before, after, measured, waivers = {}, {}, [], []
    for number, state in enumerate(states):
        name = f"w{number}"
        budgets, evidence = draw(budgets_and_evidence())
        before[name] = {"onnx": f"{number}.onnx", "budgets": budgets}
        now = f"{name} new" if "renamed" in state else name
        if state != "removed":
            after[now] = before[name]
        measured.append((state, name, now, evidence))
        waivers += [
            {
                "workload": name,
                "metric": metric,
                "reason": "why",
                "owner": "@ml",
                "expires": TODAY + timedelta(days=draw(st.integers(-1, 1))),
            }
            for metric in budgets
            if draw(st.integers(0, 3)) == 0
        ]
    for number in range(draw(st.integers(0, 2))):
        budgets, evidence = draw(budgets_and_evidence(added=True))
        after[f"added {number}"] = {"onnx": f"added-{number}.onnx", "budgets": budgets}
        measured.append(("added", None, f"added {number}", evidence))
    base = policy(before, waivers=waivers, comparison=rules)
    head = policy(after or {"x": {"onnx": "x.onnx"}})
    first = FirstStage(base, head)
    for state, name, now, evidence in measured:
        if state in {"compared", "renamed"}:
            first.measured(now, evidence, state=state, base_name=name)
        elif state == "added" and rules["added"] == "judge":
            first.measured(now, evidence, state="added", base_name=None)
        elif state == "added":
            first.unmeasured(now, "added", Verdict.FAIL, note=ADDITION_NOT_ALLOWED)
        elif state == "removed":
            first.unmeasured(now, state, Verdict.FAIL if rules["removed"] == "fail" else Verdict.PASS, base_name=name)
        elif state == "failed":
            first.failed(now)
        else:
            first.unmeasured(now, "renamed" if "renamed" in state else state, base_name=name)
    return base, head, first.result()


@settings(max_examples=50)
@given(honest_runs())
def test_an_honest_result_is_judged_the_same_again(run):
    base, head, honest = run
    assert rulings(judge_again(honest, base, head=head)) == rulings(honest)


@settings(max_examples=50)
@given(honest_runs())
def test_an_honest_result_is_judged_the_same_except_where_head_s_policy_is_needed(run):
    base, _, honest = run
    again = judge_again(honest, base)
    for before, after in zip(honest.workloads, again.workloads, strict=True):
        if before.state == "added" and before.verdict is not Verdict.FAIL:
            assert after.verdict in {Verdict.INCONCLUSIVE, Verdict.FAIL}
        elif before.state != "added":
            assert before.verdict is after.verdict


@settings(max_examples=50)
@given(honest_runs(), st.data())
def test_tampered_verdicts_and_findings_are_ignored(run, data):
    base, head, honest = run
    workloads = []
    for one in honest.workloads:
        metrics = {}
        for name, metric in one.metrics.items():
            kept = [
                finding.model_copy(
                    update={
                        "verdict": data.draw(st.sampled_from(Verdict)),
                        "limit": data.draw(values),
                        "reason": None,
                    }
                )
                for finding in metric.findings
                if data.draw(st.booleans())
            ]
            metrics[name] = metric.model_copy(update={"findings": tuple(kept)})
        verdict = data.draw(st.sampled_from(Verdict))
        workloads.append(one.model_copy(update={"metrics": metrics, "verdict": verdict}))
    forged = honest.model_copy(update={"workloads": tuple(workloads), "verdict": data.draw(st.sampled_from(Verdict))})
    for policy_of_head in (head, None):
        assert judge_again(forged, base, head=policy_of_head) == judge_again(honest, base, head=policy_of_head)


@settings(max_examples=50)
@given(honest_runs())
def test_the_verdict_is_the_worst_and_judging_is_idempotent(run):
    base, head, honest = run
    again = judge_again(honest, base, head=head)
    assert again.verdict is worst(one.verdict for one in again.workloads)
    assert judge_again(again, base, head=head) == again


RUN = policy(
    {
        "a": {"onnx": "a.onnx", "budgets": {"energy_per_request": {"max": "1 kWh", "max_increase": "5 %"}}},
        "b": {"onnx": "b.onnx", "budgets": {"latency_p95": {"max_increase": "5 %", "min_delta": "1 ms"}}},
    }
)


def evidence_of(metric, low, high):
    exact = Estimate.exact(1.0)
    change = Estimate(value=(low + high) / 2, low=low, high=high)
    return Evidence(metric=metric, head=exact, base=exact, change=change, total=change)


HONEST = (
    FirstStage(RUN, RUN)
    .measured("a", [evidence_of("energy_per_request", 0.1, 0.2)])
    .measured("b", [evidence_of("latency_p95", -0.1, 0.02)])
    .result()
)
DOCUMENT = json.loads(HONEST.to_json())


def leaves(document, path=()):
    """List every place in a document by the keys that lead to it."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))


LEAVES = [path for path in leaves(DOCUMENT) if "launches" not in path and "components" not in path]
JUDGED = [path for path in LEAVES if {"metrics", "state", "base_name", "error", "name", "verdict"} & set(path)]
anything = st.sampled_from(
    [
        None,
        True,
        0,
        0.0,
        5e-324,
        0.5,
        1.0,
        2.0,
        1e18,
        -1.0,
        "",
        "a",
        "c",
        "added",
        "removed",
        "renamed",
        "unchanged",
    ]
) | st.sampled_from([one.value for one in Verdict] + [[], {}])


@given(
    st.lists(st.tuples(st.sampled_from(LEAVES) | st.sampled_from(JUDGED), anything), min_size=1, max_size=4),
    st.booleans(),
)
def test_any_readable_result_can_be_judged_and_reported_again(changes, give_head):
    document = json.loads(HONEST.to_json())
    for path, value in changes:
        place = document
        with contextlib.suppress(KeyError, TypeError, IndexError):  # an earlier change took the place away
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = copy.deepcopy(value)
    try:
        outcome = read_result(json.dumps(document), name="result.json")
    except EnergygateError:
        return
    again = judge_again(outcome, RUN, head=RUN if give_head else None)
    assert read_result(again.to_json(), name="result.json") == again
    assert {"a", "b"} <= {name for one in again.workloads for name in (one.name, one.base_name)}
