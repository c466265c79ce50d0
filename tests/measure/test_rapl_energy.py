"""Joules of processors and memory: codecarbon's own RAPL code against counters that a test moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from powercap import RANGE_JOULES

from energygate.errors import MeasurementError
from energygate.measure.meters.counter_meter import CounterMeter
from energygate.measure.meters.model_meter import ModelMeter
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.meters.rapl import Domain
from energygate.measure.readings import Method

USAGE = SimpleNamespace(wall_ns=100_000_000, cpu_ns=100_000_000)


def joules(reading):
    return {component.name: component.energy_joules for component in reading.components}


def window(meter, happening=lambda: None, *, seconds=0.1):
    """One measured window of so many seconds in which that happens."""
    meter, simulated = meter
    meter.begin_launch()
    meter.begin_window()
    happening()
    simulated.sleep(seconds)
    return meter.end_window(USAGE)


def test_a_counter_that_moves_while_it_is_read_is_read_consistently(powercap, meter_on, monkeypatch):
    """codecarbon looks a little later than we do, at each counter later than at the one before."""
    tree = powercap(packages=2)
    packages, memory = ["package-0", "package-1"], ["dram-0", "dram-1"]
    meter, simulated = meter_on(tree)
    read = Domain.read
    monkeypatch.setattr(Domain, "read", lambda domain: (simulated.perf_counter_ns(), read(domain))[1])
    simulated.watts = {"package-0": 120, "package-1": 60, "core-0": 100, "dram-0": 12, "dram-1": 8}

    def injected(names):
        return sum(tree[name].now() for name in names)

    for _ in range(3):
        before = injected(packages), injected(memory)
        meter.begin_window()
        inside = injected(packages), injected(memory)
        simulated.sleep(0.5)
        inside = [injected(names) - was for names, was in zip((packages, memory), inside, strict=True)]
        reading = joules(meter.end_window(USAGE))
        outside = [injected(names) - was for names, was in zip((packages, memory), before, strict=True)]
        # It lies between what was injected inside of the window and what was until it had been read.
        assert inside[0] - 1e-5 <= reading["cpu"] <= outside[0] + 1e-5
        assert inside[1] - 1e-5 <= reading["dram"] <= outside[1] + 1e-5
        assert outside[0] <= 1.01 * inside[0]
        assert inside[0] == pytest.approx(90)


def test_exactly_the_injected_joules_are_read(powercap, meter_on):
    tree = powercap(packages=2)
    meter = meter_on(tree)

    def draw():
        for name, amount in (("package-0", 0.7), ("package-1", 0.4), ("core-0", 0.6), ("dram-0", 0.05)):
            tree[name].advance(amount)

    assert joules(window(meter, draw)) == pytest.approx({"cpu": 1.1, "dram": 0.05}, rel=1e-6)


def test_memory_is_counted_once_and_only_where_it_is_measured(powercap, meter_on):
    """codecarbon's watts for memory are a constant, and its switch for the counter would count memory twice."""
    tree = powercap(dram=False)
    meter = meter_on(tree)
    assert joules(window(meter, lambda: tree["package-0"].advance(0.5))) == {"cpu": pytest.approx(0.5)}
    assert [component.name for component in meter[0].facts.components] == ["cpu"]
    assert meter[0].facts.codecarbon_ram_watts > 0


@pytest.mark.parametrize("before_the_end", [0.1, 0.3, 0.000_001])
def test_a_counter_that_wraps_around_is_followed(powercap, meter_on, before_the_end):
    tree = powercap()
    meter = meter_on(tree)
    tree["package-0"].set(RANGE_JOULES - before_the_end)
    assert joules(window(meter, lambda: (tree["package-0"].advance(0.4), tree["dram-0"].advance(0.1))))[
        "cpu"
    ] == pytest.approx(0.4, rel=1e-4)


def test_a_reset_counter_is_not_taken_for_a_wrapped_one(powercap, meter_on):
    tree = powercap()
    meter = meter_on(tree)

    def reset():
        tree["package-0"].set(0.2)
        tree["dram-0"].advance(0.1)

    # codecarbon alone says a quarter of a million joules.
    meter[0]._tracker.begin()
    reset()
    assert meter[0]._tracker.end().cpu_joules > 260_000

    tree["package-0"].set(1000)
    with pytest.raises(MeasurementError, match=r"package-0 ran backwards, from 1000 J to 0 J.* it was reset"):
        window(meter, reset)
    tree["package-0"].set(1000)
    assert window(meter, lambda: (tree["package-0"].advance(0.3), tree["dram-0"].advance(0.1)))


def test_a_counter_that_becomes_unreadable_is_an_error_and_not_zero(powercap, meter_on):
    tree = powercap(packages=2, dram=False)
    meter = meter_on(tree)

    def lose_one():
        tree["package-0"].advance(0.4)
        tree["package-1"].lose()

    with pytest.raises(MeasurementError, match=r"package-1 cannot be read \(.*No such file") as caught:
        window(meter, lose_one)
    assert "chmod" in caught.value.hint
    # codecarbon alone says half, without a word above its debug level.
    before = list(meter[0]._tracker.warnings)
    meter[0]._tracker.begin()
    tree["package-0"].advance(0.4)
    assert meter[0]._tracker.end().cpu_joules == pytest.approx(0.4)
    assert meter[0]._tracker.warnings == before
    with pytest.raises(MeasurementError, match="package-1 cannot be read"):
        meter[0].begin_window()


def test_a_stuck_counter_is_an_error_and_not_a_saving(powercap, meter_on):
    tree = powercap()
    meter = meter_on(tree)
    with pytest.raises(MeasurementError, match="the RAPL counter did not change in a window of"):
        window(meter)
    with pytest.raises(MeasurementError, match=r"the RAPL \(memory\) counter did not change"):
        window(meter, lambda: tree["package-0"].advance(0.3))


def test_more_watts_than_the_processor_can_draw_are_refused(powercap, meter_on):
    tree = powercap(tdp_watts=100)
    meter = meter_on(tree)
    assert meter[0].facts.components[0].max_watts == 300

    def draw(amount):
        return lambda: (tree["package-0"].advance(amount), tree["dram-0"].advance(0.05))

    with pytest.raises(MeasurementError, match=r"cannot draw more than 300 W"):
        window(meter, draw(500))
    assert joules(window(meter, draw(4)))["cpu"] == pytest.approx(4)


def test_a_counter_dropped_by_codecarbon_is_detected(powercap, meter_on):
    """Two processors whose counters happen to be equal are one to codecarbon from then on."""
    tree = powercap(packages=2, dram=False)
    meter = meter_on(tree)
    tree["package-1"].set(tree["package-0"].joules)

    def draw():
        tree["package-0"].advance(20)
        tree["package-1"].advance(19.5)

    with pytest.raises(MeasurementError, match=r"codecarbon read 20 J where .* counted 39\.5 J"):
        window(meter, draw, seconds=0.2)


def test_mirrored_counters_of_one_processor_count_once_with_a_note(powercap, meter_on):
    tree = powercap(packages=2, dram=False)
    tree["package-1"].set(tree["package-0"].joules)
    meter = meter_on(tree)
    (note,) = meter[0].facts.notes
    assert note == "codecarbon takes the RAPL counters package-1 for duplicates"

    def draw():
        for name in ("package-0", "package-1"):
            tree[name].advance(0.5)

    assert joules(window(meter, draw)) == {"cpu": pytest.approx(0.5)}


def test_a_window_shorter_than_the_counters_period_is_refused(powercap, meter_on):
    tree = powercap(dram=False)
    meter = meter_on(tree, period_ns=50_000_000)
    assert meter[0].facts.min_window_ns == 5_000_000_000
    draw = lambda: tree["package-0"].advance(0.4)  # noqa: E731 - what happens
    with pytest.raises(MeasurementError, match=r"window of 45\.\d ms is shorter than the RAPL counter's period of 50"):
        window(meter, draw, seconds=0.045)
    assert window(meter, draw, seconds=0.051)


def test_a_quick_cold_start_is_read_over_a_whole_period(powercap, meter_on):
    """Nobody can plan how long a worker takes to start."""
    tree = powercap(dram=False)
    meter, simulated = meter_on(tree, period_ns=50_000_000)
    started_ns = simulated.now_ns
    meter.begin_window()
    tree["package-0"].advance(0.4)
    assert joules(meter.end_window(USAGE)) == {"cpu": pytest.approx(0.4)}
    assert simulated.now_ns - started_ns >= 50_000_000


def test_a_failed_measurement_does_not_affect_the_next(powercap, meter_on):
    tree = powercap(dram=False)
    meter = meter_on(tree)
    meter[0].begin_window()
    tree["package-0"].advance(9)
    meter[0].cancel()
    assert joules(window(meter, lambda: tree["package-0"].advance(0.5))) == {"cpu": pytest.approx(0.5)}


def test_another_tracker_in_this_process_does_not_change_a_reading(powercap, meter_on):
    """It reads the same counters; reading does not move them."""
    from codecarbon import OfflineEmissionsTracker

    tree = powercap(dram=False)
    meter = meter_on(tree)
    other = OfflineEmissionsTracker(
        country_iso_code="USA", output_methods=[], allow_multiple_runs=True, log_level="critical"
    )
    other.start_task("other")
    try:
        reading = window(meter, lambda: tree["package-0"].advance(0.5))
    finally:
        theirs = other.stop_task("other")
    assert joules(reading) == {"cpu": pytest.approx(0.5)}
    assert theirs.cpu_energy * 3.6e6 == pytest.approx(0.5)


def test_a_codecarbon_lock_held_by_another_process_is_an_error(powercap, meter_on, tracker_lock):
    tracker_lock.touch()
    with pytest.raises(MeasurementError, match=r"another codecarbon is running.*\.codecarbon\.lock exists"):
        meter_on(powercap())


def test_the_power_model_counts_the_worker_alone(tracker_lock, machine, power):
    tracker_lock.touch()
    assert open_meter(machine, power=power, idle_s=0)


def test_the_source_of_the_joules_is_reported(powercap, meter_on, machine):
    meter, _ = meter_on(powercap(), package_0=40, dram_0=5)
    facts = meter.facts
    assert isinstance(meter, CounterMeter)
    assert facts.method is Method.MEASURED
    assert facts.source == "RAPL and RAPL (memory)"
    assert f"codecarbon {facts.codecarbon_version}" in facts.citation
    assert [(one.name, one.device) for one in facts.components] == [("cpu", machine.cpu_model), ("dram", "memory")]
    assert {one.method for one in facts.components} == {Method.MEASURED}
    assert facts.min_window_ns == 100_000_000
    assert all(component.period_ns > 0 for component in facts.components)
    assert facts.idle_method is Method.MEASURED
    assert facts.idle_watts == pytest.approx(45, rel=0.01)
    assert [component.idle_watts for component in facts.components] == [
        pytest.approx(40, rel=0.01),
        pytest.approx(5, rel=0.01),
    ]


def test_counters_that_never_move_are_not_used(powercap, machine, power):
    """Some hypervisors show a tree without anything behind it; the power model knows more."""
    powercap()
    meter = open_meter(machine, power=power)
    assert isinstance(meter, ModelMeter)
    assert meter.facts.notes == ("the RAPL counters of this machine are not updated: not used",)
