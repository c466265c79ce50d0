"""Real pairs of workers: their turns, the frozen one, their CPUs, and that nothing of them stays."""

from __future__ import annotations

import math
import random
import sys
import time
from dataclasses import replace

import pytest

from energygate.errors import MeasurementError, WorkerDied
from energygate.measure import launchers
from energygate.measure.launch import Launches
from energygate.measure.machine import usable_cpus
from energygate.measure.readings import Component, Method, Reading
from energygate.measure.series import change_series
from energygate.measure.windows import LaunchPlan

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads other processes' CPU clocks")

DIARY = """
import os
import threading
import time
from pathlib import Path

SIDE = Path.cwd().name
DIARY = Path.cwd().parent / "diary"


def write(*words):
    with DIARY.open("a") as diary:
        diary.write(" ".join(map(str, (SIDE, os.getpid(), *words))) + "\\n")


def spin(milliseconds):
    end = time.process_time_ns() + milliseconds * 1e6
    while time.process_time_ns() < end:
        pass
"""

SPIN = (
    DIARY
    + """
def make():
    write("starts", *sorted(os.sched_getaffinity(0)))

    def request():
        spin({milliseconds})
        write("serves")
        return 42

    return request
"""
)

RESTLESS = (
    DIARY
    + """
def make():
    write("starts")
    threading.Thread(target=spin, args=(1e9,), daemon=True).start()

    def request():
        time.sleep(0.008)
        return 42

    return request
"""
)

SPIN_4, SPIN_8 = (SPIN.format(milliseconds=one) for one in (4.0, 8.0))


SHORT = LaunchPlan(calls=2, windows=8, max_warm_up=6)
"""Six windows of warm-up and eight to measure: 28 requests a side, whatever the machine is busy with."""


class Diary:
    """What the workers wrote: who served when, and who was alive."""

    def __init__(self, serving):
        self._path = serving.side.directory.parent / "diary"

    def read(self, what):
        """Lines of one kind, as (side, pid, words)."""
        found = [line.split() for line in self._path.read_text("utf-8").splitlines()]
        return [(side, int(pid), words) for side, pid, kind, *words in found if kind == what]

    def turns(self, plan, windows):
        """The measured windows of the last launch, so many a side: one letter each, A for base, B for head."""
        calls = ["A" if side == "base" else "B" for side, _, _ in self.read("serves")]
        measured = calls[-2 * windows * plan.calls :]
        turns = ["".join(measured[at : at + plan.calls]) for at in range(0, len(measured), plan.calls)]
        assert {len(set(one)) for one in turns} == {1}, "a window was interrupted by the other side"
        return "".join(one[0] for one in turns)


@pytest.fixture
def spun(sides, pair_launcher):
    """Two launches of 4 ms against 8 ms, with the launcher and the diary."""
    base, head = sides(SPIN_4, SPIN_8)
    launcher, diary = pair_launcher(base, head, time_limit_s=4.0), Diary(base)
    launches, turns = Launches(), []
    for _ in range(2):
        launches += launcher.launch()
        turns.append(diary.turns(launcher.plan, len(launches.base[-1].windows)))
    return launcher, diary, launches, turns


@pytest.mark.measures
def test_two_launches_of_a_pair(spun, has_ended):
    launcher, diary, launches, turns = spun
    assert launcher.mode == "paired"

    # Both sides serve as much, in blocks of four windows, in an order of chance.
    plan = launcher.plan
    for pair in launches.pairs:
        ((windows, requests),) = {(len(side.windows), side.requests) for side in pair}
        assert plan.windows <= windows <= plan.max_windows
        assert requests == windows * plan.calls
    blocks = [turn[at : at + 4] for turn in turns for at in range(0, len(turn), 4)]
    assert set(blocks) <= {"ABBA", "BAAB"}
    assert len(blocks) == sum(len(launch.windows) for launch in launches.base) // 2

    # Each side is charged for what it has burned, which is never less than it was asked to; writing the diary, a page
    # that has to be fetched, and whatever else the machine does come on top.
    for base, head in launches.pairs:
        for side, milliseconds in ((base, 4), (head, 8)):
            burned_ns = sum(window.cpu_ns for window in side.windows) / side.requests
            assert 0.999 * milliseconds * 1e6 <= burned_ns < 1.5 * milliseconds * 1e6
    for ratio in change_series(launches)["energy_per_request"].log_ratios:
        assert ratio == pytest.approx(math.log(2), abs=0.2)

    # Both sides of a launch sit on the same CPUs, which rotate.
    starts = diary.read("starts")
    cpus = [[int(cpu) for cpu in words] for _, _, words in starts]
    assert cpus == [list(launch.cpus) for launch in launches.base for _ in range(2)]
    assert all(base.cpus == head.cpus for base, head in launches.pairs)
    assert len({launch.cpus for launch in launches.base}) == min(2, len(usable_cpus()))

    # Every launch has fresh workers, which are gone afterwards.
    pids = [pid for _, pid, _ in starts]
    assert len(set(pids)) == 4
    assert all(has_ended(pid) for pid in pids)


def test_the_seed_decides_the_order(sides, pair_launcher):
    base, head = sides(SPIN_4, SPIN_4)
    diary, orders = Diary(base), []
    for seed in (1, 1, 2, 3):
        pair_launcher(base, head, seed=seed, plan=SHORT).launch()
        first, _ = [side for side, _, _ in diary.read("starts")][-2:]
        orders.append((first, diary.turns(SHORT, SHORT.windows)))
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3


class Scripted:
    """A meter whose windows scatter by so many percent, whatever was served."""

    def __init__(self, meter, percent):
        self.facts, self.begin_window, self.cancel = meter.facts, lambda: None, meter.cancel
        self.begin_launch, self.end_launch = meter.begin_launch, meter.end_launch
        self._scatter = random.Random(3)  # noqa: S311 - not a secret
        self._percent = percent

    def end_window(self, usage):  # noqa: ARG002 - a meter's
        joules = 1.0 + self._scatter.uniform(-self._percent, self._percent) / 100
        return Reading(components=(Component(name="cpu", energy_joules=joules, method=Method.ESTIMATED),))


@pytest.mark.parametrize(("percent", "windows"), [(0.1, 8), (40.0, 24)], ids=["quiet", "noisy"])
def test_a_launch_with_scattered_blocks_measures_more(sides, pair_launcher, meter, percent, windows):
    base, head = sides(SPIN_4, SPIN_4)
    plan = replace(SHORT, max_windows=24)
    (pair,) = pair_launcher(base, head, meter=Scripted(meter, percent), plan=plan).launch().pairs
    assert [len(side.windows) for side in pair] == [windows, windows]


class Watching:
    """A meter that also looks at the CPU clocks of both workers around every measured window."""

    def __init__(self, meter, pids):
        self._meter, self._pids, self._measuring = meter, pids, False
        self.facts, self.cancel = meter.facts, meter.cancel
        self.spent_ns = []

    def begin_launch(self):
        self._measuring = True
        self._meter.begin_launch()

    def end_launch(self):
        self._measuring = False
        return self._meter.end_launch()

    def begin_window(self):
        self._meter.begin_window()
        self._before = self._clocks()

    def end_window(self, usage):
        reading = self._meter.end_window(usage)
        if self._measuring:
            after = self._clocks()
            self.spent_ns.append(sorted(b - a for a, b in zip(self._before, after, strict=True)))
        return reading

    def _clocks(self):
        # The kernel's CPU clock of another process (CPUCLOCK_SCHED, linux/posix-timers.h).
        return [time.clock_gettime_ns((~pid << 3) | 2) for pid in self._pids()] if self._measuring else []


@pytest.mark.measures
def test_all_threads_of_the_waiting_side_are_frozen(sides, pair_launcher, meter):
    base, head = sides(RESTLESS, RESTLESS)
    diary = Diary(base)
    watching = Watching(meter, lambda: [pid for _, pid, _ in diary.read("starts")])
    launcher = pair_launcher(base, head, meter=watching)
    launcher.launch()
    assert len(watching.spent_ns) >= 2 * launcher.plan.windows
    idle_ns, busy_ns = (sum(one) for one in zip(*watching.spent_ns, strict=True))
    assert busy_ns > 0.02 * len(watching.spent_ns) * 8e6  # the thread does spin, as far as neighbours let it
    assert idle_ns < 0.1 * busy_ns  # one that ran would take as much, for both are on the same CPU


FAILS = (
    DIARY
    + """
def make():
    write("starts")
    served = []

    def request():
        served.append(1)
        spin(4)
        if len(served) > 20:
            {deed}
        return 42

    return request
"""
)


@pytest.mark.parametrize(
    ("deed", "error", "said"),
    [
        ("raise ValueError('cold cache')", MeasurementError, "request 21 raised ValueError: cold cache"),
        ("os._exit(7)", WorkerDied, "exit code 7"),
    ],
)
@pytest.mark.parametrize("guilty", ["base", "head"])
def test_after_an_error_both_workers_are_gone(sides, pair_launcher, has_ended, *, guilty, deed, error, said):
    sources = {"base": SPIN_4, "head": SPIN_4, guilty: FAILS.format(deed=deed)}
    base, head = sides(sources["base"], sources["head"])
    with pytest.raises(error, match=said) as caught:
        pair_launcher(base, head, plan=SHORT).launch()
    assert caught.value.where == ("workload 'w' at base" if guilty == "base" else "workload 'w'")
    pids = [pid for _, pid, _ in Diary(base).read("starts")]
    assert len(pids) == 2
    assert all(has_ended(pid) for pid in pids)


FAMILY = (
    DIARY
    + """
def make():
    write("starts", *os.sched_getaffinity(0))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    child = os.posix_spawnp("sleep", ["sleep", "60"], os.environ)

    def request():
        spin(4)
        threads = map(int, os.listdir("/proc/self/task"))
        write("serves", *(cpu for one in (*threads, child) for cpu in os.sched_getaffinity(one)))
        return 42

    return request
"""
)


@pytest.mark.skipif(len(usable_cpus()) < 2, reason="one CPU")
def test_sides_that_start_at_once_load_on_different_cpus_and_are_measured_on_the_same(
    sides, pair_launcher, monkeypatch
):
    monkeypatch.setattr(launchers, "START_AT_ONCE_NS", 0)
    base, head = sides(FAMILY, FAMILY)
    launcher, diary = pair_launcher(base, head, at_once=True), Diary(base)
    launcher.launch()
    served = len(diary.read("serves"))
    cpus = launcher.launch().head[0].cpus
    assert len({words[0] for _, _, words in diary.read("starts")[2:]}) == 2
    assert {tuple(words) for _, _, words in diary.read("serves")[served:]} == {tuple(map(str, cpus * 3))}


def test_a_launch_after_a_failed_one_works(sides, pair_launcher):
    once = FAILS.format(deed="Path('failed').exists() or (Path('failed').touch(), os._exit(7))")
    base, head = sides(once, SPIN_4)
    launcher = pair_launcher(base, head, plan=SHORT)
    with pytest.raises(WorkerDied):
        launcher.launch()
    ((after_base, after_head),) = launcher.launch().pairs
    assert after_base.requests == after_head.requests == SHORT.windows * SHORT.calls


GREEDY = (
    DIARY
    + """
import fcntl


def make():
    memory = open("../memory", "w")
    fcntl.flock(memory, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as a GPU's memory: there is one for both
    write("starts")

    def request():
        spin({milliseconds})
        write("serves")
        return memory and 42

    return request
"""
)


@pytest.mark.measures
def test_sides_that_do_not_fit_into_memory_together_alternate_by_launch(sides, pair_launcher, has_ended):
    base, head = sides(GREEDY.format(milliseconds=4.0), GREEDY.format(milliseconds=8.0))
    launcher = pair_launcher(base, head)
    launches = launcher.launch() + launcher.launch()
    assert launcher.mode == "alternating"
    starts = Diary(base).read("starts")
    started = "".join("A" if side == "base" else "B" for side, _, _ in starts)
    assert {started[-8:-4], started[-4:]} <= {"ABBA", "BAAB"}
    assert len(started) == 9  # the one that was alone when the other did not fit, then four and four
    for base_launch, head_launch in launches.pairs:
        assert base_launch.requests == head_launch.requests > 0
        assert len(base_launch.windows) == len(head_launch.windows)
    for ratio in change_series(launches)["energy_per_request"].log_ratios:
        assert ratio == pytest.approx(math.log(2), abs=0.25)
    assert all(has_ended(pid) for _, pid, _ in starts)


def test_a_side_that_cannot_start_is_not_reported_as_too_large(sides, pair_launcher):
    base, head = sides("import nowhere", SPIN_4)
    with pytest.raises(MeasurementError, match="nowhere") as caught:
        pair_launcher(base, head).launch()
    assert caught.value.where == "workload 'w' at base"
