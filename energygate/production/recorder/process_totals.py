"""Totals of several processes: their sums, within the bounds of a single process, and their form in files.

Files are written by other processes, perhaps of another release. Every number is checked, because an infinite one, or
text that cannot be encoded, would stay in the sums for ever.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from energygate.production.recorder.labels import add_units, bounded_name, label
from energygate.production.recorder.snapshot import Durations, ProcessTotals, WorkloadTotals

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_COUNT = 2**63 - 1
MAX_AMOUNT = 1e300
"""Larger numbers are written as these: a file with a larger one would be rejected as a whole."""


class TotalsAdder:
    """Adds up processes.

    Args:
        known: Workloads that always keep their own name.
        bounds_seconds: Bucket bounds of the sums. Other processes may have others, after a change of the policy.
    """

    def __init__(self, known: Collection[str], bounds_seconds: tuple[float, ...]) -> None:
        self._known = frozenset(known)
        self._bounds_seconds = bounds_seconds

    def add(self, total: ProcessTotals, one: ProcessTotals) -> ProcessTotals:
        """Return the sum; workloads and units of `one` that exceed the bounds are counted as `other`."""
        workloads = dict(total.workloads)
        for name, totals in one.workloads.items():
            key = bounded_name(name, workloads.keys(), self._known)
            mine = workloads.get(key) or replace(totals.minus(totals), units={})
            units = dict(mine.units)
            add_units(units, totals.units)
            summed = self._rebucketed(mine).plus(self._rebucketed(totals))
            workloads[key] = replace(summed, units=MappingProxyType(units))
        return ProcessTotals(
            workloads=workloads,
            meter_errors=total.meter_errors + one.meter_errors,
            internal_errors=total.internal_errors + one.internal_errors,
            start_seconds=min(total.start_seconds, one.start_seconds),
        )

    def _rebucketed(self, totals: WorkloadTotals) -> WorkloadTotals:
        """Return totals with the sums' buckets: each of their own goes into the one that contains its upper bound."""
        durations = totals.durations
        if durations.bounds_seconds == self._bounds_seconds:
            return totals
        counts = [0] * (len(self._bounds_seconds) + 1)
        for bound, count in zip((*durations.bounds_seconds, math.inf), durations.counts, strict=True):
            counts[bisect_left(self._bounds_seconds, bound)] += count
        durations = replace(durations, bounds_seconds=self._bounds_seconds, counts=tuple(counts))
        return replace(totals, durations=durations)


def names(totals: ProcessTotals) -> set[tuple[str, str]]:
    """Return all workloads, each with all of its units and with none."""
    return {(name, unit) for name, one in totals.workloads.items() for unit in ("", *one.units)}


def zeroed(totals: ProcessTotals) -> ProcessTotals:
    """Return the same names with nothing counted."""
    workloads = {name: one.minus(one) for name, one in totals.workloads.items()}
    return ProcessTotals(workloads=workloads, meter_errors=0, start_seconds=totals.start_seconds)


def to_json(totals: ProcessTotals) -> str:
    """Return the content of a file with totals."""
    return json.dumps(
        {
            "meter_errors": min(totals.meter_errors, MAX_COUNT),
            "internal_errors": min(totals.internal_errors, MAX_COUNT),
            "start_seconds": totals.start_seconds,
            "workloads": {name: _workload_to_plain(one) for name, one in totals.workloads.items()},
        },
        ensure_ascii=False,
    )


def from_json(text: str) -> ProcessTotals:
    """Parse the content of a file with totals.

    Raises:
        ValueError: When `to_json` did not write it.
    """
    try:
        found = json.loads(text)
        return ProcessTotals(
            workloads={_name(name): _workload(plain) for name, plain in found["workloads"].items()},
            meter_errors=_count(found["meter_errors"]),
            internal_errors=_count(found["internal_errors"]),
            start_seconds=_amount(found["start_seconds"]),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not written by a recorder: {error}") from error


def _workload_to_plain(totals: WorkloadTotals) -> dict[str, Any]:
    return {
        "ok": min(totals.requests_ok, MAX_COUNT),
        "error": min(totals.requests_error, MAX_COUNT),
        "energy_joules": min(totals.energy_joules, MAX_AMOUNT),
        "idle_energy_joules": min(totals.idle_energy_joules, MAX_AMOUNT),
        "response_bytes": min(totals.response_bytes, MAX_COUNT),
        "bounds_seconds": totals.durations.bounds_seconds,
        "counts": totals.durations.counts,
        "sum_seconds": min(totals.durations.sum_seconds, MAX_AMOUNT),
        "units": {unit: min(count, MAX_AMOUNT) for unit, count in totals.units.items()},
    }


def _workload(plain: dict[str, Any]) -> WorkloadTotals:
    bounds_seconds = tuple(_amount(bound) for bound in plain["bounds_seconds"])
    counts = tuple(_count(count) for count in plain["counts"])
    if len(counts) != len(bounds_seconds) + 1:
        raise ValueError(f"{len(counts)} buckets with {len(bounds_seconds)} bounds")
    return WorkloadTotals(
        requests_ok=_count(plain["ok"]),
        requests_error=_count(plain["error"]),
        energy_joules=_amount(plain["energy_joules"]),
        idle_energy_joules=_amount(plain["idle_energy_joules"]),
        response_bytes=_count(plain["response_bytes"]),
        durations=Durations(bounds_seconds=bounds_seconds, counts=counts, sum_seconds=_amount(plain["sum_seconds"])),
        units={_name(unit): _amount(count) for unit, count in plain["units"].items()},
    )


def _name(name: str) -> str:
    if label(name) != name:
        raise ValueError("an invalid name")
    return name


def _count(number: object) -> int:
    if isinstance(number, int) and 0 <= number <= MAX_COUNT:
        return number
    raise ValueError("an invalid count")


def _amount(number: object) -> float:
    if isinstance(number, (int, float)) and 0 <= number <= MAX_AMOUNT:
        return float(number)
    raise ValueError("an invalid amount")
