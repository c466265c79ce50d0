"""How long requests take under load: the M/G/c queue, from service times measured without one.

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

import cmath
import itertools
import math
import operator
from dataclasses import dataclass
from functools import lru_cache

MAX_UTILISATION = 0.9
"""The highest utilisation of a replica, whatever the limit: above it, a machine slower by 5 % more than doubles the
waiting time, and machines drift by as much."""

ATOMS = 1_000
"""Points that represent the distribution of service times."""

STEPS_PER_MEAN = 64
LATTICE = 1 << 14
"""Points of the lattice: it ends at 256 mean service times, and later in proportion to the waiting time where these
scatter more than exponential ones. At the highest utilisation one request in 10¹⁰ takes longer."""

MAX_BEND = 16.0
_BISECTIONS = 30
_ROUNDING = 1e-9
"""Sums over the lattice are off by less."""


@dataclass(frozen=True, kw_only=True)
class ServiceTimes:
    """How long requests take once they are served.

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

    def atoms(self) -> list[float]:
        """Equally likely times, in seconds, that have these quantiles and this mean; they never fall.

        Between its known points the quantile function is a straight line. Where its mean is too large, it bends
        down between the median and p95 (most requests take about as long as the median), and then below the median
        it starts lower; where it is too small, the slowest of 100 requests takes longer.
        """
        low, middle, high = (round(ATOMS * share) for share in (0.50, 0.95, 0.99))
        shares = [(atom + 0.5) / ATOMS for atom in range(ATOMS)]
        times = [self.p50_s] * middle
        times += [self.p95_s + (self.p99_s - self.p95_s) * (share - 0.95) / 0.04 for share in shares[middle:high]]
        times += [self.p99_s] * (ATOMS - high)
        rest = (self.mean_s * ATOMS - math.fsum(times)) / (middle - low)
        bend = math.inf if rest <= 0 else (self.p95_s - self.p50_s) / rest - 1
        bend = min(MAX_BEND, max(1.0, bend))
        for atom in range(low, middle):
            times[atom] += (self.p95_s - self.p50_s) * ((shares[atom] - 0.5) / 0.45) ** bend
        missing = self.mean_s * ATOMS - math.fsum(times)
        if missing > 0:  # a tail beyond p99, straight again
            bent, slopes = range(high, ATOMS), [share - 0.99 for share in shares[high:]]
        else:
            bent, slopes = range(low), [0.5 - share for share in shares[:low]]
        per_slope = missing / math.fsum(slopes)
        for atom, slope in zip(bent, slopes, strict=True):
            times[atom] = max(0.0, times[atom] + per_slope * slope)
        return times


class ReplicaQueue:
    """One replica as a queue.

    Args:
        service: How long its requests take without waiting.
        slots: How many requests it serves at once.
    """

    def __init__(self, service: ServiceTimes, slots: int = 1) -> None:
        atoms = service.atoms()
        self._slots = slots
        self._mean_s = math.fsum(atoms) / ATOMS
        scatter = math.fsum((atom - self._mean_s) ** 2 for atom in atoms) / ATOMS / self._mean_s**2
        self._step_s = self._mean_s / STEPS_PER_MEAN * max(1.0, (1 + scatter) / 2)
        places = [atom / self._step_s for atom in atoms]
        self._sojourn, self._residual = _transforms(_on_lattice(places), _residual([place / slots for place in places]))

    @property
    def capacity_per_s(self) -> float:
        """Requests a second when no slot is ever idle."""
        return self._slots / self._mean_s

    def within(self, limit_s: float, utilisation: float) -> float:
        """Return the share of requests answered within a time, waiting included."""
        at = limit_s / self._step_s
        return 1.0 if at >= LATTICE - 1 else self._share(self._served_below(at), utilisation)

    def highest_utilisation(self, share: float, limit_s: float) -> float | None:
        """Return the highest utilisation at which a share of the requests stays within a time.

        Returns:
            At most `MAX_UTILISATION`; `None` where requests take longer even without waiting.
        """
        at = limit_s / self._step_s
        if at >= LATTICE - 1:
            return MAX_UTILISATION
        served, share = self._served_below(at), share - _ROUNDING
        if self._share(served, 0.0) < share:
            return None
        low, high = 0.0, MAX_UTILISATION
        if self._share(served, high) >= share:
            return high
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._share(served, middle) >= share else (low, middle)
        return low

    def _served_below(self, at: float) -> list[complex]:
        """Return the terms of a sum, without waiting: the share below a point between two of the lattice."""
        return [weight * one for weight, one in zip(_weights_below(at), self._sojourn, strict=True)]

    def _share(self, served: list[complex], utilisation: float) -> float:
        """Add up the terms, each times the transform of the waiting time: no need to leave the transform."""
        never, idle = self._waiting(utilisation)
        waited = [1 - utilisation * one for one in self._residual]
        total: complex = never * sum(served) + idle * sum(map(operator.truediv, served, waited))
        return total.real

    def _waiting(self, utilisation: float) -> tuple[float, float]:
        """Return a and b, where a + b / (1 - utilisation · residual) is the transform of the waiting time."""
        # Of the M/G/1 queue, where a request waits with a probability that is the utilisation.
        waits = erlang_c(self._slots, utilisation) / utilisation if utilisation else 1.0
        return 1 - waits, waits * (1 - utilisation)


def erlang_c(slots: int, utilisation: float) -> float:
    """Return the probability that a request waits for a slot, with exponential service times (Erlang's C)."""
    offered = slots * utilisation
    blocked = 1.0  # Erlang's B by its recursion, which neither overflows nor cancels
    for number in range(1, slots + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked / (1 - utilisation * (1 - blocked)) if blocked else 0.0


def _on_lattice(places: list[float]) -> list[float]:
    """Return probabilities at the lattice's points; each time is shared by its two neighbours, which keeps the mean."""
    weights = [0.0] * LATTICE
    for place in places:
        below = int(min(place, LATTICE - 2))
        above = min(place, LATTICE - 2) - below
        weights[below] += (1 - above) / len(places)
        weights[below + 1] += above / len(places)
    return weights


def _residual(places: list[float]) -> list[float]:
    """Return what is left of the service that an arrival finds: its density at t is P(S > t) / E[S].

    Args:
        places: The service times in steps of the lattice, in order.
    """
    sums = [0.0, *itertools.accumulate(places)]
    ended, reached = 0, []
    for edge in range(LATTICE + 1):
        while ended < len(places) and places[ended] <= edge:
            ended += 1
        # E[min(S, t)] at every edge; the mass between two edges is its growth
        reached.append((sums[ended] + (len(places) - ended) * edge) / len(places))
    # between two edges the mean lies half a step above the lower one
    halves = [(after - before) / reached[-1] / 2 for before, after in itertools.pairwise(reached)]
    return [here + before for here, before in zip(halves, [0.0, *halves[:-1]], strict=True)]


def _weights_below(at: float) -> list[complex]:
    """Return what a transform's values are multiplied by so that they add up to the probability below a point."""
    turns = _turns(LATTICE)
    below = int(at)
    above = at - below
    weights: list[complex] = [complex(below + 1 + above) / LATTICE]
    for number in range(1, LATTICE // 2 + 1):
        # A geometric series. Each value stands for its mirror image as well, except for the last.
        last = turns[-number * (below + 1) % LATTICE]
        step = turns[-number % LATTICE]
        twice = 1 if number == LATTICE // 2 else 2
        weights.append(twice / LATTICE * ((1 - last) / (1 - step) + above * last))
    return weights


def _transforms(first: list[float], second: list[float]) -> tuple[list[complex], list[complex]]:
    """Return Fourier's transforms of two real sequences, without their mirrored halves."""
    both = _transform([complex(*pair) for pair in zip(first, second, strict=True)])
    halves = [(both[number], both[-number].conjugate()) for number in range(len(both) // 2 + 1)]
    return [(one + other) / 2 for one, other in halves], [(one - other) / 2j for one, other in halves]


def _transform(values: list[complex]) -> list[complex]:
    """Return Fourier's transform of a power of two of values (Cooley and Tukey, Math. Comput. 19, 1965, 297-301)."""
    if len(values) == 2:  # noqa: PLR2004 - where halving ends
        return [values[0] + values[1], values[0] - values[1]]
    even, odd = _transform(values[::2]), _transform(values[1::2])
    turned = list(map(operator.mul, odd, _turns(len(values))))
    return [*map(operator.add, even, turned), *map(operator.sub, even, turned)]


@lru_cache
def _turns(count: int) -> list[complex]:
    """Return the powers of exp(-2πi / count)."""
    return [cmath.exp(-2j * math.pi * number / count) for number in range(count)]
