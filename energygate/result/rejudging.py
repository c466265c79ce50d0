"""Judging a result that another job wrote again, by base's policy: pure functions."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from energygate.gate import Estimate, Evidence, Verdict, judge, settled, without_unseen, worst
from energygate.gate.estimates import ALPHA, shared_alpha
from energygate.policy import METRICS, TARGET
from energygate.policy.policy_diff import policy_changes, policy_digest
from energygate.policy.site import AT_TRAFFIC
from energygate.result.findings import finding_results, unmeasured
from energygate.result.merging import missing_workload
from energygate.result.policy_mismatch import production_mismatch, settings_mismatch, site_mismatch
from energygate.result.result import ErrorResult
from energygate.result.site_result import OF_PRODUCTION, site_result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date

    from energygate.policy import Policy, Waiver, Workload
    from energygate.result.result import Change, MetricResult, Result, WorkloadResult

AGAIN = "judged again by {source}; the first stage's own verdicts were ignored"
OTHER_POLICY = "the first stage used another policy: base's has changed since, or it was not base's"

UNCHANGED = "identical to base according to the first stage; not checked"
REMOVED = "removed by head according to the first stage; not checked"
REMOVAL_NOT_ALLOWED = "removed, which base's policy does not allow"
ADDITION_NOT_ALLOWED = "added, which base's policy does not allow"
NO_LIMITS = "added, and not judged: base's policy has no limits for it, and head's was not read"

_ROUNDING = 1 + 1e-9


def judge_again(
    result: Result,
    policy: Policy,
    *,
    today: date,
    head: Policy | None = None,
    workloads: Collection[str] | None = None,
) -> Result:
    """Judge a result that another job, perhaps a stranger's, has written, as if its numbers were ours.

    Its verdicts and findings are ignored: budgets, levels and waivers are those of base's policy, applied to the
    numbers and intervals by the gate's own code. So a claim cannot make a verdict lighter. What cannot be judged by
    base's policy is an error: a workload or metric that is missing, numbers for another site, with other settings,
    by a method that the policy refuses, or with intervals that err more often than its limits allow together.

    A claim that two numbers must not be compared is believed, and leaves their limit inconclusive.

    True numbers cannot be told from forged ones: whoever can run code where energy is measured can forge any value.
    In particular "unchanged" and "removed" are believed, with a note. The files that the pull request changes,
    compared with a workload's model, inputs, `paths` and environment, could refute "unchanged"; head's policy, read
    as data at head's commit, refutes "removed", "added" and a rename reported as both: pass it as `head` if possible.

    Args:
        result: What was measured, compared with a base. Without a base, relative limits are errors.
        policy: Base's policy, from a source that the result's writer cannot change; a note names it.
        today: The date that waivers expire against.
        head: Head's policy, which has the absolute limits of workloads that head adds. Without it those are
            inconclusive.
        workloads: Names of the workloads that the run is about; all of the policy's by default.

    Returns:
        The same result with findings and verdicts of our own, and a note that says so. Workloads keep their order;
        those that are missing follow, as errors.
    """
    again = _Judge(result, policy, today=today, head=head, asked=workloads)
    judged = (*map(again.judged, result.workloads), *map(missing_workload, again.missing()))
    changes = {} if head is None else {"policy_changed": head != policy, "policy_changes": policy_changes(policy, head)}
    digest, site = policy_digest(policy), site_result(policy.site, None)
    return result.model_copy(
        update={
            **changes,
            "policy_digest": digest,
            "verdict": worst(one.verdict for one in judged),
            "notes": tuple(dict.fromkeys([*_notes(result, policy.source, digest), *result.notes])),
            "site": result.site.model_copy(update={key: getattr(site, key) for key in OF_PRODUCTION}),
            "workloads": judged,
        }
    )


def _notes(result: Result, source: str, digest: str) -> Iterator[str]:
    yield AGAIN.format(source=source)
    if result.policy_digest not in {None, digest}:
        yield OTHER_POLICY


class _NotJudged(Exception):
    """Why a workload cannot be judged, as a clause."""


class _Judge:
    """The trusted policies, and what the result claims about its workloads as a whole."""

    def __init__(
        self,
        result: Result,
        policy: Policy,
        *,
        today: date,
        head: Policy | None,
        asked: Collection[str] | None,
    ) -> None:
        self._claimed_site = result.site
        self._policy = policy
        self._today = today
        self._head = head
        self._listed = {one.name: one for one in result.workloads}
        self._renamed = self._renames()
        self._asked = [name for name in policy.workloads if asked is None or name in asked]
        removed = {name for name, one in self._listed.items() if _is_removed(one)}
        counted = [policy.workloads[name] for name in self._asked if name not in removed]
        self._alpha = shared_alpha(counted, relative=True)

    def _renames(self) -> dict[str, str]:
        """Return names at base by new names, where a workload has exactly one that claims to be its rename."""
        known = self._policy.workloads
        heirs = {
            one.name: one.base_name
            for one in self._listed.values()
            if one.state == "renamed" and one.base_name in known and one.name not in known
        }
        count = Counter(heirs.values())
        return {name: base for name, base in heirs.items() if base and count[base] == 1 and base not in self._listed}

    def missing(self) -> list[str]:
        """List workloads that the result should have."""
        return [name for name in self._asked if name not in self._listed and name not in self._renamed.values()]

    def judged(self, one: WorkloadResult) -> WorkloadResult:
        """Return the workload with a verdict of our own."""
        one = self._without_false_rename(one)
        try:
            return self._judged(one)
        except _NotJudged as why:
            error = ErrorResult(message=f"{why}; measure it again", detail=None)
            return _ruled(one, Verdict.ERROR).model_copy(update={"error": error})

    def _without_false_rename(self, one: WorkloadResult) -> WorkloadResult:
        """Return the workload; one that is not a rename after all is compared by its own name, or added."""
        if one.state != "renamed" or one.name in self._renamed:
            return one
        if one.name in self._policy.workloads:
            return one.model_copy(update={"state": "compared", "base_name": one.name})
        return one.model_copy(update={"state": "added", "base_name": None})

    def _judged(self, one: WorkloadResult) -> WorkloadResult:
        if one.error is not None and one.provenance is None:
            return _ruled(one, Verdict.ERROR)
        known = one.name if one.name in self._policy.workloads else self._renamed.get(one.name)
        if known is not None and known != one.name:
            self._refuse_false_rename(one.name, known)
        if _is_removed(one):
            return self._removed(one, known)
        if known is None and self._policy.comparison.added == "fail":
            return _ruled(one, Verdict.FAIL, ADDITION_NOT_ALLOWED)
        if one.provenance is None:
            if known is None or one.state not in {"unchanged", "renamed"}:
                raise _NotJudged("it was not measured, and the result does not say why")
            return _ruled(one, Verdict.PASS, UNCHANGED)
        if known is None:
            return self._added(one)
        waivers = [waiver for waiver in self._policy.waivers if waiver.workload == known]
        return self._measured(one, self._policy.workloads[known], waivers, relative=True)

    def _refuse_false_rename(self, name: str, known: str) -> None:
        if self._head is not None and (known in self._head.workloads or name not in self._head.workloads):
            raise _NotJudged(f"it claims to be {known!r} under a new name, and head's policy contradicts that")

    def _removed(self, one: WorkloadResult, known: str | None) -> WorkloadResult:
        if self._head is not None:
            if one.name in self._head.workloads:
                raise _NotJudged("it claims to be removed, and head's policy still has it")
            if known is not None and (heir := self._heir(self._policy.workloads[known], self._head)):
                raise _NotJudged(f"it claims to be removed, and head's policy runs the same as {heir!r}")
        if known is not None and self._policy.comparison.removed == "fail":
            return _ruled(one, Verdict.FAIL, REMOVAL_NOT_ALLOWED)
        return _ruled(one, Verdict.PASS, REMOVED if self._head is None else None)

    def _heir(self, gone: Workload, head: Policy) -> str | None:
        """Return a workload that is new in head's policy, runs the same, and renames no other."""
        return next(
            (
                name
                for name, workload in head.workloads.items()
                if name not in self._policy.workloads and name not in self._renamed
                if all(getattr(workload, key) == getattr(gone, key) for key in TARGET)
            ),
            None,
        )

    def _added(self, one: WorkloadResult) -> WorkloadResult:
        if self._head is None:
            return _ruled(one, Verdict.INCONCLUSIVE, NO_LIMITS)
        if one.name not in self._head.workloads:
            raise _NotJudged("neither base's policy nor head's has this workload")
        return self._measured(one, self._head.workloads[one.name], (), relative=False)

    def _measured(
        self, one: WorkloadResult, workload: Workload, waivers: Sequence[Waiver], *, relative: bool
    ) -> WorkloadResult:
        """Compare the numbers with a workload's budgets, as the run that measures does."""
        self._refuse_mismatch(one, workload)
        evidence = {name: _evidence(name, metric) for name, metric in one.metrics.items() if name in METRICS}
        judged = judge(workload.budgets, evidence, relative=relative, waivers=waivers, today=self._today)
        assert one.provenance is not None  # noqa: S101 - it was measured
        measured, total = one.provenance.inputs_measured, one.provenance.inputs
        findings = settled(without_unseen(judged, measured=measured, total=total))
        missing = unmeasured(findings, workload, evidence)
        verdict = worst(finding.verdict for finding in findings)
        metrics = {
            name: metric.model_copy(update={"findings": finding_results(findings, name)})
            for name, metric in one.metrics.items()
        }
        return one.model_copy(
            update={
                "metrics": metrics,
                "error": missing or one.error,
                "verdict": Verdict.ERROR if one.error and not missing else verdict,
            }
        )

    def _refuse_mismatch(self, one: WorkloadResult, workload: Workload) -> None:
        """Refuse numbers that were not measured as base's policy asks."""
        assert one.provenance is not None  # noqa: S101 - it was measured
        if other := site_mismatch(self._claimed_site, self._policy.site) or settings_mismatch(one, workload):
            raise _NotJudged(other)
        if not AT_TRAFFIC.isdisjoint((*one.metrics, *workload.budgets)) and (
            other := production_mismatch(self._claimed_site, self._policy.site)
        ):
            raise _NotJudged(other)
        if self._policy.measurement.require == "measured" and one.method != "measured":
            raise _NotJudged("its energy is only estimated, and base's policy requires measured energy")
        for claimed, allowed in ((one.provenance.alpha, self._alpha), (one.provenance.pass_alpha or 0.0, ALPHA)):
            if claimed > allowed * _ROUNDING:
                raise _NotJudged(
                    f"its intervals err in up to {claimed * 100:.2g} % of cases, and the limits of base's "
                    f"policy leave {allowed * 100:.2g} % for each"
                )


def _is_removed(one: WorkloadResult) -> bool:
    """Return whether it claims to be removed; what was measured, or failed, exists."""
    return one.state == "removed" and one.provenance is None and one.error is None


def _ruled(one: WorkloadResult, verdict: Verdict, note: str | None = None) -> WorkloadResult:
    """Return the workload with a verdict that no limit decided; its reason is the first note."""
    metrics = {name: metric.model_copy(update={"findings": ()}) for name, metric in one.metrics.items()}
    notes = tuple(dict.fromkeys([*([note] if note else []), *one.notes]))
    return one.model_copy(update={"verdict": verdict, "metrics": metrics, "notes": notes})


def _evidence(name: str, metric: MetricResult) -> Evidence:
    """Return what was known of a metric when it was first judged."""
    return Evidence(
        metric=name,
        head=_ends(metric.head, metric.head_low, metric.head_high),
        base=None if metric.base is None else Estimate.exact(metric.base),
        change=_estimate(metric.change),
        total=_estimate(metric.total),
        incomparable=metric.incomparable,
    )


def _estimate(change: Change | None) -> Estimate | None:
    return None if change is None else _ends(change.estimate, change.low, change.high)


def _ends(value: float, low: float | None, high: float | None) -> Estimate:
    return Estimate(value=value, low=-math.inf if low is None else low, high=math.inf if high is None else high)
