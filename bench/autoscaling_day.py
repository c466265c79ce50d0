"""A day of requests, replicas and an autoscaler, for bench/autoscaling.py.

Requests arrive at random, go to a random replica and wait there in line; each one is simulated. Prometheus sees
counters every 15 s and a histogram of durations, the autoscaler looks every 15 s and works as Kubernetes documents it
(tolerance, the largest of all metrics, stabilisation, policies), and a new replica takes 30 s to start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from energygate.production.export.kubernetes_scaling import DOWN_AFTER_S
from energygate.production.export.kubernetes_targets import TOLERANCE
from energygate.production.routing.queueing import ReplicaQueue, ServiceTimes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.floating[Any]]

SLOT_S = 15.0
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 60.0)
FAST, SLOW = 4, 8
"""Slots of the windows that the rules look back: 1 and 2 minutes."""

MOST = 40


@dataclass(frozen=True, kw_only=True)
class Service:
    """A replica: what it draws, how long requests take, and how long its idle threads spin after one.

    Attributes:
        spin_s: A second thread is busy for so long after each request, unless the next one comes.
    """

    mean_s: float = 0.040
    variation: float = 0.3
    spin_s: float = 0.0
    idle_watts: float = 10.0
    full_watts: float = 30.0
    start_s: float = 30.0
    pue: float = 1.25
    limit_s: float = 0.200
    budget_joules: float = 2.0
    """Effective energy per request at the facility: that of a replica at half its capacity, plus 14 %."""

    def times(self, count: int, chance: np.random.Generator) -> Numbers:
        """Times that requests take once they are served, lognormal."""
        spread = math.sqrt(math.log(1 + self.variation**2))
        return chance.lognormal(math.log(self.mean_s) - spread**2 / 2, spread, count)

    @lru_cache  # noqa: B019 - of a handful of services
    def target_per_s(self) -> float:
        """What `energygate export kubernetes` gives a replica that was measured like this."""
        times = self.times(200_000, np.random.default_rng(7))
        p50, p95, p99 = (float(value) for value in np.quantile(times, (0.5, 0.95, 0.99)))
        queue = ReplicaQueue(ServiceTimes(p50_s=p50, p95_s=p95, p99_s=p99, mean_s=float(times.mean())))
        utilisation = queue.highest_utilisation(0.95, self.limit_s)
        assert utilisation is not None
        return utilisation * queue.capacity_per_s / (1 + TOLERANCE)


@dataclass
class Seen:
    """What Prometheus has scraped, one entry per slot; the latest is not available yet when the autoscaler looks."""

    requests: list[int] = field(default_factory=list)
    joules: list[float] = field(default_factory=list)
    buckets: list[Numbers] = field(default_factory=list)
    replicas: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def rate(self) -> float:
        """Requests a second."""
        window = self.requests[-FAST - 1 : -1]
        return sum(window) / (len(window) * SLOT_S)

    def energy(self) -> float:
        """Facility joules per request; 0 without requests."""
        requests = sum(self.requests[-SLOW - 1 : -1])
        return sum(self.joules[-SLOW - 1 : -1]) / requests if requests else 0.0

    def p95(self) -> float:
        """As `histogram_quantile` interpolates it; 0 without requests."""
        counts = np.sum(self.buckets[-SLOW - 1 : -1], axis=0)
        if not counts.sum():
            return 0.0
        total = np.cumsum(counts)
        at = int(np.searchsorted(total, 0.95 * total[-1]))
        if at >= len(BUCKETS_S):
            return BUCKETS_S[-1]
        low = BUCKETS_S[at - 1] if at else 0.0
        return float(low + (BUCKETS_S[at] - low) * (0.95 * total[-1] - total[at] + counts[at]) / counts[at])

    def replicas_lately(self) -> float:
        """Replicas, averaged over the same window as energy and latency."""
        return float(np.mean(self.replicas[-SLOW - 1 : -1]))

    def cpu_utilisation(self) -> float:
        """CPU time of a replica over what it may use; metrics-server's window is a slot."""
        return self.cpu[-2] / self.replicas[-2]


Metric = Callable[[Seen], float]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Metrics of an autoscaler: totals that are divided among replicas, and ratios that replicas are multiplied by."""

    name: str
    totals: tuple[Metric, ...] = ()
    ratios: tuple[Metric, ...] = ()
    a_minute: float = 2.0
    """At most so many times the replicas in a minute, or 4 more."""


class Autoscaler:
    """Kubernetes' algorithm; see docs/kubernetes.md."""

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._wanted: list[int] = []
        self._replicas: list[int] = []

    def decide(self, current: int, ready: int, seen: Seen) -> int:
        """How many replicas from now on."""
        totals = [metric(seen) for metric in self._scaling.totals]
        wanted = [self._step(total / current, current, total) for total in totals]
        for metric in self._scaling.ratios:
            ratio = metric(seen)
            wanted.append(self._step(ratio, current, ratio * ready))
        self._wanted.append(min(MOST, max(1, *wanted)))
        self._replicas.append(current)
        waited = max(self._wanted[-round(DOWN_AFTER_S / SLOT_S) - 1 :])
        if self._wanted[-1] <= current:
            return min(current, waited)
        a_minute_ago = min(self._replicas[-round(60 / SLOT_S) :])
        return max(
            current,
            min(self._wanted[-1], max(math.ceil(a_minute_ago * self._scaling.a_minute), a_minute_ago + 4)),
        )

    @staticmethod
    def _step(ratio: float, current: int, wanted: float) -> int:
        return current if abs(1 - ratio) <= TOLERANCE else math.ceil(wanted)


@dataclass
class Running:
    """A replica that is up or starting: when it is ready, and when it has finished its queue."""

    ready_s: float
    free_s: float


@dataclass(frozen=True, kw_only=True)
class Day:
    """The results of a day."""

    joules: float
    p95_s: float
    late: float
    replicas: Numbers

    @property
    def most(self) -> int:
        """The most replicas at once."""
        return int(self.replicas.max())

    @property
    def changes(self) -> int:
        """How often the number of replicas changed."""
        return int(np.count_nonzero(np.diff(self.replicas)))

    @property
    def turns(self) -> int:
        """How often it went up after it had gone down, or down after up."""
        signs = np.sign(np.diff(self.replicas))
        signs = signs[signs != 0]
        return int(np.count_nonzero(np.diff(signs)))


def simulate(service: Service, scaling: Scaling, rates: Sequence[float], *, replicas: int = 2, seed: int = 1) -> Day:
    """Serve a day, given as requests a second in every slot of 15 s, with so many replicas at first."""
    chance = np.random.default_rng(seed)
    seen, autoscaler = Seen(), Autoscaler(scaling)
    running = [Running(-1.0, 0.0) for _ in range(replicas)]
    durations = []
    for slot, rate in enumerate(rates):
        start = slot * SLOT_S
        arrivals = np.sort(chance.uniform(start, start + SLOT_S, chance.poisson(rate * SLOT_S)))
        times = service.times(len(arrivals), chance)
        ready = [one for one in running if one.ready_s <= start]
        which = chance.integers(0, len(ready), len(arrivals))
        taken = np.empty(len(arrivals))
        busy = spinning = 0.0
        for index, one in enumerate(ready):
            mine = which == index
            if not mine.any():
                continue
            served = np.cumsum(times[mine])
            # Lindley's recursion: each request begins when it has come and the one before it is done.
            done = served + np.maximum(np.maximum.accumulate(arrivals[mine] - served + times[mine]), one.free_s)
            gaps = np.diff(done, prepend=one.free_s) - times[mine]
            busy += served[-1]
            spinning += np.clip(gaps, 0, service.spin_s).sum() / 2  # one of two threads
            taken[mine] = done - arrivals[mine]
            one.free_s = done[-1]
        active = (busy + spinning) * (service.full_watts - service.idle_watts)
        seen.requests.append(len(arrivals))
        seen.joules.append(service.pue * (active + len(running) * service.idle_watts * SLOT_S))
        seen.buckets.append(np.histogram(taken, (0.0, *BUCKETS_S, np.inf))[0])
        seen.replicas.append(len(running))
        seen.cpu.append((busy + spinning) / SLOT_S)
        durations.append(taken)
        if slot >= SLOW:
            _resize(running, autoscaler.decide(len(running), len(ready), seen), start + SLOT_S, service.start_s)
    everything = np.concatenate(durations)
    return Day(
        joules=sum(seen.joules) / len(everything),
        p95_s=float(np.quantile(everything, 0.95)),
        late=float(np.mean(everything > service.limit_s)),
        replicas=np.array(seen.replicas),
    )


def _resize(running: list[Running], replicas: int, now_s: float, start_s: float) -> None:
    """Start replicas, or end the youngest; what these have taken on is served to its end."""
    while len(running) < replicas:
        running.append(Running(now_s + start_s, now_s + start_s))
    del running[replicas:]


def a_day(*, hours: float = 24.0, low: float = 20.0, high: float = 140.0) -> Numbers:
    """Requests a second by slot: a night, a noon, and four bursts of 10 minutes that are 60 % higher."""
    slots = round(hours * 3600 / SLOT_S)
    rates: Numbers = low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(slots) / slots)) ** 1.5
    for at in (0.2, 0.45, 0.62, 0.8):
        rates[round(at * slots) :][:40] *= 1.6
    return rates
