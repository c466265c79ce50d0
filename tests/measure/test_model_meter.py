"""The power model as a meter, and the best meter that a machine has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from energygate.errors import MeasurementError
from energygate.measure.meters.counter_meter import CounterMeter
from energygate.measure.meters.model_meter import ModelMeter
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.meters.tracker import COUNTER_MODES, Tracker
from energygate.measure.readings import Method


@pytest.fixture(scope="module")
def tracker():
    return Tracker()


@pytest.fixture
def model_meter(tracker, machine, power):
    return ModelMeter(tracker, power=power, machine=machine)


def test_the_model_reads_cpu_time_and_nothing_else(model_meter):
    model_meter.begin_window()
    reading = model_meter.end_window(SimpleNamespace(wall_ns=9_000_000_000, cpu_ns=500_000_000))
    (cpu,) = reading.components
    assert (cpu.name, cpu.method) == ("cpu", Method.ESTIMATED)
    assert reading.energy_joules == pytest.approx(2.0193 / 2)


@pytest.mark.parametrize("cpu_ns", [0, -1])
def test_no_cpu_time_is_an_error_not_a_saving(model_meter, cpu_ns):
    model_meter.begin_window()
    with pytest.raises(MeasurementError, match=r"the worker used no CPU time in a window of 20\.0 ms"):
        model_meter.end_window(SimpleNamespace(wall_ns=20_000_000, cpu_ns=cpu_ns))


def test_the_model_says_where_its_watts_come_from(model_meter, machine, power):
    facts = model_meter.facts
    assert facts.method is Method.ESTIMATED
    assert facts.source == power.described
    assert power.citation in facts.citation
    assert facts.uncertainty == power.uncertainty
    (cpu,) = facts.components
    assert (cpu.name, cpu.method, cpu.device) == ("cpu", Method.ESTIMATED, machine.cpu_model)
    assert facts.components[0].period_ns is None


def test_an_idle_machine_draws_the_idle_watts_of_its_cpus(model_meter, machine, power):
    assert model_meter.facts.idle_watts == pytest.approx(power.idle_watts * machine.cpu_count)
    assert model_meter.facts.idle_method is Method.ESTIMATED


def test_codecarbons_constant_for_memory_is_in_no_reading(model_meter, power):
    model_meter.begin_window()
    reading = model_meter.end_window(SimpleNamespace(wall_ns=10**12, cpu_ns=1_000_000_000))
    assert reading.energy_joules == pytest.approx(power.full_watts)
    assert model_meter.facts.codecarbon_ram_watts > 0


def test_codecarbons_figure_is_reported_beside_the_models(model_meter):
    model_meter.begin_launch()
    assert model_meter.end_launch() >= 0


def test_a_cancelled_codecarbon_task_does_not_affect_the_next(model_meter):
    model_meter.begin_launch()
    model_meter.cancel()
    model_meter.begin_launch()
    assert model_meter.end_launch() >= 0


def test_a_machine_gets_the_best_meter_it_has(tracker, machine, power):
    """A counter where codecarbon reads one, and never a table value in its name."""
    meter = open_meter(machine, power=power, idle_s=0)
    counted = tracker.cpu_mode in COUNTER_MODES
    assert isinstance(meter, CounterMeter if counted else ModelMeter)
    assert meter.facts.method is (Method.MEASURED if counted else Method.ESTIMATED)
    assert meter.facts.codecarbon_version == tracker.version
