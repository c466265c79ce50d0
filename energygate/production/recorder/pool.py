"""The totals of a service that runs in several processes, brought together in a directory.

Each process writes its totals to a file of its own, by renaming a finished one into place. Who wants the sums reads
all files. What a process had come to by its end is added to one file for all that have ended, so that sums never
shrink and files do not pile up.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psutil

from energygate.production.recorder.forks import locked, unforked
from energygate.production.recorder.snapshot import Durations, WorkloadTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from energygate.production.recorder.snapshot import Snapshot

ENDED = "ended.json"
MOST_FILES = 1024
MOST_BYTES = 1_000_000


class Pool:
    """A directory of totals.

    Args:
        directory: Made if need be; its content is the service's alone. Empty it, or not, when the service starts:
            sums begin at 0 then, or go on.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)
        self._pid = 0
        self._own = Path()

    def write(self, take: Callable[[], Snapshot]) -> Snapshot:
        """Write this process's totals, and return them.

        Args:
            take: Takes its snapshot, while nobody else here can write another one.

        Raises:
            OSError: When that cannot be done.
        """
        with unforked():
            snapshot = take()
            self._write(snapshot)
        return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        if self._pid != os.getpid():  # the first time, or forked since
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._pid = os.getpid()
            self._own = self._directory / f"{self._pid}-{secrets.token_hex(8)}.json"
        _replace(self._own, _as_json(snapshot))

    def together(self, take: Callable[[], Snapshot]) -> Snapshot:
        """The sums over all processes.

        Args:
            take: Takes this process's own snapshot. It is written first: what was shown once must not be lost with
                the process, or sums would shrink.

        Raises:
            OSError: When the directory cannot be used.
        """
        snapshot = self.write(take)
        with locked(self._directory / "lock"):
            self._gather_ended()
            found = [_read(file) for file in self._files() if file != self._own]
            found.append(_read(self._directory / ENDED))
        others = [one for one in found if one is not None]
        workloads = dict(snapshot.workloads)
        for other in others:
            workloads = _sum(workloads, _workloads(other))
        return replace(
            snapshot,
            workloads=MappingProxyType(workloads),
            meter_errors=snapshot.meter_errors + sum(int(other["meter_errors"]) for other in others),
            internal_errors=snapshot.internal_errors + sum(int(other["internal_errors"]) for other in others),
            start_seconds=min(snapshot.start_seconds, *(float(other["start_seconds"]) for other in others))
            if others
            else snapshot.start_seconds,
        )

    def _files(self) -> list[Path]:
        return sorted(
            itertools.islice(
                (file for file in self._directory.glob("*-*.json") if file.stem.split("-")[0].isdigit()),
                MOST_FILES,
            )
        )

    def _gather_ended(self) -> None:
        """Add what ended processes had come to, to the file of those that have ended. Under the lock."""
        gone = [file for file in self._files() if not psutil.pid_exists(int(file.stem.split("-")[0]))]
        if not gone:
            return
        ended = self._directory / ENDED
        total = _read(ended)
        for file in gone:
            one = _read(file)
            if one is not None:
                total = one if total is None else _added(total, one)
        if total is not None:
            _replace(ended, json.dumps(total))
        for file in gone:
            file.unlink(missing_ok=True)


def _replace(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def _as_json(snapshot: Snapshot) -> str:
    return json.dumps(
        {
            "meter_errors": snapshot.meter_errors,
            "internal_errors": snapshot.internal_errors,
            "start_seconds": snapshot.start_seconds,
            "workloads": {name: _plain(totals) for name, totals in snapshot.workloads.items()},
        }
    )


def _plain(totals: WorkloadTotals) -> dict[str, Any]:
    return {
        "ok": totals.requests_ok,
        "error": totals.requests_error,
        "energy_joules": totals.energy_joules,
        "idle_energy_joules": totals.idle_energy_joules,
        "response_bytes": totals.response_bytes,
        "bounds_seconds": totals.durations.bounds_seconds,
        "counts": totals.durations.counts,
        "sum_seconds": totals.durations.sum_seconds,
        "units": dict(totals.units),
    }


def _read(file: Path) -> dict[str, Any] | None:
    """What a process wrote; `None` for a file that is gone, or that is none of ours."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return None
        found = json.loads(file.read_text("utf-8"))
        _workloads(found)
        return {
            "meter_errors": int(found["meter_errors"]),
            "internal_errors": int(found["internal_errors"]),
            "start_seconds": float(found["start_seconds"]),
            "workloads": found["workloads"],
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _workloads(found: dict[str, Any]) -> dict[str, WorkloadTotals]:
    return {
        str(name): WorkloadTotals(
            requests_ok=int(plain["ok"]),
            requests_error=int(plain["error"]),
            energy_joules=float(plain["energy_joules"]),
            idle_energy_joules=float(plain["idle_energy_joules"]),
            response_bytes=int(plain["response_bytes"]),
            durations=Durations(
                bounds_seconds=tuple(float(bound) for bound in plain["bounds_seconds"]),
                counts=tuple(int(count) for count in plain["counts"]),
                sum_seconds=float(plain["sum_seconds"]),
            ),
            units={str(unit): float(count) for unit, count in plain["units"].items()},
        )
        for name, plain in found["workloads"].items()
    }


def _sum(
    workloads: Mapping[str, WorkloadTotals], others: Mapping[str, WorkloadTotals]
) -> dict[str, WorkloadTotals]:
    total = dict(workloads)
    for name, other in others.items():
        mine = total.get(name)
        total[name] = other if mine is None else mine.plus(other)
    return total


def _added(total: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    summed = _sum(_workloads(total), _workloads(one))
    return {
        "meter_errors": total["meter_errors"] + one["meter_errors"],
        "internal_errors": total["internal_errors"] + one["internal_errors"],
        "start_seconds": min(total["start_seconds"], one["start_seconds"]),
        "workloads": {name: _plain(totals) for name, totals in summed.items()},
    }
