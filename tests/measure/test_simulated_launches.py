"""Launches with stand-ins for workers: how long they warm up and measure, by a clock that only calls move."""

from __future__ import annotations

import array
import contextlib
import itertools
import os
import random
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from builders import launch, meter_facts, reading

from energygate.errors import WorkerDied
from energygate.measure.campaign import Campaign
from energygate.measure.launch import Launches, inputs_measured
from energygate.measure.launchers import Launcher
from energygate.measure.series import change_series, series
from energygate.measure.windows import MAX_WARM_UP_WINDOWS
from energygate.policy import Workload
from energygate.workloads.protocol import LoadReply, ServedWindow
from energygate.workloads.serving import ReadyWorker

MS, S = 1_000_000, 1_000_000_000


class Clock:
    """The time, which stands still between calls."""

    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns


class StandInWorker:
    """A worker whose calls take as long as a function of their number says."""

    pid = os.getpid()

    def __init__(self, clock, call_ns, *, cpus, loads_until_ns, peak_memory_bytes):
        self._clock, self._call_ns = clock, call_ns
        self.cpus, self.loads_until_ns, self.peak_memory_bytes = [cpus], loads_until_ns, peak_memory_bytes
        self.windows = []  # (first, count)
        self.served = 0

    def run(self, count, *, first=None, **_):
        self.windows.append((first, count))
        latencies = [round(self._call_ns(self.served + number)) for number in range(count)]
        self.served += count
        self._clock.ns += sum(latencies)
        return ServedWindow(
            wall_ns=sum(latencies),
            cpu_ns=sum(latencies),
            latencies_ns=array.array("q", latencies),
            failed=(),
            first_failure=None,
        )

    def freeze(self):
        """Do nothing."""

    def thaw(self):
        """Do nothing."""

    def pin(self, cpus):
        self.cpus.append(cpus)

    def shut_down(self):
        return self.peak_memory_bytes


class StandInServing:
    """A side that takes a while to start."""

    def __init__(self, name, clock, call_ns, *, start_s, inputs, **workload):
        self.side, self.label, self.seed = SimpleNamespace(name=name), "workload 'w'", 0
        self.workload = Workload(python="app:make", inputs="in.npz" if inputs > 1 else None, **workload)
        self.workers = []
        self._clock, self._call_ns, self._start_ns, self._inputs = clock, call_ns, round(start_s * S), inputs
        self.peak_memory_bytes = 1

    @contextlib.contextmanager
    def start(self, cpus):
        worker = StandInWorker(
            self._clock,
            self._call_ns,
            cpus=cpus,
            loads_until_ns=self._clock.ns + self._start_ns,
            peak_memory_bytes=self.peak_memory_bytes,
        )
        self.workers.append(worker)
        yield worker

    def ready(self, worker):
        self._clock.ns = max(self._clock.ns, worker.loads_until_ns)
        loaded = LoadReply(inputs=None, versions={}, origin=None, wall_ns=1, cpu_ns=1)
        return ReadyWorker(worker=worker, loaded=loaded, distinct_calls=self._inputs, batch_size=1)


class StandInMeter:
    """A joule for each second."""

    def __init__(self):
        self.facts = meter_facts(min_window_ns=5 * MS)
        self.begin_window = self.begin_launch = self.cancel = self.end_launch = lambda: None

    def end_window(self, usage):
        return reading(usage.cpu_ns * 1e-9)


def launcher(head, base=None, *, start_s=0.2, limit_s=60, inputs=1, cpu_sets=((),), at_once=True, **workload):
    """A launcher of sides whose calls take as long as these functions say, or always as many nanoseconds."""
    clock = Clock()
    sides = [
        StandInServing(
            name,
            clock,
            call_ns if callable(call_ns) else lambda _, same=call_ns: same,
            start_s=start_s,
            inputs=inputs,
            **workload,
        )
        for name, call_ns in (("head", head), ("base", base))
        if call_ns is not None
    ]
    made = Launcher(
        sides[0],
        StandInMeter(),
        base=sides[1] if base is not None else None,
        cpu_sets=list(cpu_sets),
        time_limit_ns=limit_s * S,
        coin=random.Random(0),  # noqa: S311 - an order, not a secret
        clock=clock,
        at_once=at_once,
    )
    return made, sides, clock


def measured_s(launches):
    return sum(window.wall_ns for side in launches.base + launches.head for window in side.windows) / S


def after(*first_s, then_ns):
    """Calls of which the first take so many seconds."""
    return lambda number: first_s[number] * S if number < len(first_s) else then_ns


@pytest.mark.parametrize("first_s", [(2.0,), (2.0, 2.0), (2.0, 0.5, 0.1)])
def test_first_requests_that_load_what_is_lazy_are_no_samples_of_a_warm_call(first_s):
    slow = after(*first_s, then_ns=4 * MS)
    made, _, _ = launcher(slow, slow)
    for launches in (made.launch(), made.launch()):
        assert all(launch.steady for launch in launches.base + launches.head)
    assert made.plan.calls == 2  # eight milliseconds


def test_a_slow_runtime_is_warmed_up_and_then_measured_for_about_as_long_as_it_took_to_start():
    slow = after(3.0, 1.0, then_ns=20 * MS)
    made, _, clock = launcher(slow, lambda number: 0.7 * slow(number), start_s=5)
    launches = made.launch()
    assert all(launch.steady for launch in launches.base + launches.head)
    assert len(launches.head[0].windows) >= 2 * 9
    assert clock.ns <= 30 * S  # a second one fits
    assert measured_s(launches) >= 3


def test_each_launch_of_quick_requests_is_short():
    made, _, clock = launcher(4 * MS, 4 * MS)
    for _ in range(2):
        clock.ns = 0
        launches = made.launch()
        assert 0.55 <= measured_s(launches) <= 0.65
        assert clock.ns <= 1.2 * S


def test_a_request_that_got_a_hundred_thousand_times_dearer_is_measured_on_both_sides():
    made, _, clock = launcher(5 * S, 0.05 * MS)
    launches = made.launch()
    assert [len(side[0].windows) >= 4 for side in (launches.base, launches.head)] == [True, True]
    assert clock.ns <= 60 * S


@pytest.mark.parametrize(
    ("head_ns", "inputs", "steady"),
    [
        (2 * S, 1, True),
        (lambda number: 4 * S * 0.9**number, 1, True),  # unknown
        (after(3.0, 2.0, then_ns=2.2 * S), 1, True),  # slower by chance
        (lambda number: 2.75 * S * 0.78**number, 1, False),
        (lambda number: (1 + number % 3) * S, 3, True),
    ],
    ids=["slow", "too slow to tell", "scattering", "still getting faster", "unlike inputs"],
)
def test_few_windows_of_slow_calls_say_whether_warm_up_settled(head_ns, inputs, steady):
    made, _, _ = launcher(head_ns, inputs=inputs)
    (launch,) = made.launch().head
    assert launch.warm_up_windows < 6
    assert launch.steady is steady


def test_warm_up_that_never_settles_ends():
    made, _, _ = launcher(lambda number: 10 * MS * 1.06**number)
    (launch,) = made.launch().head
    assert not launch.steady
    assert launch.warm_up_windows <= MAX_WARM_UP_WINDOWS


# --- Starting at once --------------------------------------------------------------------------------------

APART = [(0,), (1,)]


def times_s(made, clock, *, limit_s=60):
    """The times of the launches that a campaign with this limit makes."""
    campaign, times = Campaign(made.launch, clock=clock, saved_ns=lambda: made.saved_ns), [0]
    campaign.resume(limit_s, decided=lambda: False, on_progress=lambda _: times.append(clock.ns / S))
    return [after - before for before, after in itertools.pairwise(times)]


def test_sides_that_are_slow_to_load_start_at_once_from_the_second_launch_on():
    made, sides, clock = launcher(20 * MS, 20 * MS, start_s=10, cpu_sets=APART)
    first, second, third = times_s(made, clock)
    assert first - 20 == pytest.approx(second - 10) == pytest.approx(third - 10)
    assert 50 <= first + second + third <= 60
    for number in (1, 2):
        workers = [side.workers[number] for side in sides]
        assert sorted(worker.cpus[0] for worker in workers) == APART  # where they load
        assert len({worker.cpus[-1] for worker in workers}) == 1  # where they are measured
    launches = made.launch()
    assert launches.head[0].cpus == launches.base[0].cpus == sides[0].workers[-1].cpus[-1]


def test_cold_starts_are_reported_only_where_every_one_was_metered():
    made, _, _ = launcher(20 * MS, 20 * MS, start_s=10, cpu_sets=APART)
    launches = made.launch()
    assert {"cold_start", "cold_start_energy"} <= change_series(launches).keys()
    launches += made.launch()
    assert launches.head[0].cold_start
    assert launches.head[1].cold_start is launches.base[1].cold_start is None
    assert not {"cold_start", "cold_start_energy"} & (change_series(launches).keys() | series(launches.head).keys())


@pytest.mark.parametrize(
    "one_after_the_other",
    [
        {"at_once": False},
        {"cpu_sets": [(0,)]},
        {"cpu_sets": [(0, 1), (1, 2), (0, 2)]},
        {"cpu_sets": [()]},
        {"start_s": 1.9},
        {"peak_memory_bytes": 1 << 60},
        {"peak_memory_bytes": 0},  # unknown
    ],
    ids=str,
)
def test_sides_start_one_after_the_other_where_starting_at_once_is_no_use_or_unsafe(one_after_the_other):
    settings = {"start_s": 10, "cpu_sets": APART, "peak_memory_bytes": 1} | one_after_the_other
    peak_memory_bytes = settings.pop("peak_memory_bytes")
    made, sides, _ = launcher(20 * MS, 20 * MS, **settings)
    for side in sides:
        side.peak_memory_bytes = peak_memory_bytes
    for launches in (made.launch(), made.launch()):
        assert launches.head[0].cold_start
    assert all(worker.cpus == worker.cpus[:1] for side in sides for worker in side.workers)


def test_a_launch_that_failed_while_both_sides_started_is_repeated_one_after_the_other():
    made, (head, _), _ = launcher(20 * MS, 20 * MS, start_s=10, cpu_sets=APART)
    made.launch()
    head.ready, ready = Mock(side_effect=WorkerDied("out of memory")), head.ready
    with pytest.raises(WorkerDied):
        made.launch()
    head.ready = ready
    assert made.launch().head[0].cold_start


def test_a_second_launch_fits_where_only_starting_at_once_makes_room_for_it():
    made, _, clock = launcher(60 * MS, 90 * MS, start_s=15, cpu_sets=APART)
    assert len(times_s(made, clock)) == 2
    made, _, clock = launcher(60 * MS, 90 * MS, start_s=15, cpu_sets=APART, at_once=False)
    assert len(times_s(made, clock)) == 1


# --- Inputs ------------------------------------------------------------------------------------------------


def served(side):
    """The measured windows of a side, launch by launch: the first call of each, and how many it has."""
    return [[window for window in worker.windows if window[0] is not None] for worker in side.workers]


def test_launches_go_on_with_the_inputs_that_follow():
    made, sides, _ = launcher(60 * MS, 20 * MS, inputs=150)
    launches, counts = Launches(), []
    while not counts or counts[-1] < 150:
        launches += made.launch()
        counts.append(inputs_measured(launches)[0])
    assert inputs_measured(launches) == (150, 150)
    assert counts[:2] == [18, 36]
    ours, theirs = map(served, sides)
    assert ours == theirs
    windows = [window for one in ours for window in one]
    assert [first for first, _ in windows] == [made.plan.calls * number for number in range(len(windows))]
    assert {count for _, count in windows} == {made.plan.calls}


def test_a_launch_is_a_little_longer_where_it_then_serves_every_input():
    made, _, _ = launcher(64 * MS, 64 * MS, inputs=20)
    assert inputs_measured(made.launch()) == (20, 20)
    assert made.plan.windows == 20


def test_head_alone_goes_on_too():
    made, (head,), _ = launcher(300 * MS, inputs=30)
    launches = made.launch() + made.launch()
    assert [first for one in served(head) for first, _ in one] == list(range(8))
    assert inputs_measured(launches) == (8, 30)


def test_sides_that_alternate_by_whole_launches_serve_the_same_inputs():
    made, sides, _ = launcher(60 * MS, 20 * MS, inputs=1000)
    made.mode = "alternating"
    launches = made.launch() + made.launch()
    ours, theirs = map(served, sides)
    assert ours == theirs
    firsts = [first for one in ours for first, _ in one]
    assert firsts == [made.plan.calls * number for number in range(len(firsts))]
    assert inputs_measured(launches) == (len(firsts) * made.plan.calls, 1000)


def test_a_launch_that_is_repeated_serves_the_inputs_of_the_failed_one():
    made, (head, _), _ = launcher(4 * MS, 4 * MS, inputs=10_000)
    made.launch()
    call_ns, head._call_ns = head._call_ns, Mock(side_effect=WorkerDied("out of memory"))
    with pytest.raises(WorkerDied):
        made.launch()
    head._call_ns = call_ns
    made.launch()
    first, _, again = served(head)
    assert again[0][0] == first[-1][0] + made.plan.calls


@pytest.mark.parametrize(
    ("calls", "measured"),
    [
        ([], (0, 1)),
        ([range(1)], (1, 5)),
        ([range(3), range(3, 4)], (4, 5)),
        ([range(3), range(3, 6)], (5, 5)),
        ([range(3), range(6, 9)], (4, 5)),  # 0, 1, 2, then 1, 2, 3 of the next round
        ([range(100)], (5, 5)),
    ],
)
def test_inputs_measured(calls, measured):
    head = tuple(launch(inputs=5, calls=one) for one in calls)
    assert inputs_measured(Launches(head=head)) == measured


def test_inputs_that_base_cuts_into_larger_batches():
    pair = Launches(head=(launch(inputs=8, calls=range(4)),), base=(launch(inputs=4, calls=range(4)),))
    assert inputs_measured(pair) == (4, 8)
