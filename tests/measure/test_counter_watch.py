"""The period of a counter, found by polling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.gpus.counter_watch import TIMEOUT_NS, counter_period_ns

LOOK_NS = 500_000


class Counter:
    """A counter and its clock; reading it takes no time, a pause between two readings does."""

    def __init__(self, *, period_ns, phase_ns=0, steps=1):
        self.now_ns = phase_ns
        self.period_ns = period_ns
        self.steps = steps

    def read(self):
        return self.now_ns // self.period_ns // self.steps

    def clock(self):
        return self.now_ns

    def pause(self):
        self.now_ns += LOOK_NS


def found(counter):
    return counter_period_ns(counter.read, counter.clock, pause=counter.pause)


@given(st.integers(1_000_000, 300_000_000), st.integers(0, 10**9))
def test_a_period_is_accurate_to_two_polls(period_ns, phase_ns):
    assert found(Counter(period_ns=period_ns, phase_ns=phase_ns)) == pytest.approx(period_ns, abs=2 * LOOK_NS)


def test_polling_ends_after_five_updates():
    counter = Counter(period_ns=100_000_000)
    found(counter)
    assert counter.now_ns == pytest.approx(500_000_000, abs=LOOK_NS)


@given(st.integers(100_000_000, 10**11), st.integers(0, 10**9))
def test_polling_has_a_time_limit(period_ns, phase_ns):
    counter = Counter(period_ns=period_ns, phase_ns=phase_ns)
    found(counter)
    assert counter.now_ns - phase_ns <= TIMEOUT_NS + LOOK_NS


def test_a_counter_that_skips_updates_gets_the_longer_period():
    """Some move only when there is something to count."""
    assert found(Counter(period_ns=20_000_000, steps=5)) == pytest.approx(100_000_000, abs=2 * LOOK_NS)


def test_a_counter_that_moved_once_is_polled_to_the_time_limit():
    assert found(Counter(period_ns=3 * TIMEOUT_NS // 4)) == TIMEOUT_NS


def test_a_stuck_counter_has_no_period():
    assert found(Counter(period_ns=100 * TIMEOUT_NS)) is None
