"""One workload under measurement: launches until it is decided, then its part of the result."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Evidence, Verdict, settled, without_unseen
from energygate.gate.estimates import DERIVED, launches_to_decide, launches_to_decide_total, weigh, weigh_change
from energygate.gate.judge import ENOUGH_INPUTS
from energygate.measure.campaign import ENOUGH_LAUNCHES, Campaign
from energygate.measure.caveats import caveats
from energygate.measure.comparability import incomparable
from energygate.measure.launch import inputs_measured
from energygate.measure.machine import asleep_s
from energygate.measure.scatter import Scatter
from energygate.measure.series import change_series, drift, series, success_rate
from energygate.policy import METRICS, RELATIVE
from energygate.run.at_traffic import AtTraffic
from energygate.run.result_parts import measured_workload
from energygate.stats.confidence import MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.gate import Finding
    from energygate.measure.campaign import Progress
    from energygate.measure.launchers import Launcher
    from energygate.measure.readings import Meter
    from energygate.measure.series import ChangeSeries, Series
    from energygate.result.result import ComparisonResult, WorkloadResult
    from energygate.run.at_traffic import TrafficSeries
    from energygate.run.context import RunContext
    from energygate.run.pairing import Pairing

NOTABLE_SLEEP_S = 0.1

NOTABLE_DRIFT = 1.3
"""From this factor on, a reader who compares absolute numbers should know that the machine's speed changed."""


@dataclass(frozen=True, kw_only=True)
class _Assessment:
    """What the launches so far show.

    Attributes:
        values: Its metrics on head, those at the site's traffic too.
        changes: How they changed; empty without a base.
        traffic: Its launches' metrics at the site's traffic.
        evidence: The evidence for every metric.
        inputs: How many different inputs were measured, and how many there are.
        judged: Its budgets, judged by that evidence.
    """

    values: Mapping[str, Series]
    changes: Mapping[str, ChangeSeries]
    traffic: TrafficSeries
    evidence: Mapping[str, Evidence]
    inputs: tuple[int, int]
    judged: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Its budgets, judged, without passes that rest on too few inputs."""
        measured, total = self.inputs
        return without_unseen(self.judged, measured=measured, total=total)

    @property
    def is_firm(self) -> bool:
        """Whether the first launches may end it: something failed, or nothing changed; more may be a launch's luck."""
        if any(one.verdict is Verdict.FAIL for one in self.findings):
            return True
        passed = [one for one in self.findings if one.verdict is Verdict.PASS and not METRICS[one.metric].exact]
        return all(one.kind in RELATIVE and one.judged and one.judged.low <= 0 <= one.judged.high for one in passed)

    @property
    def is_open(self) -> bool:
        return any(finding.verdict is Verdict.INCONCLUSIVE for finding in self.findings)


class Subject:
    """One workload under measurement.

    Args:
        pairing: The workload.
        launcher: Runs its launches.
        meter: Reads them.
        exact: What is known without sampling.
        comparison: What is known of the comparison before the first launch; `None` without a base.
        notes: Notes for the reader from the preparation.
        context: What all workloads share.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        pairing: Pairing,
        launcher: Launcher,
        *,
        meter: Meter,
        exact: Mapping[str, Evidence],
        comparison: ComparisonResult | None,
        notes: Sequence[str],
        context: RunContext,
    ) -> None:
        self._pairing = pairing
        self._workload = pairing.workload
        self._launcher = launcher
        self._meter = meter
        self._at_traffic = AtTraffic(context, meter.facts, exact)
        self._exact = {**exact, **self._at_traffic.exact()}
        self._comparison = comparison
        self._notes = notes
        self._context = context
        self._asleep_s = 0.0
        self._campaign = Campaign(launcher.launch, clock=time.perf_counter_ns, saved_ns=lambda: launcher.saved_ns)
        self._assessment: _Assessment

    def measure(self, seconds: float) -> None:
        """Launch until decided, for at most this many more seconds.

        Raises:
            MeasurementError: When a launch fails.
        """
        before_s = asleep_s()
        self._campaign.resume(seconds, decided=self._is_decided, on_progress=self._after_launch)
        self._asleep_s += asleep_s() - before_s

    @property
    def is_open(self) -> bool:
        """Whether a budget is still inconclusive."""
        return self._assessment.is_open

    def result(self, *, seconds: float) -> WorkloadResult:
        """Return the workload's part of the result; `seconds` is the time that measuring it took."""
        launches, assessment = self._campaign.launches, self._assessment
        assert self._launcher.plan is not None  # noqa: S101 - made by the first launch
        comparison = self._comparison
        if comparison is not None:
            known = {
                "mode": self._launcher.mode,
                "blocks_per_launch": len(launches.head[0].windows) // 2,
                "log_ratios": assessment.changes["energy_per_request"].log_ratios,
                "base_versions": dict(launches.base[0].versions),
            }
            comparison = comparison.model_copy(update=known)
        return measured_workload(
            self._pairing,
            launches=launches.head,
            evidence=assessment.evidence,
            findings=settled(assessment.findings),
            facts=self._meter.facts,
            confidence=self._context.confidence,
            plan=self._launcher.plan,
            seconds=seconds,
            currency=self._context.policy.site.currency,
            notes=(*self._notes, *self._incidents(), *self._at_traffic.notes(assessment.traffic, launches)),
            comparison=comparison,
            footprint=self._at_traffic.result(launches),
            missing=self._at_traffic.missing(assessment.traffic),
            seconds_to_decide=self._seconds_to_decide(),
            inputs=assessment.inputs,
        )

    def _incidents(self) -> list[str]:
        """Return notes on what happened to the machine or the workers during the measurement."""
        launches, incidents = self._campaign.launches, []
        if self._asleep_s > NOTABLE_SLEEP_S:
            incidents.append(f"the machine slept for {self._asleep_s:.0f} s while this was measured")
        if self._campaign.retried:
            incidents.append(f"a worker died and its launch was repeated: {self._campaign.retried}")
        incidents += caveats(launches, self._workload.units)
        pace = drift(launches.base)
        # Elsewhere the time of a request includes waiting.
        computes = self._workload.kind in {"onnx", "python", "pytest"} and self._workload.load.kind == "closed"
        if computes and pace > NOTABLE_DRIFT:
            incidents.append(
                f"this machine's speed changed by {(pace - 1) * 100:.0f} % between launches; "
                "base and head changed together"
            )
        return incidents

    def _seconds_to_decide(self) -> float | None:
        """Estimate how much more time would settle the limits that are still open; `None` where none would."""
        assessment, count = self._assessment, len(self._campaign.launches)
        undecided = [one for one in assessment.judged if one.verdict is Verdict.INCONCLUSIVE]
        needed = [self._launches_to_decide(finding) for finding in undecided]
        if assessment.findings != assessment.judged:
            measured, total = assessment.inputs
            needed.append(math.ceil(count * min(total, ENOUGH_INPUTS) / max(1, measured)))
        known = [one for one in needed if one is not None]
        if not known or len(known) < len(needed):
            return None
        return (max(known) - count) * self._campaign.elapsed_s / count

    def _launches_to_decide(self, finding: Finding) -> int | None:
        assessment, confidence = self._assessment, self._context.confidence
        name = DERIVED.get(finding.metric, finding.metric)
        if finding.kind in RELATIVE:
            limit = 1 - finding.applied if finding.kind == "max_decrease" else 1 + finding.applied
            change = assessment.changes.get(name)
            if change is None or limit <= 0:
                return None
            kept = finding.judged is not None and finding.judged.high <= finding.applied
            estimate = launches_to_decide_total if kept else launches_to_decide
            return estimate(name, change, limit, confidence)
        values, head = assessment.values.get(name), assessment.evidence[finding.metric].head
        if values is None or not head.value or not finding.applied:
            return None
        return launches_to_decide(name, values, finding.applied * values.overall / head.value, confidence)

    def _after_launch(self, progress: Progress) -> None:
        self._assessment = self._assess()
        self._context.observer.launched(self._pairing.name, progress, self._assessment.evidence["energy_per_request"])

    def _assess(self) -> _Assessment:
        launches, confidence = self._campaign.launches, self._context.confidence
        scatter = Scatter.of(self._workload, alternating=self._launcher.mode == "alternating")
        changes = change_series(launches, scatter)
        traffic = self._at_traffic.series(launches, changes)
        changes = {**changes, **traffic.changes}
        factors = self._context.factors
        values = {**series(launches.head, scatter), **traffic.head}
        sampled = weigh(values, factors, confidence)
        base_rate = None
        if launches.base:
            base = weigh({**series(launches.base, scatter), **traffic.base}, factors, confidence)
            sampled = weigh_change(base, sampled, changes, confidence, incomparable=incomparable(launches))
            base_rate = success_rate(launches.base)
        success = Evidence.exact("success_rate", head=success_rate(launches.head), base=base_rate)
        evidence = {**sampled, **self._exact, "success_rate": success}
        return _Assessment(
            values=values,
            changes=changes,
            traffic=traffic,
            evidence=evidence,
            inputs=inputs_measured(launches),
            judged=self._context.findings(self._pairing, evidence),
        )

    def _is_decided(self) -> bool:
        assessment = self._assessment
        if assessment.is_open or (len(self._campaign.launches) < MIN_LAUNCHES and not assessment.is_firm):
            return False
        sampled = any(not METRICS[finding.metric].exact for finding in assessment.findings)
        missing = self._at_traffic.missing(assessment.traffic).keys() & self._workload.budgets.keys()
        # More launches may still give what is missing.
        return (sampled and not missing) or len(self._campaign.launches) >= ENOUGH_LAUNCHES
