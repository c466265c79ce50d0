"""When to launch again and when to stop, on a clock that only launches move."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import MeasurementError, WorkerDied
from energygate.measure.campaign import MAX_LAUNCHES, Campaign
from energygate.measure.launch import Launches

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
        return Launches(head=(len(self.starts_s),))


def never():
    return False


def campaign_of(timepiece):
    return Campaign(timepiece.launch, clock=timepiece)


def launches_of(timepiece, *, seconds=1e9, decided=never):
    campaign = campaign_of(timepiece)
    campaign.resume(seconds, decided=decided, on_progress=lambda _: None)
    return campaign.launches


@pytest.mark.parametrize("needed", [1, 4, 20])
def test_it_stops_as_soon_as_it_is_decided(needed):
    campaign = campaign_of(Timepiece([1.0]))
    campaign.resume(1e9, decided=lambda: len(campaign.launches) >= needed, on_progress=lambda _: None)
    assert campaign.launches.head == tuple(range(1, needed + 1))


def test_it_stops_at_the_maximum_of_launches_when_undecided():
    assert len(launches_of(Timepiece([0.001]))) == MAX_LAUNCHES


@pytest.mark.parametrize(
    ("took", "seconds", "count"),
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
def test_no_launch_starts_that_would_exceed_the_time_limit(took, seconds, count):
    assert len(launches_of(Timepiece(took), seconds=seconds)) == count


@given(times=st.lists(st.floats(0.01, 20), min_size=1, max_size=10), seconds=st.floats(0, 60))
def test_a_launch_starts_only_if_the_longest_so_far_would_fit(times, seconds):
    timepiece = Timepiece(times)
    count = len(launches_of(timepiece, seconds=seconds))
    assert 1 <= count <= MAX_LAUNCHES
    took = list(itertools.islice(itertools.cycle(times), count))
    for number, start_s in enumerate(timepiece.starts_s[1:], 1):
        assert start_s + max(took[:number]) <= seconds + 1e-6
    if count < MAX_LAUNCHES:  # and it does not stop while there is room
        assert sum(took) + max(took) > seconds - 1e-6


def test_time_between_two_stretches_does_not_count():
    timepiece = Timepiece([1.0])
    campaign = campaign_of(timepiece)
    campaign.resume(3.0, decided=never, on_progress=lambda _: None)
    timepiece.now_ns += 1000 * SECOND  # other workloads had their turn
    campaign.resume(2.5, decided=never, on_progress=lambda _: None)
    assert len(campaign.launches) == 5
    assert campaign.elapsed_s == pytest.approx(5.0)


def test_a_stretch_too_short_for_a_launch_starts_none():
    campaign = campaign_of(Timepiece([2.0]))
    campaign.resume(4.0, decided=never, on_progress=lambda _: None)
    campaign.resume(1.9, decided=never, on_progress=lambda _: None)
    assert len(campaign.launches) == 2


def test_progress_is_reported_after_every_launch():
    progress = []
    campaign_of(Timepiece([2.0])).resume(6.0, decided=never, on_progress=progress.append)
    assert [(one.launches, one.elapsed_s, one.time_limit_s) for one in progress] == [
        (1, pytest.approx(2.0), 6.0),
        (2, pytest.approx(4.0), 6.0),
        (3, pytest.approx(6.0), 6.0),
    ]


class Failing(Timepiece):
    """Raises where the script says so: one entry per attempt, `None` for a launch that works."""

    def __init__(self, *script):
        super().__init__([1.0])
        self._script = [*script]
        self.attempts = 0

    def launch(self):
        self.attempts += 1
        error = self._script.pop(0) if self._script else None
        if error is not None:
            raise error
        return super().launch()


@pytest.mark.parametrize(
    ("script", "attempts"),
    [
        ([MeasurementError("the model is broken")], 1),
        ([None, None, MeasurementError("the model is broken")], 3),
        ([WorkerDied("killed"), WorkerDied("killed again")], 2),
        ([None, WorkerDied("killed"), None, WorkerDied("killed again")], 4),  # one chance per campaign
    ],
)
def test_a_launch_that_fails_ends_it(script, attempts):
    launcher = Failing(*script)
    with pytest.raises(MeasurementError, match=str(script[-1])):
        launches_of(launcher)
    assert launcher.attempts == attempts


def test_a_launch_is_retried_once_after_its_worker_died():
    launcher = Failing(None, WorkerDied("killed"))
    assert len(launches_of(launcher, seconds=5.0)) == 5
    assert launcher.attempts == 6
