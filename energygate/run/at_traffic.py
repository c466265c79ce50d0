"""What a workload under measurement comes to at the site's traffic, or a sentence that says why nobody knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.footprint import NoFootprint, monthly_egress_cost
from energygate.gate import Estimate, Evidence
from energygate.measure.footprints import Bytes, Site
from energygate.measure.launch import Launch, PairedLaunch
from energygate.policy import METRICS
from energygate.policy.site import AT_TRAFFIC
from energygate.result.site_result import footprint_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.measure.readings import MeterFacts
    from energygate.measure.series import ChangeSeries, Series
    from energygate.policy import Policy
    from energygate.result.site_result import FootprintResult
    from energygate.run.shared import Run

SAMPLED = tuple(name for name in METRICS if name in AT_TRAFFIC and not METRICS[name].exact)
"""Metrics that have an interval, and stand on effective energy."""

UNKNOWN_BYTES = "what leaves the site is not known for this workload, so data out has no price here"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What launches come to at the site's traffic.

    Attributes:
        base: Series of base, by metric; empty without a base.
        head: Series of head.
        changes: How they changed.
        why_not: Why there are none, a sentence without a full stop; `None` where there are, or nobody asks.
    """

    base: Mapping[str, Series] = field(default_factory=dict)
    head: Mapping[str, Series] = field(default_factory=dict)
    changes: Mapping[str, ChangeSeries] = field(default_factory=dict)
    why_not: str | None = None


class AtTraffic:
    """Works out footprints of one workload's launches.

    Args:
        run: The run, whose site says how much it serves.
        facts: What the meter knows of the machine at rest.
        exact: What is known without sampling: bytes of requests and models among it.
    """

    def __init__(self, run: Run, facts: MeterFacts, exact: Mapping[str, Evidence]) -> None:
        self._policy = run.policy
        self._production = production = run.factors.production
        self._facts = facts
        self._site = None if production is None else Site(production=production, facts=facts)
        self._exact = exact
        self._head = Bytes(
            egress=_head(exact, "egress_per_request"), download=_head(exact, "model_download_size")
        )
        self._base = Bytes(
            egress=_base(exact, "egress_per_request"), download=_base(exact, "model_download_size")
        )

    def found(self, launches: Sequence[Launch | PairedLaunch], changes: Mapping[str, ChangeSeries]) -> Found:
        """Series of what launches come to, and how they changed.

        Args:
            launches: Of head alone, or of both sides.
            changes: How energy and throughput changed; empty without a base.
        """
        if self._site is None:
            return Found()
        pairs = [launch for launch in launches if isinstance(launch, PairedLaunch)]
        try:
            head = self._site.series(_heads(launches), self._head)
            if not pairs:
                return Found(head=head)
            return Found(
                base=self._site.series([pair.base for pair in pairs], self._base),
                head=head,
                changes=self._site.changes(pairs, changes, base=self._base, head=self._head),
            )
        except NoFootprint as why:
            return Found(why_not=_sentence(why, self._policy))

    def exact(self) -> dict[str, Evidence]:
        """The monthly cost of what leaves the site, which has no noise; empty where it is not known."""
        if self._production is None:
            return {}
        head, base = (
            monthly_egress_cost(self._production, egress_bytes=one.egress, download_bytes=one.download)
            for one in (self._head, self._base)
        )
        if head is None:
            return {}
        before = None if base is None else Estimate.exact(base)
        change = None if base is None else 0.0 if head == base else head / base - 1 if base else None
        return {
            "monthly_egress_cost": Evidence(
                metric="monthly_egress_cost",
                head=Estimate.exact(head),
                base=before,
                change=None if change is None else Estimate.exact(change),
            )
        }

    def missing(self, found: Found) -> dict[str, str]:
        """Why metrics are not there, by name: sentences without a full stop."""
        why = {} if found.why_not is None else dict.fromkeys(SAMPLED, found.why_not)
        if self._has_unknown_bytes():
            why["monthly_egress_cost"] = UNKNOWN_BYTES
        return why

    def notes(self, found: Found, launches: Sequence[Launch | PairedLaunch]) -> list[str]:
        """What a reader should know of these numbers, or of their absence."""
        if self._site is None:
            return []
        if found.why_not is not None:
            return [f"nothing is known at the site's traffic: {found.why_not}"]
        notes = [UNKNOWN_BYTES] if self._has_unknown_bytes() else []
        doubt = self._site.doubtful_rest(_heads(launches))
        if doubt is not None:
            notes.append(f"{self._policy.where('site', 'replica', 'idle_power')}: {doubt}")
        return notes

    def result(self, launches: Sequence[Launch | PairedLaunch]) -> FootprintResult | None:
        """What stands behind head's effective energy; `None` where there is none."""
        if self._site is None or self._production is None:
            return None
        try:
            found = self._site.footprint(_heads(launches), self._head)
        except NoFootprint:
            return None
        return footprint_result(found, self._production, idle_method=self._facts.idle_method)

    def _has_unknown_bytes(self) -> bool:
        priced = self._production is not None and self._production.price_per_gb is not None
        return priced and not self.exact()


def _heads(launches: Sequence[Launch | PairedLaunch]) -> list[Launch]:
    return [launch.head if isinstance(launch, PairedLaunch) else launch for launch in launches]


def _sentence(why: NoFootprint, policy: Policy) -> str:
    return str(why) if why.key is None else f"{policy.where(*why.key)}: {why}"


def _head(exact: Mapping[str, Evidence], metric: str) -> float | None:
    return exact[metric].head.value if metric in exact else None


def _base(exact: Mapping[str, Evidence], metric: str) -> float | None:
    base = exact[metric].base if metric in exact else None
    return None if base is None else base.value
