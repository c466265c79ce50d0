"""A workload's metrics at the site's traffic, or a sentence about why they are unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.footprint import NoFootprint, monthly_egress_cost
from energygate.gate import Evidence
from energygate.measure.site_footprint import Bytes, FootprintModel
from energygate.policy import METRICS
from energygate.policy.site import AT_TRAFFIC
from energygate.result.site_result import footprint_result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.measure.launch import Launches
    from energygate.measure.readings import MeterFacts
    from energygate.measure.series import ChangeSeries, Series
    from energygate.result.site_result import FootprintResult
    from energygate.run.context import RunContext

SAMPLED = tuple(name for name in METRICS if name in AT_TRAFFIC and not METRICS[name].exact)
"""Metrics that are derived from effective energy and have an interval."""

UNKNOWN_BYTES = "the egress of this workload is unknown, so it has no egress cost"


@dataclass(frozen=True, kw_only=True)
class TrafficSeries:
    """The metrics of launches at the site's traffic.

    Attributes:
        head: Series of head, by metric.
        base: Series of base; empty without a base.
        changes: How they changed; empty without a base.
        unknown: Why there are none, a sentence without a full stop; `None` if there are, or if the site has no traffic.
    """

    head: Mapping[str, Series] = field(default_factory=dict)
    base: Mapping[str, Series] = field(default_factory=dict)
    changes: Mapping[str, ChangeSeries] = field(default_factory=dict)
    unknown: str | None = None


class AtTraffic:
    """Computes the footprint of one workload's launches.

    Args:
        context: The run, whose site has the traffic.
        facts: The meter's facts about the idle machine.
        exact: The evidence without sampling, including the bytes of requests and models.
    """

    def __init__(self, context: RunContext, facts: MeterFacts, exact: Mapping[str, Evidence]) -> None:
        self._policy = context.policy
        self._production = production = context.factors.production
        self._facts = facts
        self._site = None if production is None else FootprintModel(production=production, facts=facts)
        sizes = [exact.get(metric) for metric in ("egress_per_request", "model_download_size")]
        egress, download = (None if one is None else one.head.value for one in sizes)
        self._head = Bytes(egress=egress, download=download)
        egress, download = (None if one is None or one.base is None else one.base.value for one in sizes)
        self._base = Bytes(egress=egress, download=download)

    def series(self, launches: Launches, changes: Mapping[str, ChangeSeries]) -> TrafficSeries:
        """Return the metrics of launches at the site's traffic.

        Args:
            launches: The launches so far.
            changes: How energy and throughput changed in them; empty without a base.
        """
        if self._site is None:
            return TrafficSeries()
        try:
            head = self._site.series(launches.head, self._head)
            if not launches.base:
                return TrafficSeries(head=head)
            return TrafficSeries(
                head=head,
                base=self._site.series(launches.base, self._base),
                changes=self._site.changes(launches, changes, base=self._base, head=self._head),
            )
        except NoFootprint as error:
            where = "" if error.key is None else f"{self._policy.where(*error.key)}: "
            return TrafficSeries(unknown=f"{where}{error}")

    def exact(self) -> dict[str, Evidence]:
        """Return the monthly cost of egress, which has no noise; empty where it is unknown."""
        if self._production is None:
            return {}
        head, base = (
            monthly_egress_cost(self._production, egress_bytes=one.egress, download_bytes=one.download)
            for one in (self._head, self._base)
        )
        metric = "monthly_egress_cost"
        return {} if head is None else {metric: Evidence.exact(metric, head=head, base=base)}

    def missing(self, series: TrafficSeries) -> dict[str, str]:
        """Return why metrics are missing, by name: sentences without a full stop."""
        why = {} if series.unknown is None else dict.fromkeys(SAMPLED, series.unknown)
        if self._has_unknown_bytes():
            why["monthly_egress_cost"] = UNKNOWN_BYTES
        return why

    def notes(self, series: TrafficSeries, launches: Launches) -> list[str]:
        """Return caveats about these numbers, or why there are none."""
        if self._site is None:
            return []
        if series.unknown is not None:
            return [f"no metrics at the site's traffic: {series.unknown}"]
        notes = [UNKNOWN_BYTES] if self._has_unknown_bytes() else []
        caveat = self._site.implausible_idle_power(launches.head)
        if caveat is not None:
            notes.append(f"{self._policy.where('site', 'replica', 'idle_power')}: {caveat}")
        return notes

    def result(self, launches: Launches) -> FootprintResult | None:
        """Return the parts of head's effective energy; `None` where it is unknown."""
        if self._site is None or self._production is None:
            return None
        try:
            footprint = self._site.footprint(launches.head, self._head)
        except NoFootprint:
            return None
        return footprint_result(footprint, self._production, idle_method=self._facts.idle_method)

    def _has_unknown_bytes(self) -> bool:
        priced = self._production is not None and self._production.price_per_gb is not None
        return priced and not self.exact()
