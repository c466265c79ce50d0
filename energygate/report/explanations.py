"""What a report explains below its table: what moved, what would settle the rest, how far to trust it."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from energygate.errors import COMMAND_LINE
from energygate.gate import Verdict
from energygate.gate.estimates import ALPHA
from energygate.policy import RELATIVE, format_quantity
from energygate.report.phrases import agreement_text, count, percent
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from energygate.errors import OptionNames
    from energygate.result.result import FindingResult, MetricResult, Provenance, Result, WorkloadResult

OPERATORS_SHOWN = 5

MANY_WINDOWS = 18
"""Windows of a side in a launch from which on its scatter is that between launches: nine blocks (bench/scatter.py)."""

NOTABLE = 0.05
"""What a type of operators adds, as a share of what the first one does; less explains nothing."""


def what_moved(workload: WorkloadResult) -> str:
    """Return where a change went, whether answers agree, and what else differs; empty when nothing does."""
    return "; ".join(one for one in (_operators(workload), answers(workload), *_differences(workload)) if one)


def explains_change(workload: WorkloadResult) -> bool:
    """Return whether there is more to say of a change than whether answers agree."""
    return bool(_operators(workload) or any(_differences(workload)))


def answers(workload: WorkloadResult) -> str:
    """Return whether both sides answered alike; empty where that was not compared."""
    agreement = workload.comparison.agreement if workload.comparison else None
    return agreement_text(agreement) if agreement else ""


def _operators(workload: WorkloadResult) -> str:
    operators = workload.comparison.operators if workload.comparison else ()
    if not operators:
        return ""
    largest = max(abs(one.contribution) for one in operators)
    moved = ", ".join(
        f"{'new ' if one.is_new else ''}{one.operator} {'gone, ' if one.is_gone else ''}{percent(one.contribution)}"
        for one in operators[:OPERATORS_SHOWN]
        if abs(one.contribution) >= NOTABLE * largest
    )
    return f"{moved} of base's operator time"


def _differences(workload: WorkloadResult) -> Iterator[str]:
    """Yield how the two sides differ besides their operators: model, versions, and how they were measured."""
    comparison = workload.comparison
    if comparison is None:
        return
    before, after = comparison.base_model, comparison.head_model
    for what in ("nodes", "parameters", "opset") if before and after else ():
        if getattr(before, what) != getattr(after, what):
            yield f"{what} {getattr(before, what):,} → {getattr(after, what):,}"
    now = workload.provenance.versions if workload.provenance else {}
    for name, version in comparison.base_versions.items():
        if now.get(name, version) != version:
            yield f"{name} {version} → {now[name]}"
    if comparison.mode == "alternating":
        yield "the two sides cannot run side by side, so whole launches alternated"


def more_time(workload: WorkloadResult, options: OptionNames = COMMAND_LINE) -> str:
    """Return what would settle what is open, or not judged at all; empty where nothing is, or nothing is known."""
    if workload.verdict not in {Verdict.INCONCLUSIVE, Verdict.ERROR}:
        return ""
    more_s = workload.seconds_to_decide
    if more_s is None and workload.comparison is not None:
        more_s = workload.comparison.seconds_to_decide
    spent_s = workload.provenance.seconds if workload.provenance else 0.0
    if more_s is not None:
        return f"about {max(1, math.ceil(more_s))} s more would decide: {_time_limit(spent_s + more_s, options)}"
    unexplained = [
        (metric, finding)
        for metric in workload.metrics.values()
        for finding in metric.findings
        if finding.verdict is Verdict.INCONCLUSIVE and finding.reason is None
    ]
    provenance = workload.provenance
    if not unexplained or provenance is None:
        return ""
    if any(_is_within_drift(metric, finding, provenance) for metric, finding in unexplained):
        return "more time would hardly decide it: the limit is closer than this machine's own drift"
    if 0 < max((launch.windows for launch in provenance.launches), default=0) < MANY_WINDOWS:
        requests = count(provenance.requests // len(provenance.launches), "request")
        longer = _time_limit(4 * spent_s, options)  # which halves the scatter within a launch
        return f"launches of {requests} scatter too much this close to the limit; {longer} makes them longer"
    return "more time would hardly decide it: launches scatter too much this close to the limit"


def _is_within_drift(metric: MetricResult, finding: FindingResult, provenance: Provenance) -> bool:
    """Return whether no number of launches decides an absolute limit, since it is closer than the machine's drift."""
    alpha = max(provenance.alpha, provenance.pass_alpha or 0.0)
    if finding.kind in RELATIVE or metric.unit == "B":  # memory does not drift
        return False
    if min(metric.head, finding.limit) <= 0 or not 0 < alpha < 1:  # a result may come from a stranger
        return False
    drift = NormalDist().inv_cdf(1 - alpha / 2) * provenance.drift_sd
    return abs(math.log(metric.head / finding.limit)) <= drift


def _time_limit(needed_s: float, options: OptionNames) -> str:
    """Return how to ask for that much time, with some to spare."""
    return options.set_time_limit.format(math.ceil(needed_s * 1.25 / 10) * 10)


def against(result: Result) -> str:
    """Return what head was compared with and whose policy decides; empty without a base."""
    if result.base is None:
        return ""
    base = result.base.commit[:7] if result.base.commit else result.base.ref
    text = f"Compared with base {base}"
    if result.base.commit and result.base.ref != result.base.commit:
        text += f" (merge base with {result.base.ref})"
    if result.policy_changed:
        text += "; this change also changes the policy: base's policy decides"
    return text


def source(workload: WorkloadResult) -> str:
    """Return where the energy of a workload comes from, and how far its absolute value may be off."""
    provenance = workload.provenance
    if provenance is None:
        return ""
    share = f"{provenance.uncertainty * 100:.0f} %"
    method = "Measured" if workload.method == "measured" else "Estimated"
    return f"{method}: {provenance.source} ({provenance.citation}); absolute energy ± {share}."


def interval_words(workloads: Iterable[WorkloadResult]) -> list[str]:
    """Return what the intervals of these workloads mean, each sentence once."""
    texts = []
    for provenance in [one.provenance for one in workloads if one.provenance is not None]:
        wrong, drift = f"{ALPHA * 50:.0f} %", f"{provenance.drift_sd * 100:.0f} %"
        texts.append(
            f"Intervals contain the true number, whenever measuring stopped: at most {wrong} of runs fail, and {wrong} "
            f"of limits pass, by mistake. Those of values allow for this machine's drift of ± {drift}."
        )
        if provenance.decision_rule == 1:
            texts.append("These intervals are of an earlier energygate, which waited for four launches.")
        elif len(provenance.launches) < MIN_LAUNCHES:
            texts.append("Before the fourth launch intervals allow for several times the recorded scatter.")
    return list(dict.fromkeys(texts))


def effort(workload: WorkloadResult, *, pue: float) -> str:
    """Return what measuring took (launches, requests, time), and what codecarbon alone would have said.

    Args:
        workload: The workload.
        pue: The site's, which is in energy per request and never in codecarbon's figure.
    """
    provenance = workload.provenance
    if provenance is None:
        return ""
    launches = count(len(provenance.launches), "launch", "launches")
    load = "" if provenance.load == "closed" else f" ({provenance.load})"
    text = f"{launches}, {count(provenance.requests, 'request')}{load}, {provenance.seconds:.1f} s"
    if provenance.codecarbon_kwh_per_request is not None:
        alone = format_quantity(provenance.codecarbon_kwh_per_request, "kWh")
        text += f"; codecarbon {provenance.codecarbon_version} alone would have said {alone} per request"
        text += ", without PUE" if pue != 1.0 else ""
    return text
