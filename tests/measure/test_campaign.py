"""When to launch again and when to stop, on a clock that only launches move."""

from __future__ import annotations

import itertools

import pytest
from builders import launch
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError
from energygate.measure.campaign import MAX_LAUNCHES, MIN_LAUNCHES, run_campaign

SECOND = 1_000_000_000


class Timepiece:
    """A clock and a launcher in one: each launch takes the next of the given times."""

    def __init__(self, seconds):
        self._seconds = itertools.cycle(seconds)
        self.now_ns = 5 * SECOND  # clocks do not start at zero
        self.starts_s = []

    def __call__(self):
        return self.now_ns

    def launch(self):
        self.starts_s.append(self.now_ns / SECOND - 5)
        self.now_ns += round(next(self._seconds) * SECOND)
        return launch()


def campaign(timepiece, *, time_limit_s=1e9, decided=lambda _: False, on_progress=lambda *_: None):
    return run_campaign(
        timepiece, decided=decided, time_limit_s=time_limit_s, clock=timepiece, on_progress=on_progress
    )


@pytest.mark.parametrize("needed", [MIN_LAUNCHES, 7, 20])
def test_it_stops_as_soon_as_it_is_decided(needed):
    launches = campaign(Timepiece([1.0]), decided=lambda some: len(some) >= needed)
    assert len(launches) == needed


def test_what_the_first_launches_seem_to_say_decides_nothing():
    asked = []

    def decided(some):
        asked.append(len(some))
        return True

    assert len(campaign(Timepiece([1.0]), decided=decided)) == MIN_LAUNCHES
    assert asked == [MIN_LAUNCHES]


def test_it_stops_at_the_cap_when_nothing_decides():
    assert len(campaign(Timepiece([0.001]))) == MAX_LAUNCHES


@pytest.mark.parametrize(
    ("seconds", "time_limit_s", "count"),
    [
        ([1.0], 10.0, 10),  # exactly full is not overrun
        ([1.0], 9.99, 9),
        ([3.0], 10.0, 3),
        ([100.0], 10.0, 1),  # one launch, whatever it takes
        ([0.1], 0.0, 1),
        ([1.0, 4.0], 10.0, 4),
        ([4.0, 1.0], 10.0, 3),  # after 4 + 1 + 4 s there is room for one of 1 s, but the next may take 4
    ],
)
def test_it_starts_no_launch_that_would_overrun(seconds, time_limit_s, count):
    assert len(campaign(Timepiece(seconds), time_limit_s=time_limit_s)) == count


@given(seconds=st.lists(st.floats(0.01, 20), min_size=1, max_size=10), time_limit_s=st.floats(0, 60))
def test_after_the_first_no_launch_starts_without_room_for_the_longest_so_far(seconds, time_limit_s):
    timepiece = Timepiece(seconds)
    launches = campaign(timepiece, time_limit_s=time_limit_s)
    assert 1 <= len(launches) <= MAX_LAUNCHES
    took = list(itertools.islice(itertools.cycle(seconds), len(launches)))
    for number, start_s in enumerate(timepiece.starts_s[1:], 1):
        assert start_s + max(took[:number]) <= time_limit_s + 1e-6
    if len(launches) < MAX_LAUNCHES:  # and it does not stop while there is room
        assert sum(took) + max(took) > time_limit_s - 1e-6


def test_progress_is_told_after_every_launch():
    told = []
    campaign(
        Timepiece([2.0]),
        time_limit_s=6.0,
        on_progress=lambda some, progress: told.append(
            (len(some), progress.launches, progress.elapsed_s, progress.time_limit_s)
        ),
    )
    assert told == [(1, 1, 2.0, 6.0), (2, 2, 4.0, 6.0), (3, 3, 6.0, 6.0)]


def test_a_launch_that_fails_ends_it():
    class Broken(Timepiece):
        def launch(self):
            if len(self.starts_s) == 2:
                raise MeasurementError("the worker died")
            return super().launch()

    with pytest.raises(MeasurementError, match="the worker died"):
        campaign(Broken([1.0]))
