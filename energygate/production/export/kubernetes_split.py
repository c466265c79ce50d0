"""What `energygate route` found, by the names of variants: which serves first, which takes over, and from when on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.production.export.kubernetes_targets import variant_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.export.kubernetes_targets import Variant
    from energygate.production.routing.plan import Routing


@dataclass(frozen=True, kw_only=True)
class TakesOver:
    """From which rate on a variant takes over.

    Attributes:
        rate: Requests a second of the whole workload.
        note: Where that is from.
    """

    rate: float
    note: str


def lightest_first(variants: Sequence[Variant], routing: Routing | None) -> tuple[Variant, ...]:
    """The variants, the one that serves when there is little load first: by routing, or without a GPU."""
    lowest = None
    if routing is not None:
        lowest = next((variant_name(one.pool) for one in routing.bands if one.pool is not None), None)
    return tuple(sorted(variants, key=lambda one: (one.name != lowest, one.gpu, one.name)))


def takeover(routing: Routing, variant: str) -> TakesOver | None:
    """The lowest rate from which on a variant certainly, or else by the numbers, costs less than what serves below."""
    found = [one for one in routing.thresholds if variant_name(one.above) == variant]
    if not found:
        return None
    one = found[0]
    certain = one.high_per_s is not None
    return TakesOver(
        rate=one.high_per_s if one.high_per_s is not None else one.rate_per_s,
        note=f"requests a second; above, {one.above} {'certainly ' if certain else ''}costs less than {one.below}"
        f" (by the numbers from {one.rate_per_s:.4g} on)",
    )


def best_at(routing: Routing, rate_per_s: float, variants: Sequence[str]) -> tuple[str, str]:
    """The variant that costs least at a rate, and why; the first one where routing does not know the rate."""
    inside = [
        one for one in routing.bands if one.pool is not None and one.low_per_s <= rate_per_s <= one.high_per_s
    ]
    best = variant_name(inside[0].pool or "") if inside else ""
    if best not in variants:
        return variants[0], "routing was not worked out for so many, so that is what serves little load"
    doubtful = [
        one
        for one in routing.thresholds
        if (one.low_per_s or 0.0)
        < rate_per_s
        < (one.high_per_s if one.high_per_s is not None else float("inf"))
        and best in map(variant_name, one.between)
    ]
    return best, f"{best} costs least" + (
        ", though the measurements cannot tell for sure" if doubtful else ""
    )
