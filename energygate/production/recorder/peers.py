"""The recorders of one machine, which know of each other, so that the machine's energy is counted once.

Each keeps a slot of a small table in a memory-mapped file: who it is, when it last updated the slot, and its CPU time
and time in flight so far. Nobody waits for anybody; a recorder that has not updated its slot for a while is gone.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.production.recorder.forks import locked

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 256
_SLOT = struct.Struct("<8q")
MAX_MISSED_INTERVALS = 4
MIN_PEER_TIMEOUT_NS = 5_000_000_000
"""A recorder is gone when it has missed four of its intervals, and at least five seconds have passed."""


@dataclass(frozen=True, kw_only=True)
class OwnUsage:
    """What a recorder tells its peers.

    Attributes:
        cpu_ns: CPU time of its process so far.
        in_flight_ns: Its time with a request in flight so far.
        begun: Requests that have begun so far.
    """

    cpu_ns: int
    in_flight_ns: int
    begun: int


NO_USAGE = OwnUsage(cpu_ns=0, in_flight_ns=0, begun=0)


@dataclass(frozen=True, kw_only=True)
class MachineUsage:
    """Usage of all recorders of the machine since this one's last exchange.

    Attributes:
        share: This recorder's share of what belongs to all equally; 0 for a process that only starts others which
            serve.
        cpu_ns: CPU time of all of them.
        in_flight_ns: Time with a request in flight, of all of them, added up.
        pids: Processes of the peers.
    """

    share: float
    cpu_ns: int
    in_flight_ns: int
    pids: frozenset[int] = frozenset()


class NoPeers:
    """A machine with a single recorder, or without a place for a table."""

    def __init__(self) -> None:
        self._last = NO_USAGE

    def exchange(self, usage: OwnUsage) -> MachineUsage:
        """Return this recorder's usage since the last exchange."""
        last, self._last = self._last, usage
        return MachineUsage(
            share=1.0,
            cpu_ns=max(0, usage.cpu_ns - last.cpu_ns),
            in_flight_ns=max(0, usage.in_flight_ns - last.in_flight_ns),
        )

    def leave(self) -> None:
        """Do nothing: there is nobody to tell."""


@dataclass(frozen=True)
class _Slot:
    pid: int
    born_ns: int
    seen_ns: int
    interval_ns: int
    parent: int
    cpu_ns: int
    in_flight_ns: int
    begun: int

    @property
    def owner(self) -> tuple[int, int]:
        return self.pid, self.born_ns

    def is_live(self, now_ns: int) -> bool:
        timeout_ns = max(MIN_PEER_TIMEOUT_NS, MAX_MISSED_INTERVALS * self.interval_ns)
        return self.pid > 0 and 0 <= now_ns - self.seen_ns <= timeout_ns


class PeerTable:
    """The table of this machine, or of this container: of all that have the same directory for temporary files.

    Args:
        interval_ns: How often this recorder updates its slot.
        file: The table; `None` for that of this user.
        pid: This process.
        parent: The process that started it.
        clock: A clock in ns that all processes share.

    Raises:
        OSError: When the table cannot be opened, or is full.
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
        self._file = file or default_file()
        self._interval_ns = interval_ns
        self._parent = os.getppid() if parent is None else parent
        self._clock = clock
        self._owner = (os.getpid() if pid is None else pid, clock())
        self._before: dict[tuple[int, int], _Slot] = {}
        self._map = _mapped(self._file)
        try:
            self._place = self._claim()
        except BaseException:
            self._map.close()
            raise

    def exchange(self, usage: OwnUsage) -> MachineUsage:
        """Tell the peers this recorder's usage, and return that of all."""
        now_ns = self._clock()
        own = self._own(usage, now_ns)
        if self._read(self._place).owner != self._owner:
            self._place = self._claim()  # it was silent for long, and another recorder has taken its slot
        self._write(self._place, own)
        slots = [slot for slot in map(self._read, range(SLOTS)) if slot.is_live(now_ns)]
        others = [slot for slot in slots if slot.owner != self._owner]
        live = [own, *others]
        cpu_ns = sum(self._growth(slot, "cpu_ns") for slot in live)
        in_flight_ns = sum(self._growth(slot, "in_flight_ns") for slot in live)
        self._before = {slot.owner: slot for slot in live}
        parents = {slot.parent for slot in live}
        sharing = [slot for slot in live if slot.begun or slot.pid not in parents]
        return MachineUsage(
            share=1 / len(sharing) if own in sharing else 0.0,
            cpu_ns=cpu_ns,
            in_flight_ns=in_flight_ns,
            pids=frozenset(slot.pid for slot in others),
        )

    def leave(self) -> None:
        """Tell the peers that this recorder is gone."""
        if self._map.closed:
            return
        if self._read(self._place).owner == self._owner:
            self._map[self._place * _SLOT.size : (self._place + 1) * _SLOT.size] = bytes(_SLOT.size)
        self._map.close()

    def _growth(self, slot: _Slot, name: str) -> int:
        """Return by how much a number grew since the last exchange: 0 for a slot that is new."""
        before = self._before.get(slot.owner)
        return 0 if before is None else max(0, int(getattr(slot, name)) - int(getattr(before, name)))

    def _own(self, usage: OwnUsage, now_ns: int) -> _Slot:
        return _Slot(
            *self._owner,
            now_ns,
            self._interval_ns,
            self._parent,
            usage.cpu_ns,
            usage.in_flight_ns,
            usage.begun,
        )

    def _claim(self) -> int:
        """Take a free slot, under a lock so that no two processes take the same one."""
        with locked(self._file):
            now_ns = self._clock()
            for place in range(SLOTS):
                if not self._read(place).is_live(now_ns):
                    self._write(place, self._own(NO_USAGE, now_ns))
                    return place
        raise OSError(f"{self._file} has no free slot among {SLOTS}")

    def _read(self, place: int) -> _Slot:
        return _Slot(*_SLOT.unpack_from(self._map, place * _SLOT.size))

    def _write(self, place: int, slot: _Slot) -> None:
        _SLOT.pack_into(self._map, place * _SLOT.size, *astuple(slot))


def default_file() -> Path:
    """Return the file in which the recorders of one user find each other."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # Windows: the directory is the user's own
    return Path(tempfile.gettempdir()) / f"energygate-recorders-{user}"


def _mapped(file: Path) -> mmap.mmap:
    """Open the table; create it if need be. Others can write to the directory, so a foreign file is refused."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(file, flags, 0o600)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
            raise OSError(f"{file} is not a file of this user")
        if status.st_size < SLOTS * _SLOT.size:
            os.ftruncate(handle, SLOTS * _SLOT.size)
        return mmap.mmap(handle, SLOTS * _SLOT.size)
    finally:
        os.close(handle)
