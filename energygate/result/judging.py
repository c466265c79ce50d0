"""Judging a result again: by base's policy, read by ourselves, or under a label that waives; pure functions."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from energygate.gate import Estimate, Evidence, Verdict, judge, worst
from energygate.gate.certainty import shared_alpha
from energygate.policy import METRICS, TARGET
from energygate.policy.policy_diff import policy_changes, policy_digest
from energygate.policy.site import AT_TRAFFIC
from energygate.result.findings import finding_results, unmeasured
from energygate.result.merging import missing_workload
from energygate.result.policy_mismatch import unlike_production, unlike_settings, unlike_site
from energygate.result.result import ErrorResult
from energygate.result.site_result import OF_PRODUCTION
from energygate.result.sites import site_result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date

    from energygate.policy import Policy, Waiver, Workload
    from energygate.result.result import Change, MetricResult, Result, WorkloadResult

AGAIN = "judged again by {source}; what the first stage made of its numbers did not count"
OTHER_POLICY = "the first stage judged by another policy: base's has changed since, or it was not base's"

UNCHANGED = "the first stage says it is identical to base, which was not checked"
REMOVED = "the first stage says head has removed it, which was not checked"
KEPT = "removed, and base's policy wants it kept"
NOT_ALLOWED = "added, which base's policy does not allow"
NO_LIMITS = "added, and held to no limit: base's policy has none for it, and head's was not read"

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

    No verdict and no finding in it counts: budgets, levels and waivers are those of base's policy, applied to the
    numbers and intervals by the gate's own code. So a claim cannot make a verdict lighter. What cannot be judged by
    base's policy is an error: a workload or metric that is missing, numbers made for another site, by other settings,
    by a method that the policy refuses, or with intervals that err more often than its limits allow together.

    That two numbers must not be compared is believed, and leaves their limit inconclusive.

    What it cannot do is tell true numbers from forged ones: whoever may run code where energy is measured may write
    what he likes. In particular "unchanged" and "removed" are taken at their word, with a note beside them.
    What could refute "unchanged" is the list of files that the pull request changes, held against a workload's
    model, inputs, `paths` and the files that make its environment; what refutes "removed", "added" and a rename told
    as both is head's policy, read as data at head's commit: give it as `head` where it can be had.

    Args:
        result: What was measured, compared with a base. Without one no relative limit can be judged: an error.
        policy: Base's policy, from a source that the result's writer cannot change; a note names it.
        today: The date that waivers expire against.
        head: Head's policy, which has the absolute limits of workloads that head adds. Without it those are held to
            nothing, and inconclusive.
        workloads: Names of the workloads that the run is about; all of the policy's by default.

    Returns:
        The same result with findings and verdicts of our own, and a note that says so. Workloads stand in its order;
        behind them, as errors, those that it should hold.
    """
    court = _Court(result, policy, today=today, head=head, wanted=workloads)
    judged = (*map(court.judged, result.workloads), *map(missing_workload, court.missing()))
    changes = (
        {}
        if head is None
        else {"policy_changed": head != policy, "policy_changes": policy_changes(policy, head)}
    )
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
    """Why a workload cannot be judged: one sentence without a full stop."""


class _Court:
    """What is trusted, and what the result claims of its workloads as a whole."""

    def __init__(
        self,
        result: Result,
        policy: Policy,
        *,
        today: date,
        head: Policy | None,
        wanted: Collection[str] | None,
    ) -> None:
        self._claimed = result.site
        self._policy = policy
        self._today = today
        self._head = head
        self._held = {one.name: one for one in result.workloads}
        self._renamed = self._renames()
        self._wanted = [name for name in policy.workloads if wanted is None or name in wanted]
        removed = {name for name, one in self._held.items() if _is_removed(one)}
        counted = [policy.workloads[name] for name in self._wanted if name not in removed]
        self._alpha = shared_alpha(counted, relative=True)

    def _renames(self) -> dict[str, str]:
        """Names at base by new names, where each is the only heir of a workload that has no other."""
        known = self._policy.workloads
        heirs = {
            one.name: one.base_name
            for one in self._held.values()
            if one.state == "renamed" and one.base_name in known and one.name not in known
        }
        count = Counter(heirs.values())
        return {
            name: base for name, base in heirs.items() if base and count[base] == 1 and base not in self._held
        }

    def missing(self) -> list[str]:
        """Workloads that the result should hold."""
        return [
            name for name in self._wanted if name not in self._held and name not in self._renamed.values()
        ]

    def judged(self, one: WorkloadResult) -> WorkloadResult:
        """The workload with a verdict of our own."""
        one = self._without_false_rename(one)
        try:
            return self._judged(one)
        except _NotJudged as why:
            error = ErrorResult(message=f"{why}; measure it again", detail=None)
            return _ruled(one, Verdict.ERROR).model_copy(update={"error": error})

    def _without_false_rename(self, one: WorkloadResult) -> WorkloadResult:
        """The workload by the name that base's policy knows, or as an added one, where it is nobody's heir."""
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
            return _ruled(one, Verdict.FAIL, NOT_ALLOWED)
        if one.provenance is None:
            if known is None or one.state not in {"unchanged", "renamed"}:
                raise _NotJudged("nothing of it was measured, and nothing says why")
            return _ruled(one, Verdict.PASS, UNCHANGED)
        if known is None:
            return self._added(one)
        waivers = [waiver for waiver in self._policy.waivers if waiver.workload == known]
        return self._measured(one, self._policy.workloads[known], waivers, relative=True)

    def _refuse_false_rename(self, name: str, known: str) -> None:
        if self._head is not None and (known in self._head.workloads or name not in self._head.workloads):
            raise _NotJudged(f"it is said to be {known!r} under a new name, and head's policy says otherwise")

    def _removed(self, one: WorkloadResult, known: str | None) -> WorkloadResult:
        if self._head is not None:
            if one.name in self._head.workloads:
                raise _NotJudged("it is said to be removed, and head's policy still has it")
            if known is not None and (heir := self._heir(self._policy.workloads[known], self._head)):
                raise _NotJudged(f"it is said to be removed, and head's policy runs the same as {heir!r}")
        if known is not None and self._policy.comparison.removed == "fail":
            return _ruled(one, Verdict.FAIL, KEPT)
        return _ruled(one, Verdict.PASS, REMOVED if self._head is None else None)

    def _heir(self, gone: Workload, head: Policy) -> str | None:
        """A workload that is new in head's policy, runs the same, and is nobody else's heir."""
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
        """Hold the numbers against a workload's budgets, as `gate.judge` does in the run that measures."""
        self._refuse_unlike(one, workload)
        evidence = {name: _evidence(name, metric) for name, metric in one.metrics.items() if name in METRICS}
        findings = judge(workload.budgets, evidence, relative=relative, waivers=waivers, today=self._today)
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

    def _refuse_unlike(self, one: WorkloadResult, workload: Workload) -> None:
        """Refuse numbers that were not made as base's policy wants them."""
        assert one.provenance is not None  # noqa: S101 - it was measured
        if other := unlike_site(self._claimed, self._policy.site) or unlike_settings(one, workload):
            raise _NotJudged(other)
        if not AT_TRAFFIC.isdisjoint((*one.metrics, *workload.budgets)) and (
            other := unlike_production(self._claimed, self._policy.site)
        ):
            raise _NotJudged(other)
        if self._policy.measurement.require == "measured" and one.method != "measured":
            raise _NotJudged("its energy is only estimated, and base's policy requires measured energy")
        if one.provenance.alpha > self._alpha * _ROUNDING:
            raise _NotJudged(
                f"its intervals err in up to {one.provenance.alpha * 100:.2g} % of cases, and the limits of base's "
                f"policy leave {self._alpha * 100:.2g} % for each"
            )


def _is_removed(one: WorkloadResult) -> bool:
    """Whether it is said to be removed; what was measured, or failed, is there."""
    return one.state == "removed" and one.provenance is None and one.error is None


def _ruled(one: WorkloadResult, verdict: Verdict, note: str | None = None) -> WorkloadResult:
    """The workload with a verdict that rests on no limit; the note stands first, for it is the reason."""
    metrics = {name: metric.model_copy(update={"findings": ()}) for name, metric in one.metrics.items()}
    notes = tuple(dict.fromkeys([*([note] if note else []), *one.notes]))
    return one.model_copy(update={"verdict": verdict, "metrics": metrics, "notes": notes})


def _evidence(name: str, metric: MetricResult) -> Evidence:
    """What was known of a metric when it was judged first."""
    head = Estimate(value=metric.head, low=0.0, high=math.inf)
    if metric.head_low is not None and metric.head_high is not None:
        head = Estimate(value=metric.head, low=metric.head_low, high=metric.head_high)
    return Evidence(
        metric=name,
        head=head,
        base=None if metric.base is None else Estimate.exact(metric.base),
        change=_estimate(metric.change),
        total=_estimate(metric.total),
        incomparable=metric.incomparable,
    )


def _estimate(change: Change | None) -> Estimate | None:
    if change is None:
        return None
    return Estimate(
        value=change.estimate,
        low=-1.0 if change.low is None else change.low,
        high=math.inf if change.high is None else change.high,
    )
