"""What the powercap tree offers: energy counters of packages and memory (RAPL), and how they move.

The kernel describes the interface in Documentation/power/powercap/powercap.rst. Counters are in microjoules, begin
anew at `max_energy_range_uj`, and are readable by root alone since 2020 (CVE-2020-8694).
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
    "To measure here, let everyone read the counters: sudo chmod -R a+r /sys/class/powercap/*/energy_uj; "
    "a udev or tmpfiles rule keeps it so after a reboot"
)

MAX_PACKAGE_WATTS = 1000.0
"""Where the processor does not say: twice the 500 W of the largest packages sold (Intel Xeon 6980P, AMD EPYC 9965)."""

MAX_DRAM_WATTS = 500.0
"""Where it does not say: twice 24 DDR5 modules of 10 W."""

BURST = 3.0
"""How far above the power that the processor states, its TDP, it may go: turbo limits are at most about twice that
(Intel Core i9-13900K: 125 W and 253 W)."""

LOOK_NS = 500_000_000
"""A counter that does not move for so long does not move: they are updated about every millisecond."""

MIN_READS = 250
"""So often it is looked in any case: everything may be paused for as long as the time for looking lasts."""

MOVES = 20

USUAL_RANGE_UJ = 2**32 * 15.3
"""Where a counter that does not say begins anew: 32 bits of 15.3 µJ (Intel SDM vol. 3B, 15.10.1)."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One counter.

    Attributes:
        name: The kernel's name of it: `package-0`, `dram`, or `psys` for the board as a whole.
        file: Its `energy_uj`.
        range_joules: Where it begins anew.
        max_watts: More than it can measure in truth.
    """

    name: str
    file: Path
    range_joules: float
    max_watts: float

    @property
    def is_readable(self) -> bool:
        """Whether this user may read it, and it holds a number."""
        try:
            self.read()
        except MeasurementError:
            return False
        return True

    def read(self) -> float:
        """The counter, in joules.

        Raises:
            MeasurementError: When it cannot be read (any more).
        """
        try:
            return int(self.file.read_text(encoding="ascii")) * 1e-6
        except (OSError, ValueError) as error:
            raise MeasurementError(
                f"the RAPL counter {self.name} cannot be read ({self.file}: {_reason(error)})",
                hint=READABLE_HINT,
            ) from None

    def moved(self, before: float, after: float, *, seconds: float) -> float:
        """Joules between two looks; a counter that began anew is followed once.

        Args:
            before: The counter at the first look, in joules.
            after: The counter at the second.
            seconds: The time between them.

        Raises:
            MeasurementError: When it was reset, or may have begun anew more than once.
        """
        if seconds * self.max_watts >= self.range_joules:
            raise MeasurementError(
                f"a window of {seconds:.0f} s is so long that the RAPL counter {self.name}, which begins anew every "
                f"{self.range_joules:.0f} J, may have done so more than once",
                hint="Measure fewer or smaller requests at a time",
            )
        if after >= before:
            return after - before
        wrapped = after + self.range_joules - before
        if wrapped > seconds * self.max_watts:
            raise MeasurementError(
                f"the RAPL counter {self.name} ran backwards, from {before:.0f} J to {after:.0f} J, far from "
                f"{self.range_joules:.0f} J where it begins anew: it was reset"
            )
        return wrapped


def find_domains(root: Path | None = None) -> tuple[Domain, ...]:
    """This machine's counters of packages, of memory and of the board, each once, whether they can be read or not."""
    return tuple(_domains(root or POWERCAP))


def memory_of(domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Those of memory; none where one of them cannot be read, and none a second time.

    Some processors show the same counter through memory-mapped registers, too.
    """
    memory = [domain for domain in domains if domain.name.startswith("dram")]
    own = [domain for domain in memory if "intel-rapl-mmio" not in str(domain.file)] or memory
    return tuple(own) if all(domain.is_readable for domain in own) else ()


def unreadable(domains: Iterable[Domain]) -> tuple[str, ...]:
    """Names of the packages that cannot be read in any way."""
    packages = [domain for domain in domains if domain.name.startswith("package")]
    readable = {domain.name for domain in packages if domain.is_readable}
    return tuple(dict.fromkeys(domain.name for domain in packages if domain.name not in readable))


def advice(root: Path | None = None) -> str | None:
    """What to do so that energy can be measured; `None` when the counters can be read, or there are none."""
    if not unreadable(find_domains(root)):
        return None
    return f"this machine has RAPL counters that this user cannot read. {READABLE_HINT}"


def update_period_ns(
    read: Callable[[], float], *, clock: Callable[[], int] = time.perf_counter_ns, look_ns: int = LOOK_NS
) -> int | None:
    """How often a counter moves, found by looking: the median time between moves; `None` when it stands still."""
    moves: list[int] = []
    last, deadline_ns = read(), clock() + look_ns
    looks = 0
    while len(moves) <= MOVES and ((now_ns := clock()) < deadline_ns or looks < MIN_READS):
        value = read()
        looks += 1
        if value != last:
            last = value
            moves.append(now_ns)
    if len(moves) < 2:  # noqa: PLR2004 - a period lies between two
        return None
    return round(statistics.median(after - before for before, after in itertools.pairwise(moves)))


def _domains(root: Path) -> list[Domain]:
    """All domains that may be counted; the tree shows each through several links."""
    found: dict[str, Domain] = {}
    for file in sorted(
        [*root.glob("intel-rapl*:*/energy_uj"), *root.glob("intel-rapl*/intel-rapl*:*/energy_uj")]
    ):
        name = _text(file.with_name("name")) or ""
        if not name.startswith(("package", "psys", "dram")):
            continue
        default_watts = MAX_DRAM_WATTS if name.startswith("dram") else MAX_PACKAGE_WATTS
        found.setdefault(
            str(file.resolve()),
            Domain(
                name=name,
                file=file,
                range_joules=(_number(file.with_name("max_energy_range_uj")) or USUAL_RANGE_UJ) * 1e-6,
                max_watts=_max_watts(file.parent) or default_watts,
            ),
        )
    return list(found.values())


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
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it holds no number"
