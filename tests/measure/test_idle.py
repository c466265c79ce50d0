"""Idle power, and the active part of a reading."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.meters.idle import active_joules, measure_idle_watts
from energygate.measure.meters.model_meter import modelled, modelled_cpu
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading


def facts(*components):
    return MeterFacts(components=components, codecarbon_version="3", min_window_ns=1)


def counted(name, idle_watts):
    return ComponentFacts(
        name=name,
        method=Method.MEASURED,
        device="",
        source="",
        citation="",
        uncertainty=0,
        idle_watts=idle_watts,
    )


def reading(**joules):
    return Reading(
        components=tuple(
            Component(name=name, energy_joules=one, method=Method.MEASURED) for name, one in joules.items()
        )
    )


def test_a_burst_while_idle_is_ignored():
    looks = iter([[40.0, 5.0], [400.0, 9.0], [41.0, 5.0], [39.0, 5.0], [390.0, 5.0]] * 2)
    assert measure_idle_watts(lambda _: next(looks), period_ns=1_000_000, idle_s=2.0) == (41.0, 5.0)


@pytest.mark.parametrize(
    ("period_ns", "idle_s", "windows", "window_s"),
    [
        (1_000_000, 2.0, 10, 0.2),
        (100_000_000, 2.0, 7, 2 / 7),  # three periods of a GPU's counter
        (1_000_000, 0.05, 5, 0.01),
        (100_000_000, 0.05, 5, 0.3),
    ],
)
def test_several_windows_of_several_periods_each(period_ns, idle_s, windows, window_s):
    asked = []

    def window(seconds):
        asked.append(seconds)
        return [1.0]

    measure_idle_watts(window, period_ns=period_ns, idle_s=idle_s)
    assert len(asked) == windows
    assert asked == pytest.approx([window_s] * windows, rel=0.06)
    assert all(one >= 3 * period_ns * 1e-9 * 0.999 for one in asked)


def test_a_counters_idle_power_counts_by_the_second():
    meter = facts(counted("cpu", 40.0), counted("gpu", 70.0))
    assert active_joules(reading(cpu=100.0, gpu=300.0), meter, wall_ns=2_000_000_000) == 100 + 300 - 2 * 110


@given(cpu_ns=st.integers(1, 10**12), wall_ns=st.integers(1, 10**12))
def test_a_models_idle_power_counts_by_the_cpu_second(machine, power, cpu_ns, wall_ns):
    meter = facts(modelled_cpu(power, machine))
    gross = Reading(components=(modelled(power, SimpleNamespace(wall_ns=wall_ns, cpu_ns=cpu_ns)),))
    active = active_joules(gross, meter, wall_ns=wall_ns)
    assert active == pytest.approx((power.full_watts - power.idle_watts) * cpu_ns * 1e-9)
    assert 0 < active < gross.energy_joules


def test_energy_below_idle_is_negative_active_energy_and_adds_up():
    meter = facts(counted("cpu", 40.0))
    windows = [reading(cpu=39.0), reading(cpu=43.0)]
    assert sum(active_joules(one, meter, wall_ns=1_000_000_000) for one in windows) == pytest.approx(2.0)
