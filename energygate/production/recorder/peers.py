"""The recorders of one machine, which know of each other, so that what the machine draws is counted once.

Each keeps a slot of a small table in a file that all of them map into memory: who it is, when it looked last, and its
CPU time and time in flight so far. Nobody waits for anybody; who has not looked for a while is taken to be gone.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from energygate.production.recorder.forks import locked

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 256
_SLOT = struct.Struct("<8q")
PATIENCE = 4
MIN_PEER_TIMEOUT_NS = 5_000_000_000
"""A recorder is gone when it has not looked for four of its intervals, and for at least five seconds."""


@dataclass(frozen=True, kw_only=True)
class OwnUsage:
    """What a recorder tells the others.

    Attributes:
        cpu_ns: CPU time of its process so far.
        in_flight_ns: Its time with a request in flight so far.
        begun: Requests that it has seen begin so far.
    """

    cpu_ns: int
    in_flight_ns: int
    begun: int


@dataclass(frozen=True, kw_only=True)
class MachineUsage:
    """All recorders of the machine, since this one's last look.

    Attributes:
        share: This one's share of what belongs to all alike; 0 for a process that only starts others which serve.
        cpu_ns: CPU time of all of them.
        in_flight_ns: Time with a request in flight, of all of them, added up.
        pids: Processes of the others.
    """

    share: float
    cpu_ns: int
    in_flight_ns: int
    pids: frozenset[int] = frozenset()


class Peers(Protocol):
    """Whom this recorder shares the machine with."""

    def meet(self, look: OwnUsage) -> MachineUsage:
        """Tell the others what has come to be here, and learn the same of them."""

    def leave(self) -> None:
        """Be gone, at once."""


class NoPeers:
    """For a machine with a single recorder, or without a place where several could meet."""

    def __init__(self) -> None:
        self._last = OwnUsage(cpu_ns=0, in_flight_ns=0, begun=0)

    def meet(self, look: OwnUsage) -> MachineUsage:
        """There is nobody else."""
        last, self._last = self._last, look
        return MachineUsage(
            share=1.0,
            cpu_ns=max(0, look.cpu_ns - last.cpu_ns),
            in_flight_ns=max(0, look.in_flight_ns - last.in_flight_ns),
        )

    def leave(self) -> None:
        """There is nobody to tell."""


@dataclass(frozen=True, kw_only=True)
class _Slot:
    pid: int
    born_ns: int
    seen_ns: int
    interval_ns: int
    parent: int
    cpu_ns: int
    in_flight_ns: int
    begun: int

    def is_live(self, now_ns: int) -> bool:
        patience_ns = max(MIN_PEER_TIMEOUT_NS, PATIENCE * self.interval_ns)
        return self.pid > 0 and 0 <= now_ns - self.seen_ns <= patience_ns


class PeerTable:
    """The table of this machine, or of this container: of all that have the same directory for temporary files.

    Args:
        interval_ns: How often this recorder looks.
        file: The table; `None` for the one of this user.
        pid: This process.
        parent: The process that started it.
        clock: A clock in ns that all processes share.

    Raises:
        OSError: When there can be no table, or it is full.
    """

    def __init__(
        self,
        *,
        interval_ns: int,
        file: Path | None = None,
        pid: int | None = None,
        parent: int | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._file = file or usual_file()
        self._interval_ns = interval_ns
        self._pid = os.getpid() if pid is None else pid
        self._parent = os.getppid() if parent is None else parent
        self._clock = clock
        self._born_ns = clock()
        self._before: dict[tuple[int, int], _Slot] = {}
        self._map = _mapped(self._file)
        try:
            self._place = self._claim()
        except BaseException:
            self._map.close()
            raise

    def meet(self, look: OwnUsage) -> MachineUsage:
        """Write the own slot, read all others."""
        now_ns = self._clock()
        own = self._own(look, now_ns)
        if self._read(self._place).pid != self._pid or self._read(self._place).born_ns != self._born_ns:
            self._place = self._claim()  # it was long away, and somebody has moved in
        self._write(self._place, own)
        slots = [slot for slot in map(self._read, range(SLOTS)) if slot.is_live(now_ns)]
        others = [slot for slot in slots if (slot.pid, slot.born_ns) != (self._pid, self._born_ns)]
        live = [own, *others]
        cpu_ns = sum(self._moved(slot, "cpu_ns") for slot in live)
        in_flight_ns = sum(self._moved(slot, "in_flight_ns") for slot in live)
        self._before = {(slot.pid, slot.born_ns): slot for slot in live}
        parents = {slot.parent for slot in live}
        sharing = [slot for slot in live if slot.begun or slot.pid not in parents]
        return MachineUsage(
            share=1 / len(sharing) if own in sharing else 0.0,
            cpu_ns=cpu_ns,
            in_flight_ns=in_flight_ns,
            pids=frozenset(slot.pid for slot in others),
        )

    def leave(self) -> None:
        """Free the slot."""
        if self._map.closed:
            return
        own = self._read(self._place)
        if (own.pid, own.born_ns) == (self._pid, self._born_ns):
            self._map[self._place * _SLOT.size : (self._place + 1) * _SLOT.size] = bytes(_SLOT.size)
        self._map.close()

    def _moved(self, slot: _Slot, name: str) -> int:
        """By how much a number grew since the last look; one that is seen for the first time has not moved yet."""
        before = self._before.get((slot.pid, slot.born_ns))
        return 0 if before is None else max(0, int(getattr(slot, name)) - int(getattr(before, name)))

    def _own(self, look: OwnUsage, now_ns: int) -> _Slot:
        return _Slot(
            pid=self._pid,
            born_ns=self._born_ns,
            seen_ns=now_ns,
            interval_ns=self._interval_ns,
            parent=self._parent,
            cpu_ns=look.cpu_ns,
            in_flight_ns=look.in_flight_ns,
            begun=look.begun,
        )

    def _claim(self) -> int:
        """Take a free slot. Two must not take the same one, so this is done under a lock."""
        with locked(self._file):
            now_ns = self._clock()
            for place in range(SLOTS):
                if not self._read(place).is_live(now_ns):
                    self._write(place, self._own(OwnUsage(cpu_ns=0, in_flight_ns=0, begun=0), now_ns))
                    return place
        raise OSError(f"{self._file} has no free place among {SLOTS}")

    def _read(self, place: int) -> _Slot:
        pid, born_ns, seen_ns, interval_ns, parent, cpu_ns, in_flight_ns, begun = _SLOT.unpack_from(
            self._map, place * _SLOT.size
        )
        return _Slot(
            pid=pid,
            born_ns=born_ns,
            seen_ns=seen_ns,
            interval_ns=interval_ns,
            parent=parent,
            cpu_ns=cpu_ns,
            in_flight_ns=in_flight_ns,
            begun=begun,
        )

    def _write(self, place: int, slot: _Slot) -> None:
        _SLOT.pack_into(
            self._map,
            place * _SLOT.size,
            slot.pid,
            slot.born_ns,
            slot.seen_ns,
            slot.interval_ns,
            slot.parent,
            slot.cpu_ns,
            slot.in_flight_ns,
            slot.begun,
        )


def usual_file() -> Path:
    """Where the recorders of one user meet."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # Windows: the directory is the user's own
    return Path(tempfile.gettempdir()) / f"energygate-recorders-{user}"


def _mapped(file: Path) -> mmap.mmap:
    """Open the table, made if need be. Others can write to the directory: what is not our own file is refused."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(file, flags, 0o600)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
            raise OSError(f"{file} is somebody else's")
        if status.st_size < SLOTS * _SLOT.size:
            os.ftruncate(handle, SLOTS * _SLOT.size)
        return mmap.mmap(handle, SLOTS * _SLOT.size)
    finally:
        os.close(handle)
