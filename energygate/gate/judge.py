"""Judge evidence by budgets, one limit at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.gate.verdict import Verdict
from energygate.policy import ABSOLUTE, METRICS, RELATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from energygate.gate.evidence import Estimate, Evidence
    from energygate.policy import Budget, LimitKind, Quantity, Waiver


TOO_FEW = "too few launches for an interval"
ENOUGH_INPUTS = 60
"""0.95 to the power of 59 is below 0.05."""

NOTHING_JUDGED = f"nothing was judged: {TOO_FEW}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One limit applied to one metric of one workload.

    Attributes:
        metric: The metric's name.
        kind: Which of the budget's limits it is.
        limit: The limit: in the metric's canonical unit, or a fraction for relative limits.
        applied: The limit that was applied: more than `limit` where `min_delta` is a larger share of base.
        limit_text: The limit as the policy writes it.
        verdict: The verdict.
        judged: The estimate that was compared with the limit; `None` when there is none.
        reason: Why, where the numbers do not show it; `None` otherwise.
    """

    metric: str
    kind: LimitKind
    limit: float
    applied: float
    limit_text: str
    verdict: Verdict
    judged: Estimate | None
    reason: str | None = None


def limits(budget: Budget, *, relative: bool) -> Iterator[tuple[LimitKind, Quantity]]:
    """Yield the limits of a budget that are judged: none at level `off`, comparisons only with a base."""
    if budget.level == "off" or (budget.about.compares and not relative):
        return
    for kind in ABSOLUTE + (RELATIVE if relative else ()):
        quantity: Quantity | None = getattr(budget, kind)
        if quantity is not None:
            yield kind, quantity


def judge(
    budgets: Mapping[str, Budget],
    evidence: Mapping[str, Evidence],
    *,
    relative: bool,
    waivers: Sequence[Waiver] = (),
    today: date,
) -> tuple[Finding, ...]:
    """Judge the evidence about a workload by its budgets.

    Args:
        budgets: The workload's budgets by metric.
        evidence: The evidence by metric.
        relative: Whether there is a base, so that relative limits are judged too.
        waivers: The waivers for this workload.
        today: The date by which waivers expire.

    Returns:
        One finding per limit. A budget whose metric was not measured is an error, never a pass.
    """
    findings = []
    for metric, budget in budgets.items():
        known = evidence.get(metric)
        waiver = next((one for one in waivers if one.metric == metric), None)
        for kind, quantity in limits(budget, relative=relative):
            judged = None if known is None else known.head if kind in ABSOLUTE else known.change
            limit = _applied(kind, quantity.value, budget, known)
            verdict, reason = _ruling(kind, limit, judged)
            if kind == "max_increase" and known is not None and known.total is not None:
                verdict, reason = _with_total(known.total, limit, verdict, reason)
            if kind in RELATIVE and judged and known is not None and known.incomparable:
                verdict, reason = Verdict.INCONCLUSIVE, known.incomparable
            if verdict is Verdict.FAIL:
                verdict, softer = _softened(budget, waiver, today)
                reason = softer or reason
            findings.append(
                Finding(
                    metric=metric,
                    kind=kind,
                    limit=quantity.value,
                    applied=limit,
                    limit_text=quantity.text,
                    verdict=verdict,
                    judged=judged,
                    reason=reason,
                )
            )
    return tuple(findings)


def _applied(kind: LimitKind, limit: float, budget: Budget, evidence: Evidence | None) -> float:
    """Return the relative limit, or `min_delta` as a share of base where that is more."""
    if kind in ABSOLUTE or budget.min_delta is None or evidence is None or evidence.base is None:
        return limit
    return max(limit, budget.min_delta.value / evidence.base.value) if evidence.base.value else limit


def _with_total(total: Estimate, limit: float, verdict: Verdict, reason: str | None) -> tuple[Verdict, str | None]:
    """Return the ruling on typical requests, unless the total breaks the limit, or may: a few expensive ones count."""
    if verdict in {Verdict.FAIL, Verdict.ERROR}:
        return verdict, reason
    if total.low > limit:
        return Verdict.FAIL, f"the total rose by at least {total.low * 100:.1f} %, driven by a few expensive requests"
    # the lower end at the error of a pass is as far below as the upper end is above, on the log scale
    if verdict is Verdict.PASS and (1 + total.value) ** 2 / (1 + total.high) - 1 > limit:
        return Verdict.INCONCLUSIVE, f"typical requests keep it, but the total rose by about {total.value * 100:.1f} %"
    return verdict, reason


def settled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the final findings of a workload: where no launch gave any limit an interval, nothing was judged."""
    sampled = [one for one in findings if not METRICS[one.metric].exact and one.judged is not None]
    if not sampled or any(one.judged is not None and one.judged.is_known for one in sampled):
        return tuple(findings)
    return tuple(
        replace(one, verdict=Verdict.ERROR, reason=NOTHING_JUDGED) if one in sampled else one for one in findings
    )


def without_unseen(findings: tuple[Finding, ...], *, measured: int, total: int) -> tuple[Finding, ...]:
    """Return the findings without passes that rest on too few inputs: those not yet measured may have got dearer.

    Inputs come in a random order. Where `ENOUGH_INPUTS` behave, at most 5 % of all do not, with 95 % confidence.

    Args:
        findings: The findings on one workload.
        measured: How many different inputs were measured.
        total: How many there are.
    """
    if measured >= min(total, ENOUGH_INPUTS):
        return findings
    reason = f"only {measured} of {total:,} inputs were measured"
    return tuple(
        replace(one, verdict=Verdict.INCONCLUSIVE, reason=reason)
        if one.verdict is Verdict.PASS and not METRICS[one.metric].exact
        else one
        for one in findings
    )


def _ruling(kind: LimitKind, limit: float, judged: Estimate | None) -> tuple[Verdict, str | None]:
    """Return fail or pass only when the whole interval is on one side of the limit, which itself is within it."""
    if judged is None:
        return Verdict.ERROR, "this metric was not measured"
    if kind == "max_decrease":  # a decrease of at most 5 % is a change of at least -5 %
        kind, limit = "min", -limit
    if kind == "min":
        over, within = judged.high < limit, judged.low >= limit
    else:
        over, within = judged.low > limit, judged.high <= limit
    if over:
        return Verdict.FAIL, None
    if within:
        return Verdict.PASS, None
    return Verdict.INCONCLUSIVE, None if judged.is_known else TOO_FEW


def _softened(budget: Budget, waiver: Waiver | None, today: date) -> tuple[Verdict, str | None]:
    """Return the verdict on a shown excess: a valid waiver accepts it, the level `warn` only warns."""
    if waiver is not None and not waiver.expired(today):
        return Verdict.WAIVED, f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"
    lapsed = None if waiver is None else f"the waiver by {waiver.owner} expired on {waiver.expires}"
    return (Verdict.WARN if budget.level == "warn" else Verdict.FAIL), lapsed
