"""The meter on a machine with GPUs: windows between two moves of a counter, and none that would look like a saving."""

from __future__ import annotations

import pytest

METER = """
    from energygate.measure.machine import describe_machine
    from energygate.measure.meters.open_meter import open_meter
    from energygate.measure.power_model import vcpu_power
    from energygate.measure.processor import this_processor
    from types import SimpleNamespace

    machine = describe_machine()
    meter = open_meter(machine, power=vcpu_power(this_processor()), gpus=find_gpus(Selection()), idle_s=1)
    meter.begin_launch()

    def window(seconds, event=None):
        meter.begin_window()
        began = time.perf_counter()
        time.sleep(seconds)
        if event:
            set_gpu(event)
        lasted = time.perf_counter() - began
        reading = meter.end_window(SimpleNamespace(wall_ns=int(lasted * 1e9), cpu_ns=1_000_000))
        return lasted, [one.energy_joules for one in reading.components if one.name == "gpu"]
"""


def test_a_window_is_as_long_as_the_work_at_any_phase_of_the_counter(gpu_machine):
    """Read where it ends, this one would be 9 % too short; read where the counter moves, 9 % too long."""
    lasted, joules = gpu_machine.run(METER + "\n    answer = window(0.55)", settings="watts=250")
    assert joules == [pytest.approx(250 * lasted, rel=0.05)]


def test_each_gpus_joules_are_separate(gpu_machine):
    settings = "gpus=2 watts.0=50 watts.1=300 period_ms=10"
    lasted, joules = gpu_machine.run(METER + "\n    answer = window(0.5)", settings=settings)
    assert joules == [pytest.approx(50 * lasted, rel=0.1), pytest.approx(300 * lasted, rel=0.1)]


def test_the_meter_has_notes_about_its_gpus(gpu_machine):
    script = (
        METER
        + """
    answer = [meter.facts.min_window_ns, meter.facts.notes, [vars(one) for one in meter.facts.components]]
    """
    )
    min_window_ns, notes, components = gpu_machine.run(script, settings="gpus=2 watts.1=300 mig.1=2")
    assert min_window_ns >= 1_000_000_000
    assert "GPU 1 is partitioned by MIG; the reading is of the whole GPU, all instances together" in notes
    gpus = [one for one in components if one["name"] == "gpu"]
    assert [one["max_watts"] for one in gpus] == [600, 600]
    assert [one["idle_watts"] for one in gpus] == [pytest.approx(100, rel=0.1), pytest.approx(300, rel=0.1)]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("error.1=15", "GPU 1 (Stand-in 1) is lost"),
        ("error=15", "GPU 0 (Stand-in 1) is lost"),
        ("reset.1=1", "the energy counter of GPU 1 (Stand-in 1) ran backwards: it was reset"),
        ("counter.1=0", "GPU 1 (Stand-in 1) can no longer be read"),
        ("stuck=1", "did not change"),
    ],
)
def test_a_silent_zero_for_a_gpu_is_an_error_of_the_window(gpu_machine, event, said):
    script = METER + f"\n    answer = refusal(lambda: window(0.3, {event!r}))"
    assert said in gpu_machine.run(script, settings="gpus=2")


def test_more_than_a_gpu_can_draw_is_an_error_of_the_window(gpu_machine):
    script = METER + '\n    set_gpu("watts=1000")\n    answer = refusal(lambda: window(1.05))'
    assert "Stand-in 1 cannot draw more than 600 W" in gpu_machine.run(script)
