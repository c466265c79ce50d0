"""Watts per vCPU: the size of the estimate, its laws, and codecarbon's own model in comparison."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from codecarbon.core.cpu import DEFAULT_POWER_PER_CORE, TDP
from codecarbon.external.hardware import CPU
from hypothesis import given
from hypothesis import strategies as st
from powercap import MACHINE
from processors import EPYC_9V74, EPYC_7763, NAMES, watts

from energygate.measure.meters.model_meter import MODEL_WINDOW_NS, ModelMeter
from energygate.measure.power_model import How, vcpu_power
from energygate.measure.processor import Processor

# The size of the numbers.


@pytest.mark.parametrize(
    ("name", "cpus"),
    [
        (EPYC_7763, 4),
        (EPYC_9V74, 4),
        ("AMD EPYC 9V45 96-Core Processor", 4),
        ("Microsoft Azure Cobalt 100", 4),
        ("Arm Neoverse-N1", 4),
        ("Apple M1 (Virtual)", 3),
    ],
)
def test_a_busy_hosted_runner_on_amd_arm_or_apple_draws_2_to_9_watts(name, cpus):
    power = watts(name)
    assert 2 <= cpus * power.full_watts <= 9
    assert power.idle_watts_of(cpus) <= cpus * power.full_watts / 2


@pytest.mark.parametrize(
    ("name", "full_watts"),
    [
        ("Intel(R) Xeon(R) Platinum 8573C", 11.8),
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", 14.6),
        ("Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz", 14.7),
        ("Intel(R) Xeon(R) CPU E5-2673 v3 @ 2.40GHz", 15.3),
        ("Intel(R) Xeon(R) Platinum 8272CL CPU @ 2.60GHz", 15.9),
        ("Intel(R) Xeon(R) Platinum 8171M CPU @ 2.60GHz", 16.8),
    ],
)
def test_a_hosted_runner_on_intel_draws_2_to_9_watts_with_one_busy_cpu_and_up_to_17_with_four(name, full_watts):
    """Published servers with these chips draw 3 to 4 W per thread at full load; it is not made smaller here."""
    power = watts(name)
    one_busy = power.idle_watts_of(3) + power.full_watts
    assert 2 <= power.idle_watts_of(4) < one_busy <= 9
    assert 4 * power.full_watts == pytest.approx(full_watts, abs=0.05)


@pytest.mark.parametrize(
    ("name", "cpus", "idle_watts", "full_watts"),
    [
        (EPYC_7763, 4, 1.7586, 8.1796),
        ("AMD EPYC 7B12", 2, 1.0641, 4.4093),
        ("Apple M1 (Virtual)", 3, 4.4457, 15.5289),
    ],
)
def test_the_stated_uncertainty_covers_what_another_model_says(name, cpus, idle_watts, full_watts):
    """Eco-CI's curves, made independently (energy estimation v5, 2026-06)."""
    power = watts(name)
    for ours, theirs in ((power.idle_watts_of(cpus), idle_watts), (cpus * power.full_watts, full_watts)):
        assert abs(theirs - ours) <= power.uncertainty * ours


# The laws of the estimate.

each_row = st.sampled_from([watts(name) for name in {family: name for name, family in NAMES.items()}.values()])


@given(power=each_row, shares=st.lists(st.integers(0, 10**12), min_size=1, max_size=64))
def test_any_split_of_the_same_cpu_time_costs_the_same(power, shares):
    """However CPU time is spread over cores, processes or windows: summed before or after, less than 5 % apart."""
    at_once = power.energy_joules(sum(shares))
    assert sum(power.energy_joules(share) for share in shares) == pytest.approx(at_once, rel=1e-9)


@given(power=each_row, total_ns=st.integers(5_000_000, 10**12), cores=st.integers(1, 64))
def test_a_clock_that_counts_microseconds_costs_a_split_less_than_5_percent(power, total_ns, cores):
    """The shortest window, on many cores, each core's time cut off below a microsecond."""
    counted = sum(total_ns * (core + 1) // cores - total_ns * core // cores for core in range(cores))
    assert counted == total_ns
    cut = sum((total_ns * (core + 1) // cores - total_ns * core // cores) // 1000 * 1000 for core in range(cores))
    assert power.energy_joules(cut) == pytest.approx(power.energy_joules(total_ns), rel=0.05)


@given(
    power=each_row,
    windows_ns=st.lists(st.integers(MODEL_WINDOW_NS, 10**12), min_size=1, max_size=32),
    cores=st.integers(1, 64),
)
def test_readings_do_not_depend_on_the_number_of_cores_or_windows(power, windows_ns, cores):
    """One core for long, or many for a moment; window by window, or all in one."""
    tracker = SimpleNamespace(version="0", ram_watts=0.0)  # only codecarbon's own account needs a real one
    meter = ModelMeter(tracker, power=power, machine=MACHINE)

    def joules(cpu_ns, *, on):
        wall_ns = max(cpu_ns // on, MODEL_WINDOW_NS)
        return meter.end_window(SimpleNamespace(wall_ns=wall_ns, cpu_ns=cpu_ns)).energy_joules

    at_once = joules(sum(windows_ns), on=1)
    assert sum(joules(cpu_ns, on=cores) for cpu_ns in windows_ns) == pytest.approx(at_once, rel=1e-9)


@given(power=each_row, less=st.integers(0, 10**15), more=st.integers(0, 10**15))
def test_more_work_never_costs_less(power, less, more):
    assert power.energy_joules(less + more) >= power.energy_joules(less)


@given(power=each_row, cpu_count=st.integers(1, 512))
def test_idle_watts_grow_with_the_machine(power, cpu_count):
    assert power.idle_watts_of(cpu_count) == pytest.approx(cpu_count * power.idle_watts)


def test_energy_is_watts_of_full_load_times_cpu_time():
    power = watts(EPYC_7763)
    assert power.energy_joules(1_000_000_000) == pytest.approx(2.0193)
    assert power.idle_watts == pytest.approx(0.4454)
    assert power.energy_joules(0) == 0.0


# What codecarbon alone would say: its own code, for contrast.


def codecarbons_chip_watts(name, *, cpus=4):
    """What it takes as the whole chip's power on a machine of so many CPUs."""
    known = TDP._get_cpu_power_from_registry(TDP.__new__(TDP), name)
    return known or cpus * DEFAULT_POWER_PER_CORE


def codecarbons_watts(name, *, load_percent):
    cpu = CPU(output_dir=".", mode="cpu_load", model=name, tdp=codecarbons_chip_watts(name))

    class Meter:
        def percent(self):
            return load_percent

    cpu._cpu_load_meter = Meter()
    return cpu._get_power_from_cpu_load().W


@pytest.mark.parametrize("load_percent", [0, 25, 50, 100])
def test_a_slice_of_a_chip_is_not_charged_with_the_whole_chip(load_percent):
    """codecarbon on a 4-vCPU slice of an EPYC 7763: 28 to 280 W, 8 to 35 times the slice's share."""
    power = watts(EPYC_7763)
    busy = load_percent / 100
    ours = power.idle_watts_of(4) + 4 * busy * (power.full_watts - power.idle_watts)
    assert 8 < codecarbons_watts(EPYC_7763, load_percent=load_percent) / ours < 36


def test_the_cpu_models_of_hosted_runners_give_similar_energy():
    """The same label draws either: codecarbon's figures are 17.5 times apart: it knows one, not the other."""
    assert codecarbons_watts(EPYC_7763, load_percent=100) == pytest.approx(
        17.5 * codecarbons_watts(EPYC_9V74, load_percent=100)
    )
    assert watts(EPYC_7763).full_watts / watts(EPYC_9V74).full_watts == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("power", "how"),
    [
        (watts("Brand-New Processor 1"), How.AVERAGE),
        (vcpu_power(Processor(name="AMD EPYC 10X00", vendor="AuthenticAMD", family=30, model=0)), How.FAMILY),
    ],
)
def test_an_unknown_cpu_is_noted_as_such(power, how):
    assert power.how is how
    assert power.uncertainty >= 0.6
    assert ("unknown processor" in power.described) == (how is How.AVERAGE)
    assert how is How.AVERAGE or "any generation" in power.described


def test_energy_does_not_depend_on_how_load_is_spread_over_cpus():
    """Four seconds of one core against one second of four, the same work: by codecarbon's cube 2.19 times as much."""
    four_seconds_of_one = 4 * codecarbons_watts(EPYC_7763, load_percent=25)
    one_second_of_four = codecarbons_watts(EPYC_7763, load_percent=100)
    assert one_second_of_four / four_seconds_of_one == pytest.approx(2.19, abs=0.01)
    power = watts(EPYC_7763)
    spread = sum(power.energy_joules(1_000_000_000) for _ in range(4))
    assert spread == pytest.approx(power.energy_joules(4_000_000_000), rel=1e-12)
