"""From launches to what their requests come to at production's traffic, launch by launch."""

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
"""How much slower, in ln, a machine is thought to be when asking what that does to a footprint."""


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """What leaves the site: of one request, and of one download of the model; `None` when unknown."""

    egress: float | None = None
    download: float | None = None


NO_BYTES = Bytes()


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What one request took in the windows of some launches.

    Attributes:
        gross_joules: All IT energy.
        share: Share of it that is not known to be idle power.
        rest_watts: Idle power that counts by the second.
        wall_s: Time of the windows.
        served_s: Time that it keeps a replica busy where that is not the time of the windows; `None` where it is.
        cold_start_joules: IT energy of a start.
        cold_start_s: Time of a start.
    """

    gross_joules: float
    share: float
    rest_watts: float
    wall_s: float
    served_s: float | None
    cold_start_joules: float
    cold_start_s: float

    @property
    def service_s(self) -> float:
        return self.wall_s if self.served_s is None else self.served_s

    @property
    def active_joules(self) -> float:
        """The same as `active_joules` of the readings, per request."""
        return self.gross_joules * self.share - self.rest_watts * self.wall_s

    def scaled(self, *, energy: float, time: float) -> _Taken:
        """As it were with so many times the energy, and so many times the time, in the windows."""
        return replace(self, gross_joules=self.gross_joules * energy, wall_s=self.wall_s * time)

    def slower(self, factor: float) -> _Taken:
        """As it were on a machine that takes so many times the energy and time for everything."""
        return replace(
            self.scaled(energy=factor, time=factor),
            served_s=None if self.served_s is None else self.served_s * factor,
            cold_start_joules=self.cold_start_joules * factor,
            cold_start_s=self.cold_start_s * factor,
        )


@dataclass(frozen=True, kw_only=True)
class Site:
    """What footprints are worked out with: production, and what the meter knows of the machine at rest."""

    production: Production
    facts: MeterFacts

    def footprint(self, launches: Sequence[Launch], leaving: Bytes) -> Footprint:
        """What requests come to, by all launches of one side together.

        Raises:
            NoFootprint: When there is no such number; a sentence says why.
        """
        taken = _taken(launches, self.facts)
        watts = taken.gross_joules / taken.wall_s
        if taken.active_joules <= 0:
            raise NoFootprint(
                f"this machine draws no more while it serves, {format_quantity(watts, 'W')}, than its "
                f"{format_quantity(self.facts.idle_watts or 0.0, 'W')} at rest, so what requests take is lost in it; "
                "measure on a quieter machine"
            )
        return self._footprint(taken, leaving)

    def series(self, launches: Sequence[Launch], leaving: Bytes) -> dict[str, Series]:
        """Effective energy, monthly cost and SCI of one side's launches, at the facility.

        Raises:
            NoFootprint: When there are no such numbers; a sentence says why.
        """
        overall = _sampled(self.footprint(launches, leaving))
        per_launch = [_sampled(self._launch(launch, leaving)) for launch in launches]
        elasticity = self._elasticity(_taken(launches, self.facts), leaving)
        return {
            name: Series(
                per_launch=tuple(one[name] for one in per_launch),
                overall=value,
                elasticity=elasticity[name],
            )
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
        """How the same three changed, launch by launch.

        Energy and time of requests differ between the sides as blocks say that took turns; the rest is one number per
        side and launch.

        Args:
            launches: The launches of both sides.
            measured: How energy per request and throughput changed in them.
            base: What leaves the site at base.
            head: The same at head.

        Raises:
            NoFootprint: When there are no such numbers; a sentence says why.
        """
        energy, throughput = measured["energy_per_request"], measured["throughput"]
        ratios: dict[str, list[LogRatio]] = {}
        for i, pair in enumerate(launches.pairs):
            before, after = (_taken([one], self.facts) for one in pair)
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

    def doubtful_rest(self, launches: Sequence[Launch]) -> str | None:
        """Say that a replica at rest would draw more than the machine that measures does while it serves."""
        rest_watts, own_watts = self.production.idle_watts, self.facts.idle_watts
        if rest_watts is None or own_watts is None:
            return None
        taken = _taken(launches, self.facts)
        serving_watts = own_watts + taken.active_joules / taken.service_s
        if rest_watts <= serving_watts:
            return None
        return (
            f"site.replica.idle_power is {format_quantity(rest_watts, 'W')}, above the "
            f"{format_quantity(serving_watts, 'W')} that this machine draws while it serves: "
            "effective energy mixes two unlike machines"
        )

    def _launch(self, launch: Launch, leaving: Bytes) -> Footprint:
        return self._footprint(_taken([launch], self.facts), leaving)

    def _footprint(self, taken: _Taken, leaving: Bytes) -> Footprint:
        request = RequestDemand(
            active_joules=taken.active_joules,
            service_s=taken.service_s,
            cold_start_joules=taken.cold_start_joules,
            cold_start_s=taken.cold_start_s,
            egress_bytes=leaving.egress,
            download_bytes=leaving.download,
        )
        found = footprint(request, self.production, idle_watts=self.facts.idle_watts)
        if found.effective_kwh <= 0:
            raise NoFootprint(
                "in a launch this machine drew less while it served than at rest, so what requests take is lost in it; "
                "measure on a quieter machine"
            )
        return found

    def _elasticity(self, taken: _Taken, leaving: Bytes) -> dict[str, float]:
        """How much of the machine's own wander reaches each number: 1 for all of it, 0 for a fixed price."""
        here = self._footprint(taken, leaving)
        try:
            there = _log_ratios(here, self._footprint(taken.slower(math.exp(STEP)), leaving))
        except NoFootprint:  # a slower machine could not serve it
            there = _log_ratios(here, self._footprint(taken.slower(math.exp(-STEP)), leaving))
        return {name: min(1.0, abs(change) / STEP) for name, change in there.items()}


def _taken(launches: Sequence[Launch], facts: MeterFacts) -> _Taken:
    """What one request took; launches count by their requests, starts alike."""
    requests = sum(launch.requests for launch in launches)
    gross = math.fsum(launch.energy_joules for launch in launches)
    shares = [1.0 if one.active_share is None else one.active_share for one in facts.components]
    caused = math.fsum(
        component.energy_joules * share
        for launch in launches
        for window in launch.windows
        for component, share in zip(window.reading.components, shares, strict=True)
    )
    rates = [launch.capacity_per_s for launch in launches if launch.capacity_per_s]
    paced = any(window.scheduled_ns is not None for launch in launches for window in launch.windows)
    return _Taken(
        gross_joules=gross / requests,
        share=caused / gross,
        rest_watts=math.fsum(one.idle_watts or 0.0 for one in facts.components if one.active_share is None),
        wall_s=sum(window.wall_ns for launch in launches for window in launch.windows) * 1e-9 / requests,
        served_s=len(rates) / math.fsum(rates) if paced and rates else None,
        cold_start_joules=math.fsum(one.cold_start.energy_joules for one in launches) / len(launches),
        cold_start_s=sum(launch.cold_start_ns for launch in launches) * 1e-9 / len(launches),
    )


def _halfway(base: _Taken, head: _Taken, *, energy: float, time: float) -> tuple[_Taken, _Taken]:
    """Both sides around their common middle, apart by these log ratios: what typical requests say."""
    apart_energy = math.log(head.gross_joules / base.gross_joules)
    apart_time = math.log(head.wall_s / base.wall_s)
    return (
        base.scaled(energy=math.exp((apart_energy - energy) / 2), time=math.exp((apart_time - time) / 2)),
        head.scaled(energy=math.exp((energy - apart_energy) / 2), time=math.exp((time - apart_time) / 2)),
    )


def _sampled(found: Footprint) -> dict[str, float]:
    """What has intervals of its own; all else is a multiple of effective energy."""
    values = {
        "effective_energy_per_request": found.effective_kwh,
        "monthly_cost": found.monthly_cost,
        "sci": found.sci_g,
    }
    return {name: value for name, value in values.items() if value is not None}


def _log_ratios(base: Footprint, head: Footprint) -> dict[str, float]:
    """ln(head/base) of each; 0 where both are nothing, such as the cost of free electricity."""
    before, after = _sampled(base), _sampled(head)
    return {
        name: math.log(after[name] / before[name]) if after[name] and before[name] else 0.0
        for name in before.keys() & after.keys()
    }
