"""RAPL energy counters of packages and memory, from the kernel's powercap tree.

The interface is documented in Documentation/power/powercap/powercap.rst. Counters are in microjoules, wrap around at
`max_energy_range_uj`, and since 2020 only root can read them (CVE-2020-8694).
"""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

POWERCAP = Path("/sys/class/powercap")

READABLE_HINT = (
    "Make the counters readable: sudo chmod -R a+r /sys/class/powercap/*/energy_uj; "
    "a udev or tmpfiles rule keeps them readable after a reboot"
)

MAX_PACKAGE_WATTS = 1000.0
"""For processors without a stated maximum: twice the 500 W of the largest packages (Xeon 6980P, EPYC 9965)."""

MAX_DRAM_WATTS = 500.0
"""For memory without a stated maximum: twice 24 DDR5 modules of 10 W."""

BURST = 3.0
"""Maximum power as a multiple of the stated power (TDP): turbo limits are at most about twice that (Intel Core
i9-13900K: 125 W and 253 W)."""

TIMEOUT_NS = 500_000_000
"""A counter without an update for this long does not work: updates come about every millisecond."""

MIN_READS = 250
"""Reads in any case, since the machine may be paused for the whole timeout."""

UPDATES = 20

USUAL_RANGE_UJ = 2**32 * 15.3
"""Range of a counter that does not state it: 32 bits of 15.3 µJ (Intel SDM vol. 3B, 15.10.1)."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One counter.

    Attributes:
        name: The kernel's name: `package-0`, `dram`, or `psys` for the whole board.
        file: Its `energy_uj`.
        range_joules: Where it wraps around.
        max_watts: Upper bound of the power.
    """

    name: str
    file: Path
    range_joules: float
    max_watts: float

    @property
    def is_readable(self) -> bool:
        """Whether this user can read it, and it contains a number."""
        try:
            self.read()
        except MeasurementError:
            return False
        return True

    def read(self) -> float:
        """Return the counter, in joules.

        Raises:
            MeasurementError: When it cannot be read.
        """
        try:
            return int(self.file.read_text(encoding="ascii")) * 1e-6
        except (OSError, ValueError) as error:
            raise MeasurementError(
                f"the RAPL counter {self.name} cannot be read ({self.file}: {_reason(error)})",
                hint=READABLE_HINT,
            ) from None

    def difference(self, before: float, after: float, *, seconds: float) -> float:
        """Return the joules between two reads, across at most one wraparound.

        Args:
            before: The first read, in joules.
            after: The second.
            seconds: The time between them.

        Raises:
            MeasurementError: When the counter was reset, or may have wrapped around more than once.
        """
        if seconds * self.max_watts >= self.range_joules:
            raise MeasurementError(
                f"in a window of {seconds:.0f} s the RAPL counter {self.name}, which wraps around at "
                f"{self.range_joules:.0f} J, may have wrapped more than once",
                hint="Measure fewer or smaller requests at a time",
            )
        if after >= before:
            return after - before
        wrapped = after + self.range_joules - before
        if wrapped > seconds * self.max_watts:
            raise MeasurementError(
                f"the RAPL counter {self.name} ran backwards, from {before:.0f} J to {after:.0f} J, far from "
                f"{self.range_joules:.0f} J where it wraps around: it was reset"
            )
        return wrapped


def find_domains(root: Path | None = None) -> tuple[Domain, ...]:
    """Return this machine's counters of packages, memory and board, readable or not."""
    root = root or POWERCAP
    domains: dict[str, Domain] = {}  # by file: the tree has several links to each
    for file in sorted([*root.glob("intel-rapl*:*/energy_uj"), *root.glob("intel-rapl*/intel-rapl*:*/energy_uj")]):
        name = _text(file.with_name("name")) or ""
        if not name.startswith(("package", "psys", "dram")):
            continue
        default_watts = MAX_DRAM_WATTS if name.startswith("dram") else MAX_PACKAGE_WATTS
        domains.setdefault(
            str(file.resolve()),
            Domain(
                name=name,
                file=file,
                range_joules=(_number(file.with_name("max_energy_range_uj")) or USUAL_RANGE_UJ) * 1e-6,
                max_watts=_max_watts(file.parent) or default_watts,
            ),
        )
    return tuple(domains.values())


def memory_of(domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Return the memory counters, without duplicates; none where one of them cannot be read.

    Some processors expose the same counter through memory-mapped registers, too.
    """
    memory = [domain for domain in domains if domain.name.startswith("dram")]
    own = [domain for domain in memory if "intel-rapl-mmio" not in str(domain.file)] or memory
    return tuple(own) if all(domain.is_readable for domain in own) else ()


def unreadable(domains: Iterable[Domain]) -> tuple[str, ...]:
    """Return the names of the packages of which no counter can be read."""
    packages = [domain for domain in domains if domain.name.startswith("package")]
    readable = {domain.name for domain in packages if domain.is_readable}
    return tuple(dict.fromkeys(domain.name for domain in packages if domain.name not in readable))


def advice(root: Path | None = None) -> str | None:
    """Return how to make the counters readable; `None` when they are, or there are none."""
    if not unreadable(find_domains(root)):
        return None
    return f"this machine has RAPL counters that this user cannot read. {READABLE_HINT}"


def update_period_ns(read: Callable[[], float], *, clock: Callable[[], int] = time.perf_counter_ns) -> int | None:
    """Return the median time between a counter's updates; `None` when there are none."""
    updates: list[int] = []
    last, deadline_ns = read(), clock() + TIMEOUT_NS
    reads = 0
    while len(updates) <= UPDATES and ((now_ns := clock()) < deadline_ns or reads < MIN_READS):
        value = read()
        reads += 1
        if value != last:
            last = value
            updates.append(now_ns)
    if len(updates) < 2:  # noqa: PLR2004 - a period takes two
        return None
    return round(statistics.median(after - before for before, after in itertools.pairwise(updates)))


def _max_watts(directory: Path) -> float | None:
    stated = [_number(file) for file in directory.glob("constraint_*_max_power_uw")]
    largest = max((one for one in stated if one), default=0.0)
    return BURST * largest * 1e-6 or None


def _number(file: Path) -> float | None:
    text = _text(file)
    return float(text) if text is not None and text.isdigit() else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not a number"
