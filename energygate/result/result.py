"""`result.json`: the one contract between measuring and reporting.

Energies are in kWh, other values in the unit named beside them. A number that is not known is null, never 0.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from energygate.document import Document, DocumentPart, Finite
from energygate.gate.verdict import Verdict  # noqa: TC001 - pydantic reads annotations at run time
from energygate.measure.machine import MachineResult  # noqa: TC001 - the same
from energygate.policy import LimitKind  # noqa: TC001 - the same
from energygate.result.site_result import FootprintResult, SiteResult  # noqa: TC001 - the same
from energygate.workloads.agreement import AgreementResult  # noqa: TC001 - the same
from energygate.workloads.operators import ModelResult, OperatorResult  # noqa: TC001 - the same


class Change(DocumentPart):
    """Relative change from base to head, as a fraction: 0.05 is +5 %."""

    estimate: Finite
    low: Finite | None = Field(description="Lower end of the interval; null while there is none.")
    high: Finite | None = Field(description="Upper end of the interval; null while there is none.")


class FindingResult(DocumentPart):
    """One limit applied to one metric."""

    kind: LimitKind
    limit: Finite = Field(description="In the metric's unit; a fraction for relative limits.")
    limit_text: str = Field(description="The limit as the policy writes it.")
    applied: Finite | None = Field(
        default=None,
        description="The limit as it was applied, where `min_delta` comes to more than it; null elsewhere.",
    )
    verdict: Verdict
    reason: str | None = Field(description="Why, where the numbers alone do not say.")


MUCH = 1.1
"""Values in a report differ by less than this factor from what was measured."""


class MetricResult(DocumentPart):
    """One metric of one workload."""

    unit: str
    head: Finite
    head_low: Finite | None = Field(description="Lower end of head's interval; equal to head when exact.")
    head_high: Finite | None = Field(description="Upper end of head's interval; null while there is none.")
    base: Finite | None = Field(description="As measured; reports show head without the change. Null without a base.")
    change: Change | None = Field(description="The change of typical requests; null when base was not measured.")
    total: Change | None = Field(
        default=None,
        description="The change of the sums over whole launches, also compared with limits; null where not computed.",
    )
    incomparable: str | None = Field(
        default=None,
        description="Why the two sides' numbers must not be compared; null when they may.",
    )
    findings: tuple[FindingResult, ...]

    @property
    def differs_in_total(self) -> bool:
        """Whether the sums changed otherwise than typical requests: beyond the errors of both, or by much at all."""
        change, total = self.change, self.total
        if change is None or total is None:
            return False
        small, large = sorted((1 + change.estimate, 1 + total.estimate))
        return large > MUCH * small or _is_below(change.high, total.low) or _is_below(total.high, change.low)

    @property
    def shown_change(self) -> Change | None:
        """The change that reports show beside the values: that of the sums where it differs from the typical one."""
        return self.total if self.differs_in_total else self.change

    @property
    def shown_base(self) -> float | None:
        """Base as reports show it: head without `shown_change`, which is better known than either value."""
        change = self.shown_change
        if self.base is None or change is None or change.estimate <= -1:
            return self.base
        return self.head / (1 + change.estimate)

    @property
    def shows_change(self) -> bool:
        """Whether head is shown to differ from base: the interval of the change leaves zero out."""
        change = self.shown_change
        if change is None:  # there is no relative change from zero; where both sides are exact they still differ
            is_exact = self.head_low == self.head_high == self.head
            return is_exact and self.base is not None and self.base != self.head
        return (change.low is not None and change.low > 0) or (change.high is not None and change.high < 0)


def _is_below(high: float | None, low: float | None) -> bool:
    """Return whether one interval ends before another begins."""
    return high is not None and low is not None and high < low


class LaunchResult(DocumentPart):
    """One launch: a fresh worker, loaded, warmed up and measured."""

    cpus: tuple[int, ...] = Field(description="CPUs it was pinned to; empty where that is impossible.")
    windows: int
    requests: int = Field(description="Requests served in the measured windows.")
    failed_requests: int
    energy_kwh: Finite = Field(description="IT energy of the measured windows, before PUE.")
    wall_s: Finite
    cpu_s: Finite
    warm_up_windows: int
    steady: bool = Field(description="Whether warm-up settled before its limit.")


class ComponentResult(DocumentPart):
    """One component of the machine in every reading, and where its joules come from."""

    name: str = Field(description="`cpu`, `gpu` or `dram`.")
    method: Literal["measured", "estimated"]
    device: str = Field(description="Which one: the processor's or card's name.")
    source: str = Field(description="Which counter, or which row of which table.")
    citation: str = Field(description="Where the counter's interface or the table's row is described.")
    uncertainty: Finite = Field(description="Relative uncertainty of absolute joules.")
    period_ms: Finite | None = Field(description="How often the counter moves, as found; null for a model.")
    max_watts: Finite | None = Field(
        description="Readings above this power are rejected; null where no bound is known."
    )


class Provenance(DocumentPart):
    """How the numbers were measured and how far to trust them."""

    source: str = Field(description="Which counter, or which row of which table.")
    citation: str
    uncertainty: Finite = Field(description="Relative uncertainty of absolute energy; ratios are far better.")
    components: tuple[ComponentResult, ...] = Field(description="What every reading consists of.")
    idle_watts: Finite | None = Field(
        description="Power of the idle machine, of the same components; null when unknown."
    )
    idle_method: Literal["measured", "estimated"] | None
    codecarbon_version: str
    codecarbon_ram_watts: Finite | None = Field(
        description="What codecarbon would add for memory, a constant by its size; not in any energy here."
    )
    min_window_ms: Finite = Field(description="The meter's shortest meaningful window.")
    decision_rule: Literal[1, 2] = Field(
        default=1,
        description="2: intervals from the first launch on, where scatter was recorded; 1: from the fourth launch on.",
    )
    alpha: Finite = Field(description="Two-sided error of the ends of intervals that fail, shared among all budgets.")
    pass_alpha: Finite | None = Field(
        default=None, description="Two-sided error of the ends that pass; null where it is that of the others."
    )
    drift_sd: Finite = Field(description="How much the machine drifts between occasions, in ln(value).")
    calls_per_window: int
    inputs_measured: int = Field(default=1, description="How many different inputs were measured.")
    inputs: int = Field(default=1, description="How many different inputs there are.")
    load: str = Field(description="How requests arrived: closed, at a rate, or so many at once.")
    unit: str | None = Field(description="What energy per unit is divided by, such as tokens; null without.")
    batch_size: int
    threads: int
    provider: str | None
    versions: dict[str, str]
    seconds: Finite = Field(description="Time that measuring this workload took.")
    requests: int = Field(description="Requests served in all measured windows.")
    it_energy_kwh: Finite = Field(description="IT energy of all measured windows, before PUE.")
    it_kwh_per_request: Finite
    active_it_kwh_per_request: Finite = Field(
        description="The same without what the idle machine would have drawn in that time."
    )
    codecarbon_kwh_per_request: Finite | None = Field(
        description="What codecarbon alone would have said; null where the readings are its own."
    )
    launches: tuple[LaunchResult, ...]


class ErrorResult(DocumentPart):
    """Why there is no number."""

    message: str
    detail: str | None = Field(description="The end of a process's output, if there is any.")


class ComparisonResult(DocumentPart):
    """How base and head were compared."""

    mode: Literal["paired", "alternating"] = Field(
        description="paired: both sides take turns within a launch; alternating: whole launches take turns."
    )
    blocks_per_launch: int
    log_ratios: tuple[Finite, ...] = Field(description="ln(head/base) of the energy per request, by launch.")
    seconds_to_decide: Finite | None = Field(
        default=None, description="As the workload's own; in results of decision rule 1 only."
    )
    agreement: AgreementResult | None = Field(description="Null where no answers were compared.")
    operators: tuple[OperatorResult, ...] = Field(description="What moved, largest first; empty where unknown.")
    base_model: ModelResult | None
    head_model: ModelResult | None
    base_versions: dict[str, str]


State = Literal["head only", "compared", "unchanged", "added", "renamed", "removed"]


class WorkloadResult(DocumentPart):
    """One workload: its metrics, its findings, and how they came about."""

    name: str
    base_name: str | None = Field(
        default=None,
        description="Its name at base; null where base has no such workload, or was not measured.",
    )
    kind: str
    state: State = "head only"
    verdict: Verdict
    method: Literal["measured", "estimated"] | None = Field(description="Null when nothing was measured.")
    metrics: dict[str, MetricResult]
    notes: tuple[str, ...] = Field(description="What a reader should know before trusting the numbers.")
    error: ErrorResult | None
    provenance: Provenance | None
    comparison: ComparisonResult | None = Field(
        default=None, description="Null when there was nothing to compare with."
    )
    footprint: FootprintResult | None = Field(
        default=None,
        description="Null when the site has no traffic, or a note says why there are no such numbers.",
    )
    seconds_to_decide: Finite | None = Field(
        default=None,
        description="About how much more time would decide what is inconclusive; null where nothing is, or unknown.",
    )


class BaseResult(DocumentPart):
    """What head was compared with."""

    ref: str = Field(description="As given.")
    commit: str | None = Field(description="The merge base; null when a directory was given.")


class Result(Document):
    """What one run of the gate found."""

    schema_name: Literal["energygate/result/1"] = Field(alias="schema", default="energygate/result/1")
    energygate_version: str
    created: str = Field(description="When, in ISO 8601, UTC.")
    seconds: Finite = Field(description="How long the run took.")
    policy: str = Field(description="The policy file.")
    policy_digest: str | None = Field(
        default=None,
        description="SHA-256 of the deciding policy's content, independent of its formatting; null when unknown.",
    )
    seed: int
    verdict: Verdict
    base: BaseResult | None = Field(default=None, description="Null when head was measured alone.")
    head_commit: str | None = Field(
        default=None, description="The commit that was measured; null outside git, or when unknown."
    )
    policy_changed: bool = Field(default=False, description="Whether head's policy differs from base's, which decides.")
    policy_changes: tuple[str, ...] = Field(
        default=(), description="What head's policy changes, in words; one text per key."
    )
    notes: tuple[str, ...] = Field(default=(), description="What a reader should know of the whole run.")
    machine: MachineResult
    site: SiteResult
    workloads: tuple[WorkloadResult, ...]
