"""The shape of a load shows in the verdict: gaps between requests, queues, and what requests yield."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from base_projects import PATIENT, QUICK, Project, limit
from commands import FIXTURES
from parallel import repeated

from energygate.measure.launch import inputs_measured
from energygate.measure.launch_session import LaunchSession
from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import usable_cpus
from energygate.measure.series import change_series
from energygate.measure.windows import LaunchPlan
from energygate.policy import Workload

SPIN = """
import time


def make():
    def request():
        end = time.thread_time_ns() + {milliseconds} * 1e6
        while time.thread_time_ns() < end:
            pass
        return 42

    return request
"""

SESSIONS = (FIXTURES / "sessions.py").read_text(encoding="utf-8")
SLEEPS, SPINS = (SESSIONS + f"\n\nmake = {how}\n" for how in ("sleeps", "spins"))

PACED = LaunchPlan(calls=5, windows=4, max_warm_up=6, warm_up_calls=2)


def under(servings, **workload):
    """The same sides with another workload of the policy."""
    return [replace(one, workload=Workload(python="app:make", **workload)) for one in servings]


@pytest.fixture
def asked(monkeypatch):
    """What the sessions asked of their workers: side, first call, arrivals; measured windows only."""
    found = []
    serve = LaunchSession._serve

    def spy(session, calls, *, first=None, arrivals=None):
        if first is not None:
            offsets = None if arrivals is None else tuple(arrivals.offsets_ns)
            found.append((session._serving.side.name, first, offsets))
        return serve(session, calls, first=first, arrivals=arrivals)

    monkeypatch.setattr(LaunchSession, "_serve", spy)
    return found


def test_both_sides_get_the_same_arrivals_and_each_window_others(sides, pair_launcher, asked):
    base, head = under(sides(SPIN.format(milliseconds=1), SPIN.format(milliseconds=1)), load={"rate": "50 req/s"})
    launcher = pair_launcher(base, head, plan=PACED)
    launches = launcher.launch() + launcher.launch()
    by_side = {side: [(first, offsets) for name, first, offsets in asked if name == side] for side in ("base", "head")}
    assert by_side["base"] == by_side["head"]
    assert len({offsets for _, offsets in by_side["base"]}) == 2 * PACED.windows
    for launch in launches.base + launches.head:
        for window in launch.windows:
            assert window.scheduled_ns == 100_000_000  # five requests at 50 a second
            assert window.wall_ns >= window.scheduled_ns
            assert window.requests == 5


def test_the_seed_of_the_policy_decides_when_requests_arrive(sides, pair_launcher, asked):
    base, head = under(sides(SPIN.format(milliseconds=1), SPIN.format(milliseconds=1)), load={"rate": "50 req/s"})
    arrivals = []
    for seed in (0, 0, 1):
        asked.clear()
        pair_launcher(replace(base, seed=seed), replace(head, seed=seed), plan=PACED).launch()
        arrivals.append([offsets for name, _, offsets in asked if name == "head"])
    assert arrivals[0] == arrivals[1] != arrivals[2]


@pytest.mark.measures
@pytest.mark.parametrize(
    "load",
    ["closed", *repeated({"concurrency": 2}, {"rate": "40 req/s"}), {"rate": "40 req/s", "concurrency": 2}],
)
def test_twice_the_work_is_twice_the_energy_under_every_load(sides, pair_launcher, load):
    base, head = under(sides(SPIN.format(milliseconds=5.0), SPIN.format(milliseconds=10.0)), load=load)
    plan = LaunchPlan(calls=10, windows=4, max_warm_up=6, warm_up_calls=2)
    launch = pair_launcher(base, head, plan=plan).launch()
    (ratio,) = change_series(launch)["energy_per_request"].log_ratios
    # Waiting and threads cost the same on both sides: they take from the change, and add nothing to it.
    assert ratio == pytest.approx(math.log(2), abs=0.25)


YIELDING = """
import time


def make():
    def request(number):
        end = time.thread_time_ns() + {milliseconds} * 1e6
        while time.thread_time_ns() < end:
            pass
        return {{"tokens": int(number[0])}}

    return request
"""


def test_windows_of_both_sides_serve_the_same_requests_whatever_was_served_before(sides, pair_launcher):
    """A slower side is calibrated with fewer calls, and may warm up longer: that must not shift its windows."""
    base, head = under(
        sides(YIELDING.format(milliseconds=1), YIELDING.format(milliseconds=3)),
        inputs="in.npz",
        units="tokens",
    )
    np.savez(base.inputs_directory / "in.npz", number=np.arange(1, 12))
    # Eleven: windows of a millisecond's calls have eight at most, so none can hold all, and no two are alike.
    (sides_of_a_launch,) = pair_launcher(base, head).launch().pairs
    units = [[window.units for window in side.windows] for side in sides_of_a_launch]
    assert units[0] == units[1]
    assert len(set(units[0])) > 1


def test_the_seed_of_the_policy_decides_the_order_of_the_inputs(sides, pair_launcher):
    source = YIELDING.format(milliseconds=1)
    base, head = under(sides(source, source), inputs="in.npz", units="tokens")
    np.savez(base.inputs_directory / "in.npz", number=np.arange(1, 12))
    plan = LaunchPlan(calls=1, windows=12, max_warm_up=2)
    orders = []
    for seed in (0, 0, 1):
        one = pair_launcher(replace(base, seed=seed), replace(head, seed=seed), plan=plan).launch()
        assert inputs_measured(one) == (11, 11)
        orders.append([window.units for window in one.head[0].windows])
    for order in orders:
        assert sorted(order[:11]) == list(range(1, 12)) != order[:11]
        assert order[11] == order[0]
    assert orders[0] == orders[1] != orders[2]


def test_head_alone_is_measured_under_its_load(sides, meter, asked):
    # Far less than the 20 ms between arrivals, also where neighbours take most of the CPU.
    _, head = under(sides("", SPIN.format(milliseconds=0.2)), load={"rate": "50 req/s"})
    launcher = Launcher(
        head,
        meter,
        cpu_sets=[usable_cpus()[:1]],
        time_limit_ns=8e9,
        coin=random.Random(0),  # noqa: S311 - an order, not a secret
        clock=lambda: 0,
    )
    (launch,) = launcher.launch().head
    assert launcher.plan.calls == 25
    assert {window.scheduled_ns for window in launch.windows} == {500_000_000}
    assert [first for _, first, _ in asked] == [25 * number for number in range(launcher.plan.windows)]


@pytest.mark.measures
def test_the_energy_of_spinning_idle_threads_shows_at_a_rate(sides, pair_launcher):
    """Back to back it is not hidden everywhere: a thread spins, too, while a neighbour keeps the other from its CPU."""
    base, head = under(sides(SLEEPS, SPINS), threads=2, load={"rate": "20 req/s"})
    launcher = pair_launcher(base, head, plan=LaunchPlan(calls=10, windows=4, max_warm_up=6, warm_up_calls=5))
    launcher._cpu_sets = itertools.cycle(cpu_sets(usable_cpus(), 2))
    change = change_series(launcher.launch())["energy_per_request"]
    assert math.exp(change.log_ratios[0]) > 1.3


# --- The real command --------------------------------------------------------------------------------------


@pytest.mark.measures
@pytest.mark.repeats
def test_a_session_option_that_spins_between_requests_fails_at_a_rate(tmp_path):
    project = Project(root=tmp_path / "project")
    project.write("app.py", SLEEPS)
    workload = {"python": "app:make", "threads": 2, "load": {"rate": "40 req/s"}, "budgets": limit("10 %")}
    project.policy({"bursty": workload}, time_limit="60 s")
    project.commit(branch="change")
    project.write("app.py", SPINS)
    project.commit()
    checked = project.check(*PATIENT)
    assert checked.ran.code == 1, checked.ran.said
    assert checked.ran.out.startswith("✗ FAIL  bursty needs ")
    assert checked.workloads["bursty"]["metrics"]["energy_per_request"]["change"]["low"] > 0.1


def test_saturation_is_reported(tmp_path):
    project = Project(root=tmp_path / "project")
    project.spin("app.py", 8.0)
    project.policy({"w": {"python": "app:make", "load": {"rate": "500 req/s"}}}, time_limit=QUICK)
    checked = project.check(launches=1)
    (note,) = [one for one in checked.workloads["w"]["notes"] if "saturated" in one]
    assert note.startswith("saturated: it serves ")
    assert " of the 500 that arrive; latencies grow for as long as requests arrive" in note
    assert note in checked.ran.out


@pytest.mark.measures
def test_fewer_tokens_for_less_energy_are_no_saving(tmp_path):
    project = Project(root=tmp_path / "project")
    answer = 'return {{"text": "word", "tokens": {tokens}}}'
    source = SPIN.replace("return 42", answer)
    project.write("app.py", source.format(milliseconds=4.0, tokens=100))
    budgets = {"energy_per_request": {"max_increase": "5 %"}, "energy_per_unit": {"max_increase": "5 %"}}
    workload = {"python": "app:make", "units": "tokens", "budgets": budgets}
    project.policy({"w": workload}, time_limit="10 s", site={"pue": 1.5})
    project.commit(branch="change")
    project.write("app.py", source.format(milliseconds=3.0, tokens=50))
    project.commit()
    checked = project.check(*PATIENT)
    assert checked.ran.code == 1, checked.ran.said
    metrics = checked.workloads["w"]["metrics"]
    verdicts = {name: metrics[name]["findings"][0]["verdict"] for name in budgets}
    assert verdicts == {"energy_per_request": "pass", "energy_per_unit": "fail"}
    assert metrics["energy_per_unit"]["change"]["estimate"] == pytest.approx(0.5, abs=0.2)
    assert metrics["energy_per_unit"]["head"] * 50 == pytest.approx(metrics["energy_per_request"]["head"])
    (note,) = [one for one in checked.workloads["w"]["notes"] if "tokens" in one]
    assert note.endswith("compare energy per unit, not energy per request")


def test_requests_that_are_too_rare_for_the_time_limit_are_an_error_that_says_what_to_do(tmp_path):
    project = Project(root=tmp_path / "project")
    project.spin("app.py", 1.0)
    project.policy({"w": {"python": "app:make", "load": {"rate": "1 req/min"}}})
    checked = project.check()
    assert checked.ran.code == 3
    assert "at 1 req/min too few requests arrive in 30 s of measuring" in checked.ran.said
    assert "Raise `measurement.time_limit` to 480 s" in checked.ran.said
