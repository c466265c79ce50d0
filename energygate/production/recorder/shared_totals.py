"""The totals of a service that runs in several processes, brought together in a directory.

Each process writes its totals to a file of its own, by renaming a finished one into place. Who wants the sums reads
all files. What a process had come to by its end is added to one file for all that have ended, so that sums never
shrink and files do not pile up. That file also keeps the names that were shown: which of too many workloads have a
place of their own must not depend on who is asked.
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

from energygate.production.recorder.forks import locked, unforked
from energygate.production.recorder.process_totals import ProcessTotals, TotalsAdder, pooled, read, written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from energygate.production.recorder.snapshot import Snapshot

ENDED = "ended.json"
LOCK = "lock"

MAX_FILES = 256
"""With more, a new process adds up those of ended ones: a service that nobody asks may fork for each request."""

MAX_FILE_BYTES = 8_000_000
"""Of a file. A process with hundreds of workloads, each with a name as long and as many units as can be, has fewer."""

_OWN_NAME = re.compile(r"([1-9][0-9]{0,8})-.+\.json")


class SharedTotals:
    """A directory of totals.

    Args:
        directory: Made if need be; its content is the service's alone. Empty it, or not, when the service starts:
            sums begin at 0 then, or go on.
        known: Workloads that have their own place, however many others there are.
        note: Told about what lies there and is none of the service's, once.
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
            take: Takes its snapshot, while nobody else here can write another one.

        Raises:
            OSError: When that cannot be done.
        """
        with unforked():
            snapshot = take()
            self._write(snapshot)
        return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        first = self._pid != os.getpid()  # the first time, or forked since
        if first:
            self._pid = os.getpid()
            self._own = self._directory / f"{self._pid}-{secrets.token_hex(8)}.json"
        _replace(self._own, pooled(snapshot))
        if first and len(os.listdir(self._directory)) > MAX_FILES:  # noqa: PTH208 - in a hurry
            with contextlib.suppress(OSError), locked(self._directory / LOCK, patience_s=0):
                self._gather_ended(snapshot)

    def together(self, take: Callable[[], Snapshot]) -> Snapshot:
        """The sums over all processes.

        Args:
            take: Takes this process's own snapshot. It is written first: what was shown once must not be lost with
                the process, or sums would shrink.

        Raises:
            OSError: When the directory cannot be used.
        """
        snapshot = self.write(take)
        adding = self._adding(snapshot)
        with locked(self._directory / LOCK):
            ended, living = self._gather_ended(snapshot)
            total = ended
            for file in living:
                other = self._read(file) if file != self._own else None
                total = total if other is None else adding.add(total, other)
            total = adding.add(total, pooled(snapshot))
            if total.names != ended.names:
                _replace(self._directory / ENDED, adding.add(ended, total.named()))
        return replace(
            snapshot,
            workloads=MappingProxyType(dict(total.workloads)),
            meter_errors=total.meter_errors,
            internal_errors=total.internal_errors,
            start_seconds=total.start_seconds,
        )

    def _adding(self, snapshot: Snapshot) -> TotalsAdder:
        """Adds to buckets as this process has them."""
        bounds = next(iter(snapshot.workloads.values())).durations.bounds_seconds
        return TotalsAdder(self._known, bounds)

    def _gather_ended(self, snapshot: Snapshot) -> tuple[ProcessTotals, list[Path]]:
        """Add what ended processes had come to, to the file of those that have ended. Under the lock.

        Returns:
            What those come to, and the files of the processes that live.
        """
        adding, ended = self._adding(snapshot), self._directory / ENDED
        nothing = replace(pooled(snapshot), workloads={}, meter_errors=0, internal_errors=0)
        total = adding.add(nothing, self._read_ended() or nothing)
        added, living = [], []
        for file in sorted(self._directory.glob("*-*.json")):
            ours = _OWN_NAME.fullmatch(file.name)
            if ours is None:
                self._odd(file, "its name")
            elif psutil.pid_exists(int(ours[1])):
                living.append(file)
            elif (one := self._read(file)) is not None:
                total = adding.add(total, one)
                added.append(file)
        if added:
            _replace(ended, total)
        for file in added:
            file.unlink(missing_ok=True)
        return total, living

    def _read(self, file: Path) -> ProcessTotals | None:
        """What a process wrote; `None` for a file that is gone, or that is none of ours."""
        try:
            return read(_text(file))
        except FileNotFoundError:
            return None
        except ValueError as error:
            self._odd(file, error)
            return None

    def _read_ended(self) -> ProcessTotals | None:
        """What ended processes had come to; `None` at first.

        Raises:
            OSError: When it cannot be read: without it, sums would begin anew.
        """
        file = self._directory / ENDED
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size > MAX_FILE_BYTES:
                raise OSError(
                    f"{file} is larger than {MAX_FILE_BYTES} bytes. Empty the directory, and counters begin anew"
                )
        return self._read(file)

    def _odd(self, file: Path, why: object) -> None:
        """Say it once, of the first one alone: there may be thousands."""
        note, self._note = self._note, None
        if note is not None:
            error = ValueError(f"{file.name[:100]!r}, by {why}")
            note("a file in multiprocess_dir is none of the service's and not counted", error)


def _text(file: Path) -> str:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        raise ValueError("its kind or its size")
    return file.read_text("utf-8")


def _replace(file: Path, totals: ProcessTotals) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(written(totals), encoding="utf-8")
    unfinished.replace(file)
