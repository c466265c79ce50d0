"""From counters and CPU time to a process's own joules: the energy model, as truth tables."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder_harness import SECOND

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import Gpu
from energygate.measure.meters import rapl
from energygate.measure.meters.rapl import Domain
from energygate.policy import parse_policy
from energygate.production.recorder import hardware_counters, machine_meter
from energygate.production.recorder.attribution import IdlePower, MeteredCpu, MeteredGpus, ModelledCpu
from energygate.production.recorder.cpu_time import ChildCpuTime, CpuTimeTracker, CpuUsage, Descendants
from energygate.production.recorder.hardware_counters import NvidiaCounter, RaplCounter
from energygate.production.recorder.machine_meter import MachineMeter, open_meter, quota
from energygate.production.recorder.peers import MachineUsage, NoPeers
from energygate.production.recorder.samples import SampleWindow


def window(wall=1.0, in_flight=0.0, cpu=0.0, begun=0):
    return SampleWindow(
        wall_ns=round(wall * SECOND),
        in_flight_ns=round(in_flight * SECOND),
        cpu_ns=round(cpu * SECOND),
        request_ns={},
        begun=begun,
    )


def usage(cpu=0.0, *, share=1.0, all_cpu=None, all_in_flight=0.0):
    return CpuUsage(
        cpu_ns=round(cpu * SECOND),
        machine=MachineUsage(
            share=share,
            cpu_ns=round((cpu if all_cpu is None else all_cpu) * SECOND),
            in_flight_ns=round(all_in_flight * SECOND),
        ),
    )


def pair(energy):
    return energy.requests_joules, energy.idle_joules


# The power model: 3 W at full load, 1 W at rest per vCPU, two of them.


@pytest.mark.parametrize(
    ("cpu", "in_flight", "requests", "idle"),
    [
        (0.0, 0.0, 0.0, 2.0),  # nothing happens: both rest
        (0.5, 1.0, 1.5, 1.5),  # half a CPU works for requests
        (0.5, 0.1, 1.5, 1.5),  # spinning between them is theirs, too, as it is in a check
        (0.5, 0.0, 0.0, 3.0),  # but there are none
        (2.0, 1.0, 6.0, 0.0),  # all of both
        (2.5, 1.0, 7.5, 0.0),  # more CPUs than it may use: nothing rests, and nothing is negative
    ],
)
def test_the_model_charges_requests_for_cpu_time_and_idle_for_the_rest(cpu, in_flight, requests, idle):
    meter = ModelledCpu(full_watts=3.0, idle_watts=2.0, cpus=2.0)
    assert pair(meter.energy(window(1.0, in_flight), usage(cpu))) == pytest.approx((requests, idle))


def test_idle_power_is_counted_once_across_processes():
    meter = ModelledCpu(full_watts=3.0, idle_watts=2.0, cpus=2.0)
    one = meter.energy(window(1.0, 0.2), usage(1.25, share=0.5, all_cpu=1.5))
    other = meter.energy(window(1.0, 0.2), usage(0.25, share=0.5, all_cpu=1.5))
    assert pair(one + other) == pytest.approx((3.0 * 1.5, 1.0 * 0.5))


# Counters of a whole machine


class Scripted:
    def __init__(self, *looks):
        self.looks = list(looks)

    def begin(self):
        pass

    def growth(self):
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def counted(*looks, busy=(), rest=4.0):
    busy_s = iter((0.0, *busy))
    part = MeteredCpu(Scripted(*looks), idle=IdlePower(rest), busy_s=lambda: next(busy_s))
    part.begin()
    return part


@pytest.mark.parametrize(
    ("joules", "in_flight", "cpu", "busy", "requests", "idle"),
    [
        (10, 1.0, 1.0, 1.0, 10, 0),  # in flight all the time, and alone: all is the requests'
        (10, 0.5, 1.0, 1.0, 8, 2),  # less what it rests without any: 10 J - 4 W x 0.5 s
        (4, 0.0, 0.0, 0.0, 0, 4),  # at rest
        (10, 1.0, 0.5, 1.0, 7, 0),  # half of the work is somebody else's: 4 + 6 / 2
        (10, 1.0, 0.0, 1.0, 4, 0),  # all of it is
        (3, 0.5, 0.5, 0.5, 1.5, 1.5),  # below its rest: shared by time
        (10, 0.5, 1.0, 0.9, 8, 2),  # the system counts in ticks, so the process may have used more than all
    ],
)
def test_requests_get_everything_above_idle(  # noqa: PLR0917 - a truth table
    joules, in_flight, cpu, busy, requests, idle
):
    part = counted((joules, 1.0), busy=[busy])
    found = part.energy(window(1.0, in_flight), usage(cpu))
    assert pair(found) == pytest.approx((requests, idle))


@given(
    joules=st.floats(0, 1e4),
    rest=st.floats(0, 100),
    cpus=st.lists(st.floats(0.001, 4), min_size=1, max_size=5),
    in_flight=st.floats(0, 1),
)
def test_processes_together_get_what_the_counter_counted(joules, rest, cpus, in_flight):
    """The law behind the shares: no joule twice, none lost, as long as these processes are all that works."""
    busy = sum(cpus)
    found = [
        counted((joules, 1.0), busy=[busy], rest=rest).energy(
            window(1.0, in_flight), usage(cpu, share=1 / len(cpus), all_cpu=busy)
        )
        for cpu in cpus
    ]
    assert sum(sum(pair(one)) for one in found) == pytest.approx(joules, rel=1e-5)  # whole ns
    assert all(joules >= 0 for one in found for joules in pair(one))


def test_the_next_reading_includes_a_failed_one():
    part = counted(MeasurementError("busy"), (20, 2.0), busy=[2.0])
    with pytest.raises(MeasurementError):
        part.energy(window(1.0, 1.0), usage(1.0))
    assert pair(part.energy(window(1.0, 1.0), usage(1.0))) == pytest.approx((20, 0))


def test_idle_power_is_learned_from_windows_without_requests():
    part = counted((50, 1.0), *[(5, 1.0)] * 4, (9, 1.0), (10, 1.0), busy=[1.0] * 9, rest=None)
    assert part.idle_watts == 0
    for _ in range(5):  # the first of them while the model was being loaded
        part.energy(window(1.0), usage(1.0))
    assert part.idle_watts == 5
    part.energy(window(1.0), usage(1.0, all_in_flight=0.1))  # somebody else is serving
    assert part.idle_watts == 5
    assert pair(part.energy(window(1.0, 0.5), usage(1.0))) == pytest.approx((7.5, 2.5))


@pytest.mark.parametrize(
    ("given_watts", "seen", "watts"),
    [(7.0, [1, 2, 3], 7.0), (None, [], 3.0), (None, [9], 9.0), (None, [8, 4], 5.0), (None, [1] * 99, 1.0)],
)
def test_idle_power_is_the_given_one_or_the_lower_quartile(given_watts, seen, watts):
    rest = IdlePower(given_watts, guess=3.0)
    for one in seen:
        rest.learn(one)
    assert rest.watts == watts


@pytest.mark.parametrize(
    ("in_flight", "all_in_flight", "share", "requests", "idle"),
    [
        (1.0, 1.0, 1.0, 100, 0),
        (0.5, 0.5, 1.0, 90, 10),  # kernels run on: all work is the requests', rest by time
        (0.5, 1.0, 0.5, 40 + 5, 5),  # two alike share work and rest
        (0.0, 1.0, 0.5, 0, 10),  # the other one serves
        (0.0, 0.0, 0.5, 0, 50),  # nobody serves: what is drawn all the same is shared evenly
    ],
)
def test_gpu_energy_goes_to_serving_processes(in_flight, all_in_flight, share, requests, idle):
    part = MeteredGpus(Scripted((100, 1.0)), idle=IdlePower(20.0))
    found = part.energy(window(1.0, in_flight), usage(share=share, all_in_flight=all_in_flight))
    assert pair(found) == pytest.approx((requests, idle))


# RAPL's counters, as files


@pytest.fixture
def domain(tmp_path):
    file = tmp_path / "energy_uj"

    def write(joules):
        file.write_text(f"{round(joules * 1e6)}\n", encoding="ascii")

    write(0)
    return Domain(name="package-0", file=file, range_joules=1000.0, max_watts=100.0), write


def test_a_counter_is_followed_across_wraps_and_failures(domain):
    (one, write), now = domain, [0]
    counter = RaplCounter([one], clock=lambda: now[0])

    def look(joules, seconds=1.0):
        write(joules)
        now[0] += round(seconds * SECOND)
        return counter.growth()

    write(950)
    counter.begin()
    assert look(980) == (pytest.approx(30), 1.0)
    assert look(40) == (pytest.approx(60), 1.0)  # past its end
    one.file.write_text("nonsense", encoding="ascii")
    now[0] += SECOND
    with pytest.raises(MeasurementError, match="cannot be read"):
        counter.growth()
    assert look(100) == (pytest.approx(60), 2.0)
    with pytest.raises(MeasurementError, match="ran backwards"):
        look(99)
    assert look(110) == (pytest.approx(11), 1.0)
    with pytest.raises(MeasurementError, match="more than once"):
        look(120, seconds=20)
    with pytest.raises(MeasurementError, match="more than the processor can draw"):
        look(900)
    assert look(930) == (pytest.approx(30), 1.0)


# GPUs, through a stand-in for NVIDIA's library


class Library:
    """Counts mJ and draws mW as set, by GPU."""

    # ruff: noqa: N802 - its names are NVIDIA's

    def __init__(self, **readings):
        self.__dict__.update(readings)

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if self.lost:
            raise pynvml.NVMLError_GpuIsLost
        return self.millijoules[handle]

    def nvmlDeviceGetPowerUsage(self, handle):
        return self.milliwatts[handle]


def gpu(index, **facts):
    return Gpu(index=index, uuid=f"GPU-{index}", name="made up", max_watts=700.0, period_ns=SECOND // 10, **facts)


def test_gpus_are_followed_by_counter_or_power_across_failures(monkeypatch):
    library = Library(millijoules={0: 5000}, milliwatts={1: 30_000}, lost=False)
    monkeypatch.setattr(hardware_counters, "pynvml", library)
    now = [0]
    counter = NvidiaCounter([gpu(0), gpu(1, has_counter=False)], clock=lambda: now[0])
    counter.begin()

    def look(millijoules, seconds=1.0):
        library.millijoules[0] = millijoules
        now[0] += round(seconds * SECOND)
        return counter.growth()

    assert look(105_000) == (pytest.approx(100 + 30), 1.0)
    library.lost = True
    with pytest.raises(MeasurementError, match=r"GPU 0 .* is lost"):
        look(0)
    library.lost = False
    assert look(305_000) == (pytest.approx(200 + 60), 2.0)
    with pytest.raises(MeasurementError, match="ran backwards"):
        look(1)
    assert look(1001, 0.5) == (pytest.approx(1 + 15), 0.5)


# CPU time of children


class FakeDescendants:
    def __init__(self):
        self.ended, self.living = 0, {}

    def ended_ns(self):
        return self.ended

    def living_ns(self):
        return dict(self.living)


def test_children_count_once_while_they_live_and_when_they_have_ended():
    descendants = FakeDescendants()
    descendants.living = {10: 500}
    children = ChildCpuTime(descendants)
    moved = [children.growth_ns(frozenset())]
    for ended, living in [
        (0, {10: 700}),
        (0, {10: 700, 11: 40}),  # a second one
        (60, {10: 900}),  # which ended at 60
        (60 + 30, {10: 900}),  # one that came and went in between
        (90 + 950, {}),
    ]:
        descendants.ended, descendants.living = ended, living
        moved.append(children.growth_ns(frozenset()))
    assert moved == [0, 200, 40, 220, 30, 50]


def test_children_that_record_for_themselves_are_left_out_even_when_they_have_ended():
    descendants = FakeDescendants()
    children = ChildCpuTime(descendants)
    children.growth_ns(frozenset())
    descendants.living = {10: 500, 11: 7}
    assert children.growth_ns(frozenset({10})) == 7
    descendants.living = {10: 800, 11: 8}
    assert children.growth_ns(frozenset({10})) == 1
    descendants.ended, descendants.living = 800, {11: 9}
    assert children.growth_ns(frozenset()) == 1


def test_real_children_are_counted():
    """In a process of its own, so that no other children count."""
    script = (
        "import subprocess, sys, time\n"
        "from energygate.production.recorder.cpu_time import ChildCpuTime, Descendants\n"
        "children = ChildCpuTime(Descendants())\n"
        "children.growth_ns(frozenset())\n"
        "burn = 'import os, time\\nwhile time.process_time() < 0.3: pass\\n'\n"
        "burn += 'print(time.process_time(), flush=True)\\ninput()\\nos._exit(0)'\n"
        "child = subprocess.Popen([sys.executable, '-c', burn], stdin=-1, stdout=-1, text=True)\n"
        "used = float(child.stdout.readline())\n"
        "living = children.growth_ns(frozenset())\n"
        "child.communicate('')\n"
        "print(used, living / 1e9, children.growth_ns(frozenset()) / 1e9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    used, living, after = map(float, done.stdout.split())
    # The system counts in ticks, and what the child does after it has told its time costs something as well: once is
    # told from never and from twice.
    assert used - 0.05 <= living < 1.7 * used
    assert after < 0.7 * used


# All together


def meter_of(*parts):
    return MachineMeter(
        parts,
        cpu_time=CpuTimeTracker(ChildCpuTime(FakeDescendants()), NoPeers()),
        method="measured",
        source="two parts",
    )


def test_parts_add_up_and_a_failing_one_does_not_affect_others():
    cpu = MeteredCpu(Scripted((10, 1.0), MeasurementError("gone")), idle=IdlePower(4.0), busy_s=lambda: 0.0)
    gpu = MeteredGpus(Scripted((100, 1.0), (100, 1.0)), idle=IdlePower(20.0))
    meter = meter_of(cpu, gpu)
    meter.begin()
    both = meter.read(window(1.0, 1.0, 1.0))
    assert pair(both) == pytest.approx((110, 0))
    alone = meter.read(window(1.0, 1.0, 1.0))
    assert pair(alone) == pytest.approx((100, 0))
    assert (both.missing, alone.missing) == ((), ("gone",))
    assert meter.info.idle_watts == 24.0


def test_cpu_time_includes_children_and_is_shared_with_peers():
    descendants, alone = FakeDescendants(), NoPeers()
    tracker = CpuTimeTracker(ChildCpuTime(descendants), alone)
    tracker.begin()
    descendants.ended = 2 * SECOND
    found = tracker.usage(window(4.0, 1.0, cpu=1.0, begun=3))
    assert (found.cpu_ns, found.machine.cpu_ns, found.machine.in_flight_ns) == (
        3 * SECOND,
        3 * SECOND,
        SECOND,
    )
    assert tracker.usage(window(1.0)).machine.cpu_ns == 0


def policy(**measurement):
    return parse_policy(
        json.dumps(
            {
                "version": 1,
                "measurement": measurement,
                "workloads": {"cnn": {"onnx": "cnn.onnx"}},
            }
        )
    )


@pytest.fixture
def no_counters(monkeypatch, tmp_path):
    monkeypatch.setattr(rapl, "POWERCAP", tmp_path / "none")


@pytest.fixture
def no_children(monkeypatch):
    """Whatever else this test run has started works, or ends, at any moment, and its CPU time would count as well."""
    monkeypatch.setattr(machine_meter, "Descendants", FakeDescendants)


@pytest.mark.usefixtures("no_counters", "no_children")
def test_a_machine_without_counters_gets_the_model_with_the_policys_watts():
    given_policy = policy(power_model={"idle": "1 W", "full": "3 W", "source": "a wall meter"})
    meter = open_meter(given_policy, given_policy.workloads["cnn"], interval_ns=SECOND)
    assert meter.info.method == "estimated"
    assert "3.00 W per vCPU" in meter.info.source
    assert meter.info.idle_watts == min(len(os.sched_getaffinity(0)), quota() or math.inf)  # 1 W each
    meter.begin()
    found = meter.read(window(1.0, 1.0, cpu=0.5))
    meter.close()
    assert found.requests_joules == pytest.approx(1.5)


@pytest.mark.usefixtures("no_counters", "no_children")
def test_the_idle_power_may_come_from_the_policy():
    given_policy = parse_policy("version: 1\nsite: {replica: {idle_power: 12 W}}\nworkloads: {cnn: {onnx: cnn.onnx}}\n")
    meter = open_meter(given_policy, given_policy.workloads["cnn"], interval_ns=SECOND)
    assert meter.info.idle_watts == 12
    meter.begin()
    assert meter.read(window(2.0)).idle_joules == pytest.approx(24)
    meter.close()


@pytest.mark.usefixtures("no_counters")
def test_require_measured_refuses_estimates():
    with pytest.raises(MeasurementError, match="requires measured energy"):
        open_meter(policy(require="measured"), policy().workloads["cnn"], interval_ns=SECOND)


def test_a_machine_with_counters_gets_them_each_once(monkeypatch, tmp_path):
    for directory, name, joules in [
        ("intel-rapl:0", "package-0", 1),
        ("intel-rapl-mmio:0", "package-0", 1),
        ("intel-rapl:1", "package-1", 2),
        ("intel-rapl:0:0", "dram", 3),
        ("intel-rapl:2", "psys", 9),
    ]:
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "name").write_text(name, encoding="ascii")
        (tmp_path / directory / "energy_uj").write_text(str(joules * 10**6), encoding="ascii")
    monkeypatch.setattr(rapl, "POWERCAP", tmp_path)
    monkeypatch.setattr(rapl, "update_period_ns", lambda _: 1_000_000)
    meter = open_meter(policy(), policy().workloads["cnn"], interval_ns=SECOND)
    assert (meter.info.method, meter.info.source, meter.period_ns) == ("measured", "RAPL", 1_000_000)
    read = [one.file.parent.name for one in meter._parts[0]._counter._domains]
    assert read == [
        "intel-rapl:0",
        "intel-rapl:1",
        "intel-rapl:0:0",
    ]  # no mirror, and not the board as a whole
    meter.begin()
    assert meter.read(window(1.0)).missing == ()
    meter.close()
    monkeypatch.setattr(rapl, "update_period_ns", lambda _: None)  # they stand still
    still = open_meter(policy(), policy().workloads["cnn"], interval_ns=SECOND)
    assert still.info.method == "estimated"
    still.close()


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_a_containers_quota_limits_its_idle_power(tmp_path, files, cpus):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    assert quota(tmp_path) == cpus


def test_the_machines_busy_time_grows_with_work():
    before = machine_meter.busy_s()
    sum(range(10_000_000))
    assert math.isfinite(before)
    assert machine_meter.busy_s() > before


def test_the_descendants_of_this_process_can_be_listed():
    assert isinstance(Descendants().living_ns(), dict)
