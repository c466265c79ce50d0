"""What to know before trusting a plan: where pools were measured differently."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from energygate.policy import format_number, format_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.routing.measured_pools import MeasuredPool

_TENTH_OF_A_POINT = 0.001


def notes(pools: Sequence[MeasuredPool]) -> Iterator[str]:
    """Yield a sentence for each caveat that the numbers alone do not show."""
    yield from _copies(pools)
    yield from _methods(pools)
    yield from _answers(pools)
    yield from _sites(pools)
    for one in pools:
        yield from _machine(one)


def _copies(pools: Sequence[MeasuredPool]) -> Iterator[str]:
    for one, other in combinations(pools, 2):
        if one.same_measurement(other):
            yield (
                f"{one.name} and {other.name} are one measurement ({one.given.source}, {other.given.source}): they "
                "differ only in the given idle power or PUE"
            )


def _methods(pools: Sequence[MeasuredPool]) -> Iterator[str]:
    by_method = {
        method: [one.name for one in pools if one.found.method == method] for method in ("measured", "estimated")
    }
    if all(by_method.values()):
        yield (
            f"{_subject(by_method['estimated'], 'is', 'are')} estimated by a power model and "
            f"{_subject(by_method['measured'], 'is', 'are')} measured by counters: their errors may differ, which the "
            "intervals allow for"
        )
    elif by_method["estimated"]:
        yield "all pools are estimated by a power model, none is measured: confirm with a meter where it matters"
    if silent := [one.name for one in pools if not one.margins.known]:
        yield (
            f"{_subject(silent, 'has', 'have')} no intervals, because too few launches fitted into the time: no order "
            "is certain; measure for longer"
        )


def _answers(pools: Sequence[MeasuredPool]) -> Iterator[str]:
    known = [(one.name, one.accuracy) for one in pools if one.accuracy is not None]
    if known and max(a for _, a in known) - min(a for _, a in known) > _TENTH_OF_A_POINT:
        listed = ", ".join(f"{name} {format_quantity(accuracy, 'ratio')}" for name, accuracy in known)
        yield f"the pools answer differently: accuracy is {listed}"
    elif len(known) < len(pools):
        yield "whether the pools give the same answers is unknown: not every result has an accuracy"
    if len({one.found.kind for one in pools}) > 1:
        listed = ", ".join(f"{one.name} {one.found.kind}" for one in pools)
        yield f"requests are of different kinds ({listed}): make sure that each is the same work"
    for one, other in combinations(pools, 2):
        if one.provenance.unit != other.provenance.unit:
            yield f"{one.name} and {other.name} count different units: make sure that a request is the same work"
    for one in pools:
        share = one.found.metrics.get("success_rate")
        if share is not None and share.head < 1:
            yield f"only {format_quantity(share.head, 'ratio')} of the requests to {one.name} succeeded"


def _sites(pools: Sequence[MeasuredPool]) -> Iterator[str]:
    if len({one.pue for one in pools}) > 1:
        listed = ", ".join(f"{one.name} {format_number(one.pue)}" for one in pools)
        yield f"each pool has the PUE of its own site: {listed}"


def _machine(one: MeasuredPool) -> Iterator[str]:
    count, used = one.cpus
    if one.given.idle_watts is not None:
        yield f"the idle power of {one.name}, {format_quantity(one.idle_watts, 'W')}, is given and not measured"
    elif used < count:
        yield (
            f"{one.name} was measured on {used} of {count} CPUs, and a replica is charged with the whole machine's "
            f"idle power: measure it with threads: {count}, or give a replica's share with --idle-power"
        )


def _subject(names: Sequence[str], singular: str, plural: str) -> str:
    """Return names as the subject of a sentence, with its verb."""
    return f"{names[0]} {singular}" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} {plural}"
