"""The result of `check --base`, made from given evidence by the code that makes it from launches."""

from __future__ import annotations

from datetime import date

from builders import launch, meter_facts, result

from energygate.errors import MeasurementError
from energygate.gate import Verdict, judge
from energygate.gate.estimates import Confidence, shared_alpha
from energygate.measure.windows import LaunchPlan
from energygate.policy import Policy
from energygate.policy.policy_diff import policy_changes, policy_digest
from energygate.result.contradictions import contradiction
from energygate.result.reading import read_result
from energygate.result.rejudging import judge_again as judge_any_again
from energygate.result.result import BaseResult
from energygate.result.site_result import site_result
from energygate.run.pairing import Pairing
from energygate.run.result_parts import failed_workload, measured_workload, unmeasured_workload

TODAY = date(2026, 11, 20)
BASE = BaseResult(ref="main", commit="ab" * 20)
_ITS_OWN = object()


def policy(workloads, **fields):
    return Policy(version=1, workloads=workloads, **fields)


def judge_again(outcome, base, **fields):
    """Judge again, and check that the outcome is a valid result."""
    again = judge_any_again(outcome, base, today=TODAY, **fields)
    assert contradiction(again) is None
    return again


def rulings(outcome):
    """Everything that was decided."""
    decided = [
        (one.name, one.verdict, [(name, metric.findings) for name, metric in one.metrics.items()])
        for one in outcome.workloads
    ]
    return outcome.verdict, decided


class FirstStage:
    """A run that compares: workloads are added one by one, and then it has a result."""

    def __init__(self, base, head):
        self.base, self.head = base, head
        alpha = shared_alpha([*base.workloads.values()], relative=True)
        self.confidence = Confidence(alpha=alpha, drift_sd=0.1, drifting=frozenset())
        self.workloads = []

    def measured(self, name, evidence, *, state="compared", base_name=_ITS_OWN, notes=()):
        base_name = name if base_name is _ITS_OWN else base_name
        workload = self.head.workloads[name] if state == "added" else self.base.workloads[base_name]
        evidence = {one.metric: one for one in evidence}
        findings = judge(
            workload.budgets,
            evidence,
            relative=state != "added",
            waivers=[one for one in self.base.waivers if one.workload == base_name],
            today=TODAY,
        )
        self.workloads.append(
            measured_workload(
                Pairing(name=name, state=state, head=workload, base_name=base_name, notes=notes),
                launches=[launch()],
                evidence=evidence,
                findings=findings,
                facts=meter_facts(),
                confidence=self.confidence,
                plan=LaunchPlan(calls=10, windows=2, max_warm_up=6),
                seconds=1.0,
                currency=self.base.site.currency,
            )
        )
        return self

    def unmeasured(self, name, state, verdict=Verdict.PASS, *, note="a note", base_name=None):
        workload = next(iter(self.base.workloads.values()))
        pairing = Pairing(name=name, state=state, head=workload, base_name=base_name)
        self.workloads.append(unmeasured_workload(pairing, verdict, note))
        return self

    def failed(self, name, message="the worker died"):
        workload = next(iter(self.base.workloads.values()))
        pairing = Pairing(name=name, state="head only", head=workload)
        self.workloads.append(failed_workload(pairing, MeasurementError(message)))
        return self

    def result(self, **fields):
        outcome = result(
            *self.workloads,
            base=BASE,
            site=site_result(self.base.site, None),
            policy_digest=policy_digest(self.base),
            policy_changed=self.head != self.base,
            policy_changes=policy_changes(self.base, self.head),
            **fields,
        )
        assert read_result(outcome.to_json(), name="result.json") == outcome
        return outcome
