"""Latency under load: against formulas where there are exact ones, and against a simulated queue elsewhere."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from energygate.production.routing.queueing import MAX_UTILISATION, ReplicaQueue, ServiceTimes, erlang_c

STEADY = ServiceTimes(p50_s=1.0, p95_s=1.0, p99_s=1.0, mean_s=1.0)
TAILED = ServiceTimes(p50_s=1.0, p95_s=1.3, p99_s=2.5, mean_s=1.06)
SHARES = (0.5, 0.95, 0.99)

service_times = st.builds(
    lambda p50, grow95, grow99, mean: ServiceTimes(
        p50_s=p50, p95_s=p50 * grow95, p99_s=p50 * grow95 * grow99, mean_s=p50 * (1 + (grow95 - 1) * mean)
    ),
    st.floats(1e-5, 10.0),
    st.floats(1.0, 3.0),
    st.floats(1.0, 3.0),
    st.floats(0.1, 0.6),
)


def quantile_s(replica, share, utilisation):
    """The quantile of the time that requests take: the transform of `ReplicaQueue` turned back into probabilities."""
    never, idle = replica._waiting(utilisation)
    half = np.array(replica._sojourn) * (never + idle / (1 - utilisation * np.array(replica._residual)))
    below = np.cumsum(np.fft.irfft(half))
    at = np.searchsorted(below, share)
    return 0.0 if not at else (at - 1 + (share - below[at - 1]) / (below[at] - below[at - 1])) * replica._step_s


def steady_queue(limit, utilisation):
    """P(T <= limit) of M/D/1 with service time 1, by Erlang's series."""
    waited = limit - 1
    if waited < 0:
        return 0.0
    return (1 - utilisation) * math.fsum(
        (utilisation * (k - waited)) ** k / math.factorial(k) * math.exp(utilisation * (waited - k))
        for k in range(math.floor(waited) + 1)
    )


def simulated(atoms, slots, utilisation, *, count=120_000):
    draw = np.random.default_rng(7)
    arrivals = np.cumsum(draw.exponential(atoms.mean() / slots / utilisation, count))
    free, times = [0.0] * slots, np.empty(count)
    for at, (arrival, needed) in enumerate(zip(arrivals, draw.choice(atoms, count), strict=True)):
        ended = max(heapq.heappop(free), arrival) + needed
        heapq.heappush(free, ended)
        times[at] = ended - arrival
    return np.quantile(times, SHARES)


@pytest.mark.parametrize("utilisation", [0.1, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("limit", [1.5, 2.2, 4.0, 7.3])
def test_one_slot_and_constant_service_times_agree_with_the_formula(limit, utilisation):
    # a step of the lattice is 1/64 of a request, and the formula is steep where few wait
    assert ReplicaQueue(STEADY).within(limit, utilisation) == pytest.approx(steady_queue(limit, utilisation), abs=0.01)


@pytest.mark.parametrize(("slots", "off"), [(1, 0.05), (4, 0.06)])
@pytest.mark.parametrize("utilisation", [0.4, 0.8])
def test_a_simulated_queue_agrees(slots, off, utilisation):
    found = [quantile_s(ReplicaQueue(TAILED, slots), share, utilisation) for share in SHARES]
    assert found == pytest.approx(simulated(np.array(TAILED.atoms()), slots, utilisation), rel=off)


@pytest.mark.parametrize(("slots", "utilisation", "waits"), [(1, 0.7, 0.7), (2, 0.5, 1 / 3), (3, 0.0, 0.0)])
def test_the_probability_of_waiting(slots, utilisation, waits):
    assert erlang_c(slots, utilisation) == pytest.approx(waits)


@given(service_times)
def test_service_times_keep_what_was_measured(service):
    atoms = np.array(service.atoms())
    assert atoms.mean() == pytest.approx(service.mean_s, rel=1e-6)
    assert np.all(np.diff(atoms) >= -1e-12 * service.p99_s)
    assert np.quantile(atoms, 0.5) == pytest.approx(service.p50_s, rel=0.02)
    assert np.quantile(atoms, 0.95) == pytest.approx(service.p95_s, rel=0.02)


@settings(max_examples=6)
@example(ServiceTimes(p50_s=1.0, p95_s=2.0, p99_s=2.0, mean_s=1.5), 0.99, 2.0, 1)  # 99 % and no more, but for rounding
@given(service_times, st.sampled_from(SHARES), st.floats(1.01, 30.0), st.integers(1, 16))
def test_the_highest_utilisation_is_just_within_the_limit(service, share, generous, slots):
    replica = ReplicaQueue(service, slots)
    limit_s = quantile_s(replica, share, 0.0) * generous
    found = replica.highest_utilisation(share, limit_s)
    assert found is not None
    assert replica.within(limit_s, found) >= share - 1e-8
    assert found == MAX_UTILISATION or replica.within(limit_s, found + 1e-3) <= share + 1e-3


@settings(max_examples=6)
@given(service_times, st.sampled_from(SHARES), st.integers(1, 8))
def test_latency_never_falls_with_load(service, share, slots):
    replica = ReplicaQueue(service, slots)
    quantiles = [quantile_s(replica, share, load) for load in (0.0, 0.3, 0.6, 0.9)]
    assert quantiles == sorted(quantiles)


@settings(max_examples=6)
@given(service_times, st.floats(1e-3, 1e3))
def test_latency_scales_with_the_machines_speed(service, factor):
    slower = ServiceTimes(
        p50_s=service.p50_s * factor,
        p95_s=service.p95_s * factor,
        p99_s=service.p99_s * factor,
        mean_s=service.mean_s * factor,
    )
    assert quantile_s(ReplicaQueue(slower), 0.95, 0.7) == pytest.approx(
        factor * quantile_s(ReplicaQueue(service), 0.95, 0.7), rel=1e-6
    )


def test_a_limit_below_the_service_time_is_never_kept():
    assert ReplicaQueue(STEADY).highest_utilisation(0.95, 0.99) is None


def test_utilisation_is_bounded_for_any_limit():
    assert ReplicaQueue(STEADY).highest_utilisation(0.95, 1e6) == MAX_UTILISATION
