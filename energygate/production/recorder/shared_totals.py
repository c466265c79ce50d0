"""The totals of a service that runs in several processes, shared in a directory.

Each process writes its totals to a file of its own, by renaming a finished one into place. Whoever needs the sums reads
all files. The totals of processes that have ended are added to a single file, so that sums never shrink and files do
not pile up. That file also keeps the names that were shown: which of too many workloads keep their own name must not
depend on the process that is asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import psutil

from energygate.production.recorder.forks import forks_blocked, locked
from energygate.production.recorder.process_totals import TotalsAdder, from_json, names, to_json, zeroed
from energygate.production.recorder.snapshot import ProcessTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from energygate.production.recorder.snapshot import Snapshot

ENDED = "ended.json"
LOCK = "lock"

MAX_FILES = 256
"""With more, a new process adds up those of ended ones: a service without scrapes may fork for each request."""

MAX_FILE_BYTES = 8_000_000
"""A process with hundreds of workloads, each with the longest name and the most units, needs less."""

_PROCESS_FILE = re.compile(r"([1-9][0-9]{0,8})-.+\.json")


class SharedTotals:
    """A directory of totals.

    Args:
        directory: Created if need be; its content is the service's alone. Sums continue from what it contains when
            the service starts; empty it to start at 0.
        known: Workloads that always keep their own name.
        note: Called once for a file there that is not the service's.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        known: Collection[str] = (),
        note: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._directory = Path(directory)
        self._known = known
        self._note = note
        self._pid = 0
        self._own = Path()

    def write(self, take: Callable[[], Snapshot]) -> Snapshot:
        """Write this process's totals, and return them.

        Args:
            take: Takes the process's snapshot, while no other thread can write another one.

        Raises:
            OSError: When they cannot be written.
        """
        with forks_blocked():
            snapshot = take()
            self._write(snapshot)
        return snapshot

    def total(self, take: Callable[[], Snapshot]) -> Snapshot:
        """Return the sums over all processes.

        Args:
            take: Takes this process's own snapshot. It is written first: what was shown once must not be lost with
                the process, or sums would shrink.

        Raises:
            OSError: When the directory cannot be used.
        """
        snapshot = self.write(take)
        adder = self._adder(snapshot)
        with locked(self._directory / LOCK):
            ended, living = self._collect_ended(snapshot)
            total = ended
            for file in living:
                other = self._read(file) if file != self._own else None
                total = total if other is None else adder.add(total, other)
            total = adder.add(total, snapshot)
            if names(total) != names(ended):
                _replace(self._directory / ENDED, adder.add(ended, zeroed(total)))
        return replace(
            snapshot,
            workloads=MappingProxyType(dict(total.workloads)),
            meter_errors=total.meter_errors,
            internal_errors=total.internal_errors,
            start_seconds=total.start_seconds,
        )

    def _write(self, snapshot: Snapshot) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        first = self._pid != os.getpid()  # the first write, or forked since
        if first:
            self._pid = os.getpid()
            self._own = self._directory / f"{self._pid}-{secrets.token_hex(8)}.json"
        _replace(self._own, snapshot)
        if first and len(os.listdir(self._directory)) > MAX_FILES:  # noqa: PTH208 - faster
            with contextlib.suppress(OSError), locked(self._directory / LOCK, timeout_s=0):
                self._collect_ended(snapshot)

    def _adder(self, snapshot: Snapshot) -> TotalsAdder:
        """Return an adder with this process's buckets."""
        bounds = next(iter(snapshot.workloads.values())).durations.bounds_seconds
        return TotalsAdder(self._known, bounds)

    def _collect_ended(self, snapshot: Snapshot) -> tuple[ProcessTotals, list[Path]]:
        """Add the totals of ended processes to the file for them. The lock must be held.

        Returns:
            The sums of all ended processes, and the files of living ones.
        """
        adder, ended = self._adder(snapshot), self._directory / ENDED
        nothing = ProcessTotals(workloads={}, meter_errors=0, start_seconds=snapshot.start_seconds)
        total = adder.add(nothing, self._read_ended() or nothing)
        added, living = [], []
        for file in sorted(self._directory.glob("*-*.json")):
            match = _PROCESS_FILE.fullmatch(file.name)
            if match is None:
                self._note_foreign(file, "its name")
            elif psutil.pid_exists(int(match[1])):
                living.append(file)
            elif (one := self._read(file)) is not None:
                total = adder.add(total, one)
                added.append(file)
        if added:
            _replace(ended, total)
        for file in added:
            file.unlink(missing_ok=True)
        return total, living

    def _read(self, file: Path) -> ProcessTotals | None:
        """Return the totals that a process wrote; `None` for a file that is gone or not the service's."""
        try:
            return from_json(_text(file))
        except FileNotFoundError:
            return None
        except ValueError as error:
            self._note_foreign(file, error)
            return None

    def _read_ended(self) -> ProcessTotals | None:
        """Return the totals of ended processes; `None` at first.

        Raises:
            OSError: When they cannot be read: without them, sums would start again at 0.
        """
        file = self._directory / ENDED
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size > MAX_FILE_BYTES:
                raise OSError(
                    f"{file} is larger than {MAX_FILE_BYTES} bytes. Empty the directory; counters then start at 0"
                )
        return self._read(file)

    def _note_foreign(self, file: Path, why: object) -> None:
        """Note the first file that is not the service's: there may be thousands."""
        note, self._note = self._note, None
        if note is not None:
            error = ValueError(f"{file.name[:100]!r}, by {why}")
            note("a file in multiprocess_dir is not the service's and not counted", error)


def _text(file: Path) -> str:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        raise ValueError("its kind or its size")
    return file.read_text("utf-8")


def _replace(file: Path, totals: ProcessTotals) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(to_json(totals), encoding="utf-8")
    unfinished.replace(file)
