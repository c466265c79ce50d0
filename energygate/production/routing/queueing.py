"""How long requests take under load: the M/G/c queue, from what was measured without one.

Requests arrive at random (Poisson) and wait for one of the c slots of a replica. With one slot the waiting time is
exact: by Pollaczek and Khinchine it is a geometric number of residual service times (L. Kleinrock, Queueing Systems,
vol. 1, 1975, section 5.7). With several, a request waits with Erlang's probability C(c, u), and then as in an M/G/1
queue that is served c times as fast; the mean of that is the Allen-Cunneen approximation,

    E[W] = C(c, u) / (c μ (1 - u)) · (1 + cs²) / 2

with u the utilisation, μ the rate of one slot and cs² the squared coefficient of variation of service times
(A. O. Allen, Probability, Statistics, and Queueing Theory with Computer Science Applications, 2nd ed., 1990). For
exponential service times both are exact. All is computed on a lattice of times, where sums of random times are
products of transforms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.floating[Any]]

MAX_UTILISATION = 0.9
"""The most that a replica is given of what it can serve, however long requests may take: beyond, the time spent
waiting more than doubles with each 5 % that the machine gets slower, and machines wander by as much."""

ATOMS = 1_000
"""Points that stand for the distribution of service times."""

STEPS_PER_MEAN = 64
LATTICE = 1 << 14
"""Points of the lattice: it ends at 256 mean service times, and where they scatter more than exponential ones, as much
later as requests then wait longer. At the highest utilisation one request in 10¹⁰ takes longer."""

MAX_BEND = 16.0
_BISECTIONS = 30


@dataclass(frozen=True, kw_only=True)
class ServiceTimes:
    """What is known of how long a request takes once it is served.

    Attributes:
        p50_s: Half of the requests stay within it.
        p95_s: 95 % stay within it.
        p99_s: 99 % stay within it.
        mean_s: Their mean.
    """

    p50_s: float
    p95_s: float
    p99_s: float
    mean_s: float

    def atoms(self) -> Numbers:
        """Equally likely times, in seconds, that have these quantiles and this mean.

        Between its known points the quantile function is a straight line. Where its mean is too large, it bends
        down between the median and p95 (most requests take about as long as the median), and then below the median
        it starts lower; where it is too small, the slowest of 100 requests takes longer.
        """
        shares = (np.arange(ATOMS) + 0.5) / ATOMS
        low, middle, high, last = (
            shares < 0.5,  # noqa: PLR2004 - the quantiles themselves, as below
            (shares >= 0.5) & (shares < 0.95),  # noqa: PLR2004
            (shares >= 0.95) & (shares < 0.99),  # noqa: PLR2004
            shares >= 0.99,  # noqa: PLR2004
        )
        times = np.full(ATOMS, float(self.p50_s))
        times[high] += (self.p95_s - self.p50_s) + (self.p99_s - self.p95_s) * (shares[high] - 0.95) / 0.04
        times[last] = self.p99_s
        along = (shares[middle] - 0.5) / 0.45
        rest = (self.mean_s * ATOMS - times.sum()) / middle.sum()
        bend = np.inf if rest <= 0 else (self.p95_s - self.p50_s) / rest - 1
        times[middle] += (self.p95_s - self.p50_s) * along ** min(MAX_BEND, max(1.0, bend))
        missing = self.mean_s * ATOMS - times.sum()
        if missing > 0:  # a tail beyond p99, straight again
            rising = shares[last] - 0.99
            times[last] += missing * rising / rising.sum()
        else:
            falling = 0.5 - shares[low]
            times[low] += missing * falling / falling.sum()
        return np.asarray(np.maximum(times, 0.0))


class ReplicaQueue:
    """One replica as a queue.

    Args:
        service: How long its requests take when they need not wait.
        slots: How many it serves at once.
    """

    def __init__(self, service: ServiceTimes, slots: int = 1) -> None:
        atoms = service.atoms()
        self._slots = slots
        self._mean_s = float(atoms.mean())
        scatter = float(atoms.var()) / self._mean_s**2
        self._step_s = self._mean_s / STEPS_PER_MEAN * max(1.0, (1 + scatter) / 2)
        self._sojourn = np.fft.rfft(_on_lattice(atoms / self._step_s))
        self._residual = np.fft.rfft(_residual(atoms / self._step_s / slots))

    @property
    def capacity_per_s(self) -> float:
        """Requests a second when no slot ever idles."""
        return self._slots / self._mean_s

    def within(self, limit_s: float, utilisation: float) -> float:
        """Share of the requests that are answered within a time, their waiting included."""
        at = limit_s / self._step_s
        if at >= LATTICE - 1:
            return 1.0
        total = np.cumsum(self._times(utilisation))
        below = int(at)
        return float(total[below] + (total[below + 1] - total[below]) * (at - below))

    def quantile_s(self, share: float, utilisation: float) -> float:
        """The time that a share of the requests stays within, their waiting included.

        Args:
            share: Such as 0.95.
            utilisation: Of the replica's capacity, at most `MAX_UTILISATION`.
        """
        total = np.cumsum(self._times(utilisation))
        at = int(np.searchsorted(total, share))
        before = float(total[at - 1]) if at else 0.0
        return float(at - 1 + (share - before) / (float(total[at]) - before)) * self._step_s if at else 0.0

    def _times(self, utilisation: float) -> Numbers:
        waiting = erlang_c(self._slots, utilisation)
        # Of the M/G/1 queue, where a request waits with a probability that is the utilisation.
        single = (1 - utilisation) / (1 - utilisation * self._residual)
        wait = 1 + (single - 1) * (waiting / utilisation if utilisation else 1.0)
        times: Numbers = np.fft.irfft(wait * self._sojourn, LATTICE)
        return times

    def highest_utilisation(self, share: float, limit_s: float) -> float | None:
        """The most of its capacity that it may be given so that a share of the requests stays within a time.

        Returns:
            At most `MAX_UTILISATION`; `None` where requests take longer even without waiting.
        """
        if self.within(limit_s, 0.0) < share:
            return None
        low, high = 0.0, MAX_UTILISATION
        if self.within(limit_s, high) >= share:
            return high
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.within(limit_s, middle) >= share else (low, middle)
        return low


def erlang_c(slots: int, utilisation: float) -> float:
    """Probability that a request has to wait for a slot, with exponential service times (Erlang's C)."""
    offered = slots * utilisation
    blocked = 1.0  # Erlang's B by its recursion, which neither overflows nor cancels
    for number in range(1, slots + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked / (1 - utilisation * (1 - blocked)) if blocked else 0.0


def _on_lattice(places: Numbers) -> Numbers:
    """Probabilities at the lattice's points; each time is shared by its two neighbours, which keeps the mean."""
    places = np.minimum(places, LATTICE - 2)
    below = places.astype(int)
    above = places - below
    weights = np.bincount(below, 1 - above, minlength=LATTICE) + np.bincount(
        below + 1, above, minlength=LATTICE
    )
    return np.asarray(weights / len(places))


def _residual(places: Numbers) -> Numbers:
    """What is left of the service that an arrival finds: its density at t is P(S > t) / E[S]."""
    edges = np.arange(LATTICE + 1, dtype=float)
    ordered = np.sort(places)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    count = np.searchsorted(ordered, edges, side="right")
    # E[min(S, t)] at every edge; the mass between two edges is its growth
    reached = (sums[count] + (len(ordered) - count) * edges) / len(ordered)
    mass = np.diff(reached) / reached[-1]
    # between two edges the mean lies half a step above the lower one
    half = mass / 2
    return np.asarray(half + np.concatenate([[0.0], half[:-1]]))
