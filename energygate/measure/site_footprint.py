"""Footprints at production's traffic, from launches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.footprint import Footprint, NoFootprint, RequestDemand, footprint
from energygate.measure.series import ChangeSeries, Series
from energygate.policy import format_quantity
from energygate.stats import LogRatio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.footprint import Production
    from energygate.measure.launch import Launch, Launches
    from energygate.measure.readings import MeterFacts

STEP = 0.1
"""Slowdown of the machine, in ln, for which the elasticity of a footprint is computed."""


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Bytes that leave the site with one request, and with one download of the model; `None` when unknown."""

    egress: float | None = None
    download: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Demand:
    """Energy and time of one request in the windows of some launches.

    Attributes:
        gross_joules: All IT energy.
        share: Share of it that is not known to be idle energy.
        idle_watts: Idle power to subtract for the time of the windows.
        wall_s: Time of the windows.
        served_s: Time that it keeps a replica busy; `None` where that is `wall_s`.
        cold_start_joules: IT energy of a start.
        cold_start_s: Time of a start.
    """

    gross_joules: float
    share: float
    idle_watts: float
    wall_s: float
    served_s: float | None
    cold_start_joules: float
    cold_start_s: float

    @property
    def service_s(self) -> float:
        return self.wall_s if self.served_s is None else self.served_s

    @property
    def active_joules(self) -> float:
        """Energy above idle."""
        return self.gross_joules * self.share - self.idle_watts * self.wall_s

    def scaled(self, *, energy: float, time: float) -> _Demand:
        """Return it with energy and time of the windows multiplied by these."""
        return replace(self, gross_joules=self.gross_joules * energy, wall_s=self.wall_s * time)

    def slower(self, factor: float) -> _Demand:
        """Return it for a machine that takes this many times the energy and time for everything."""
        return replace(
            self.scaled(energy=factor, time=factor),
            served_s=None if self.served_s is None else self.served_s * factor,
            cold_start_joules=self.cold_start_joules * factor,
            cold_start_s=self.cold_start_s * factor,
        )


@dataclass(frozen=True, kw_only=True)
class FootprintModel:
    """Computes footprints from launches, with the site's production and the meter's facts about idle power."""

    production: Production
    facts: MeterFacts

    def footprint(self, launches: Sequence[Launch], leaving: Bytes) -> Footprint:
        """Return the footprint by all launches of one side together.

        Raises:
            NoFootprint: When it cannot be computed; a sentence says why.
        """
        taken = _demand(launches, self.facts)
        watts = taken.gross_joules / taken.wall_s
        if taken.active_joules <= 0:
            raise NoFootprint(
                f"this machine draws no more while it serves, {format_quantity(watts, 'W')}, than its idle "
                f"{format_quantity(self.facts.idle_watts or 0.0, 'W')}, so energy per request is not above idle; "
                "measure on a quieter machine"
            )
        return self._footprint(taken, leaving)

    def series(self, launches: Sequence[Launch], leaving: Bytes) -> dict[str, Series]:
        """Return effective energy, monthly cost and SCI of one side's launches, PUE included.

        Raises:
            NoFootprint: When they cannot be computed; a sentence says why.
        """
        overall = _sampled(self.footprint(launches, leaving))
        per_launch = [_sampled(self._launch(launch, leaving)) for launch in launches]
        elasticity = self._elasticity(_demand(launches, self.facts), leaving)
        return {
            name: Series(per_launch=tuple(one[name] for one in per_launch), overall=value, elasticity=elasticity[name])
            for name, value in overall.items()
        }

    def changes(
        self,
        launches: Launches,
        measured: Mapping[str, ChangeSeries],
        *,
        base: Bytes,
        head: Bytes,
    ) -> dict[str, ChangeSeries]:
        """Return how the same three changed, launch by launch.

        Energy and time of requests change as measured block by block; the rest is one number per side and launch.

        Args:
            launches: The launches of both sides.
            measured: How energy per request and throughput changed in them.
            base: Bytes that leave the site at base.
            head: The same at head.

        Raises:
            NoFootprint: When they cannot be computed; a sentence says why.
        """
        energy, throughput = measured["energy_per_request"], measured["throughput"]
        ratios: dict[str, list[LogRatio]] = {}
        for i, pair in enumerate(launches.pairs):
            before, after = (_demand([one], self.facts) for one in pair)
            pace = -throughput.log_ratios[i]
            middle = _halfway(before, after, energy=energy.log_ratios[i], time=pace)
            typical = [self._footprint(one, of) for one, of in zip(middle, (base, head), strict=True)]
            apart = self._footprint(middle[1].scaled(energy=math.exp(energy.errors[i]), time=1.0), head)
            errors = _log_ratios(typical[1], apart)
            totals = _log_ratios(self._launch(pair[0], base), self._launch(pair[1], head))
            for name, value in _log_ratios(*typical).items():
                ratio = LogRatio(value=value, error=abs(errors[name]), total=totals[name])
                ratios.setdefault(name, []).append(ratio)
        return {name: ChangeSeries.of(some) for name, some in ratios.items()}

    def implausible_idle_power(self, launches: Sequence[Launch]) -> str | None:
        """Return a caveat when the policy's idle power is above what this machine draws while it serves."""
        replica_watts, own_watts = self.production.idle_watts, self.facts.idle_watts
        if replica_watts is None or own_watts is None:
            return None
        taken = _demand(launches, self.facts)
        serving_watts = own_watts + taken.active_joules / taken.service_s
        if replica_watts <= serving_watts:
            return None
        return (
            f"site.replica.idle_power is {format_quantity(replica_watts, 'W')}, above the "
            f"{format_quantity(serving_watts, 'W')} that this machine draws while it serves: "
            "effective energy mixes two different machines"
        )

    def _launch(self, launch: Launch, leaving: Bytes) -> Footprint:
        return self._footprint(_demand([launch], self.facts), leaving)

    def _footprint(self, taken: _Demand, leaving: Bytes) -> Footprint:
        request = RequestDemand(
            active_joules=taken.active_joules,
            service_s=taken.service_s,
            cold_start_joules=taken.cold_start_joules,
            cold_start_s=taken.cold_start_s,
            egress_bytes=leaving.egress,
            download_bytes=leaving.download,
        )
        result = footprint(request, self.production, idle_watts=self.facts.idle_watts)
        if result.effective_kwh <= 0:
            raise NoFootprint(
                "in a launch this machine drew less while it served than when idle, so energy per request is not above "
                "idle; measure on a quieter machine"
            )
        return result

    def _elasticity(self, taken: _Demand, leaving: Bytes) -> dict[str, float]:
        """Return the share of the machine's drift that reaches each metric: 1 for all of it, 0 for a fixed price."""
        here = self._footprint(taken, leaving)
        try:
            there = _log_ratios(here, self._footprint(taken.slower(math.exp(STEP)), leaving))
        except NoFootprint:  # a slower machine could not serve it
            there = _log_ratios(here, self._footprint(taken.slower(math.exp(-STEP)), leaving))
        return {name: min(1.0, abs(change) / STEP) for name, change in there.items()}


def _demand(launches: Sequence[Launch], facts: MeterFacts) -> _Demand:
    """Return the demand of one request; launches are weighted by requests, cold starts equally."""
    requests = sum(launch.requests for launch in launches)
    gross = math.fsum(launch.energy_joules for launch in launches)
    shares = [1.0 if one.active_share is None else one.active_share for one in facts.components]
    active = math.fsum(
        component.energy_joules * share
        for launch in launches
        for window in launch.windows
        for component, share in zip(window.reading.components, shares, strict=True)
    )
    rates = [launch.capacity_per_s for launch in launches if launch.capacity_per_s]
    paced = any(window.scheduled_ns is not None for launch in launches for window in launch.windows)
    return _Demand(
        gross_joules=gross / requests,
        share=active / gross,
        idle_watts=math.fsum(one.idle_watts or 0.0 for one in facts.components if one.active_share is None),
        wall_s=sum(window.wall_ns for launch in launches for window in launch.windows) * 1e-9 / requests,
        served_s=len(rates) / math.fsum(rates) if paced and rates else None,
        cold_start_joules=math.fsum(one.cold_start.energy_joules for one in launches if one.cold_start) / len(launches),
        cold_start_s=sum(launch.cold_start_ns for launch in launches) * 1e-9 / len(launches),
    )


def _halfway(base: _Demand, head: _Demand, *, energy: float, time: float) -> tuple[_Demand, _Demand]:
    """Return both sides moved around their common middle so that these are their log ratios."""
    apart_energy = math.log(head.gross_joules / base.gross_joules)
    apart_time = math.log(head.wall_s / base.wall_s)
    return (
        base.scaled(energy=math.exp((apart_energy - energy) / 2), time=math.exp((apart_time - time) / 2)),
        head.scaled(energy=math.exp((energy - apart_energy) / 2), time=math.exp((time - apart_time) / 2)),
    )


def _sampled(footprint: Footprint) -> dict[str, float]:
    """Return the metrics with their own intervals; the others are multiples of effective energy."""
    values = {
        "effective_energy_per_request": footprint.effective_kwh,
        "monthly_cost": footprint.monthly_cost,
        "sci": footprint.sci_g,
    }
    return {name: value for name, value in values.items() if value is not None}


def _log_ratios(base: Footprint, head: Footprint) -> dict[str, float]:
    """Return ln(head/base) of each; 0 where one is zero, such as the cost of free electricity."""
    before, after = _sampled(base), _sampled(head)
    return {
        name: math.log(after[name] / before[name]) if after[name] and before[name] else 0.0
        for name in before.keys() & after.keys()
    }
