"""One workload under measurement: launches until it is decided, then a part of the result."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from energygate.gate import Estimate, Evidence, Verdict
from energygate.gate.weighing import DERIVED, launches_to_decide, weigh, weigh_change
from energygate.measure.campaign import ENOUGH_LAUNCHES, Campaign, Progress
from energygate.measure.caveats import caveats
from energygate.measure.comparability import unlike
from energygate.measure.launch import Launch, PairedLaunch
from energygate.measure.machine import asleep_s
from energygate.measure.series import change_series, series, success_rate, wander
from energygate.policy import METRICS, RELATIVE
from energygate.run.at_traffic import AtTraffic
from energygate.run.build import measured_workload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.gate import Finding
    from energygate.measure.campaign import Launching
    from energygate.measure.readings import Meter
    from energygate.policy import Workload
    from energygate.result.result import WorkloadResult
    from energygate.run.at_traffic import Found
    from energygate.run.build import Background
    from energygate.run.shared import Run

NOTABLE_SLEEP_S = 0.1

NOTABLE_WANDER = 1.3
"""From here on a reader who compares absolute numbers should know that the machine changed its speed."""

LaunchT = TypeVar("LaunchT", bound=Launch | PairedLaunch)


class Subject(Generic[LaunchT]):
    """One workload under measurement.

    Args:
        name: The workload's name.
        workload: What the policy says of it.
        launcher: Runs its launches.
        meter: Reads them.
        exact: What is known without sampling.
        background: What the report says besides: state, answers, operators.
        run: What all workloads share.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        name: str,
        workload: Workload,
        launcher: Launching[LaunchT],
        *,
        meter: Meter,
        exact: Mapping[str, Evidence],
        background: Background,
        run: Run,
    ) -> None:
        self.name = name
        self._workload = workload
        self._launcher = launcher
        self._meter = meter
        self._at_traffic = AtTraffic(run, meter.facts, exact)
        self._exact = {**exact, **self._at_traffic.exact()}
        self._background = background
        self._run = run
        self._asleep_s = 0.0
        self._campaign = Campaign(launcher, clock=time.perf_counter_ns)

    def measure(self, seconds: float) -> None:
        """Launch until decided, or for so many more seconds.

        Raises:
            MeasurementError: When a launch fails.
        """
        before_s = asleep_s()
        self._campaign.go_on(seconds, decided=self._is_decided, on_progress=self._tell)
        self._asleep_s += asleep_s() - before_s

    @property
    def is_open(self) -> bool:
        """Whether a budget is still inconclusive."""
        return any(finding.verdict is Verdict.INCONCLUSIVE for finding in self._findings())

    def result(self, *, seconds: float) -> WorkloadResult:
        """The workload's part of the result."""
        assert self._launcher.plan is not None  # noqa: S101 - made by the first launch
        found = self._found()
        notes = (
            *self._background.notes,
            *self._upsets(),
            *self._at_traffic.notes(found, self._campaign.launches),
        )
        return measured_workload(
            self.name,
            self._workload,
            launches=self._campaign.launches,
            evidence=self._evidence(),
            findings=self._findings(),
            facts=self._meter.facts,
            confidence=self._run.confidence,
            plan=self._launcher.plan,
            seconds=seconds,
            currency=self._run.policy.site.currency,
            background=replace(self._background, notes=notes),
            mode=self._launcher.mode,
            seconds_to_decide=self._seconds_to_decide(),
            footprint=self._at_traffic.result(self._campaign.launches),
            missing=self._at_traffic.missing(found),
        )

    def _upsets(self) -> list[str]:
        """What happened to the machine or the workers meanwhile, for readers who wonder."""
        upsets = []
        if self._asleep_s > NOTABLE_SLEEP_S:
            upsets.append(f"the machine slept for {self._asleep_s:.0f} s while this was measured")
        if self._campaign.retried:
            upsets.append(f"a worker died and its launch was repeated: {self._campaign.retried}")
        upsets += caveats(self._campaign.launches, self._workload.units)
        pace = wander([launch.base for launch in self._campaign.launches if isinstance(launch, PairedLaunch)])
        computes = (
            self._workload.kind in {"onnx", "python", "pytest"} and self._workload.load.kind == "closed"
        )
        if computes and pace > NOTABLE_WANDER:  # elsewhere the time of a request is waiting, too
            upsets.append(
                f"this machine's speed changed by {(pace - 1) * 100:.0f} % between launches; "
                "base and head changed together"
            )
        return upsets

    def _seconds_to_decide(self) -> float | None:
        """About how much more time would settle the relative limits that are still open."""
        pairs = [launch for launch in self._campaign.launches if isinstance(launch, PairedLaunch)]
        found = [
            one for one in self._findings() if one.kind in RELATIVE and one.verdict is Verdict.INCONCLUSIVE
        ]
        if not pairs or not found:
            return None
        changes = {**change_series(pairs), **self._found().changes}
        per_launch_s = self._campaign.elapsed_s / len(pairs)
        longest = 0.0
        for finding in found:
            one = changes.get(DERIVED.get(finding.metric, finding.metric))
            limit = -finding.applied if finding.kind == "max_decrease" else finding.applied
            needed = None if one is None else launches_to_decide(one, limit, self._run.confidence)
            if needed is None:
                return None
            longest = max(longest, (needed - len(pairs)) * per_launch_s)
        return longest

    def _evidence(self) -> dict[str, Evidence]:
        return {**self._sampled(self._campaign.launches), **self._exact, **_success(self._campaign.launches)}

    def _sampled(self, launches: Sequence[LaunchT]) -> dict[str, Evidence]:
        factors, confidence = self._run.factors, self._run.confidence
        pairs = [launch for launch in launches if isinstance(launch, PairedLaunch)]
        if not pairs:
            alone = [launch for launch in launches if isinstance(launch, Launch)]
            found = self._at_traffic.found(alone, {})
            return weigh({**series(alone), **found.head}, factors, confidence)
        changes = change_series(pairs)
        found = self._at_traffic.found(pairs, changes)
        base = weigh({**series([pair.base for pair in pairs]), **found.base}, factors, confidence)
        head = weigh({**series([pair.head for pair in pairs]), **found.head}, factors, confidence)
        changes = {**changes, **found.changes}
        return weigh_change(base, head, changes, confidence, unlike=unlike(pairs))

    def _found(self) -> Found:
        """What the launches so far come to at the site's traffic."""
        launches = self._campaign.launches
        pairs = [launch for launch in launches if isinstance(launch, PairedLaunch)]
        return self._at_traffic.found(launches, change_series(pairs) if pairs else {})

    def _findings(self) -> tuple[Finding, ...]:
        return self._run.findings(self.name, self._workload, self._evidence())

    def _is_decided(self) -> bool:
        findings = self._findings()
        if any(finding.verdict is Verdict.INCONCLUSIVE for finding in findings):
            return False
        sampled = any(not METRICS[finding.metric].exact for finding in findings)
        if sampled and not self._at_traffic.missing(self._found()).keys() & self._workload.budgets.keys():
            return True
        return (
            len(self._campaign.launches) >= ENOUGH_LAUNCHES
        )  # where something is missing, it may yet be found

    def _tell(self, progress: Progress) -> None:
        evidence = self._sampled(self._campaign.launches)["energy_per_request"]
        self._run.observer.launched(self.name, progress, evidence)


def _success(launches: Sequence[Launch | PairedLaunch]) -> dict[str, Evidence]:
    alone = [launch for launch in launches if isinstance(launch, Launch)]
    pairs = [launch for launch in launches if isinstance(launch, PairedLaunch)]
    head = Estimate.exact(success_rate(alone or [pair.head for pair in pairs]))
    if not pairs:
        return {"success_rate": Evidence(metric="success_rate", head=head)}
    base = Estimate.exact(success_rate([pair.base for pair in pairs]))
    return {"success_rate": exact_evidence("success_rate", head=head.value, base=base.value)}


def exact_evidence(metric: str, *, head: float, base: float | None = None) -> Evidence:
    """Evidence for a metric without sampling noise; a change from zero to more is unknown, not infinite."""
    if base is None:
        return Evidence(metric=metric, head=Estimate.exact(head))
    change = Estimate.exact(head / base - 1 if base else 0.0) if base or head == base else None
    return Evidence(metric=metric, head=Estimate.exact(head), base=Estimate.exact(base), change=change)
