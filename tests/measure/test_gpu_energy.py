"""Joules of GPUs: codecarbon's own NVML code against energy counters of known wattage."""

from __future__ import annotations

import pytest
from parallel import repeated

WINDOW = """
    tracker = Tracker(gpu_ids=%(gpu_ids)s)
    counters = %(counters)s
    before, outer = [joules_now(gpu) for gpu in counters], time.perf_counter()
    tracker.begin()
    started, inner = [joules_now(gpu) for gpu in counters], time.perf_counter()
    time.sleep(%(seconds)s)
    finished, shortest = [joules_now(gpu) for gpu in counters], time.perf_counter() - inner
    account = tracker.end()
    answer = {
        "gpus": [vars(gpu) for gpu in account.gpus],
        "least": [late - early for early, late in zip(started, finished)],
        "most": [joules_now(gpu) - early for gpu, early in zip(counters, before)],
        "shortest": shortest,
        "longest": time.perf_counter() - outer,
    }
"""
"""A window of codecarbon's between two looks at the counters and at the clock on either side of its own."""


@pytest.mark.parametrize(
    ("settings", "watts"),
    [
        *repeated(("watts=250", {0: 250})),
        ("gpus=2 watts.0=60 watts.1=300", {0: 60, 1: 300}),
        ("gpus=3 watts.2=700", {2: 700}),
    ],
)
def test_codecarbon_reads_the_injected_joules_within_one_percent(gpu_machine, settings, watts):
    script = WINDOW % {"gpu_ids": list(watts), "counters": list(watts), "seconds": 1.05}
    found = gpu_machine.run(script, settings=settings)
    assert [(gpu["index"], gpu["counted"]) for gpu in found["gpus"]] == [(index, True) for index in watts]
    looks = zip(found["gpus"], watts.values(), found["least"], found["most"], strict=True)
    for gpu, power, least, most in looks:
        assert 0.99 * least <= gpu["energy_joules"] <= 1.01 * most
        # Against the clock, a counter is known to one of its periods only.
        assert power * (found["shortest"] - 0.1) <= gpu["energy_joules"] <= power * (found["longest"] + 0.1)


@pytest.mark.parametrize("settings", ["period_ms=1", "counter=0"])
def test_energy_is_watts_times_seconds_with_a_fast_counter_or_samples(gpu_machine, settings):
    """With samples, codecarbon reports it: the number is of another method."""
    script = WINDOW % {"gpu_ids": [0], "counters": [], "seconds": 2.1}
    found = gpu_machine.run(script, settings=f"watts=250 {settings}")
    (gpu,) = found["gpus"]
    assert gpu["counted"] == ("counter" not in settings)
    assert 0.99 * 250 * found["shortest"] <= gpu["energy_joules"] <= 1.01 * 250 * found["longest"]


WATCHED = """
    gpus = find_gpus(Selection())
    watch = GpuWatch(gpus)
    watch.begin()
    time.sleep(0.25)
    set_gpu("%(event)s")
    time.sleep(0.05)
    answer = refusal(watch.end)
"""


@pytest.mark.parametrize(
    ("settings", "event", "sentence"),
    [
        ("", "error=15", "GPU 0 (Stand-in 1) is lost: its driver cannot reach it. Look for Xid errors"),
        (
            "counter=0",
            "error=15",
            "GPU 0 (Stand-in 1) is lost: its driver cannot reach it. Look for Xid errors",
        ),
        (
            "gpus=2",
            "error.1=15",
            "GPU 1 (Stand-in 1) is lost: its driver cannot reach it. Look for Xid errors",
        ),
        ("", "error=999", "GPU 0 (Stand-in 1) cannot be read: NVML says 'Unknown Error'"),
        ("", "counter=0", "GPU 0 (Stand-in 1) can no longer be read: its driver stopped supporting"),
        (
            "",
            "reset=1",
            "the energy counter of GPU 0 (Stand-in 1) ran backwards: it was reset within a window",
        ),
        ("gpus=2", "reset.1=1", "the energy counter of GPU 1 (Stand-in 1) ran backwards"),
    ],
)
def test_trouble_with_a_gpu_within_a_window_is_an_error(gpu_machine, settings, event, sentence):
    script = WATCHED % {"event": event}
    assert gpu_machine.run(script, settings=settings).startswith(sentence)


def test_a_counter_that_does_not_move_within_a_window_is_an_error(gpu_machine):
    script = """
        watch = GpuWatch(find_gpus(Selection()))
        watch.begin()
        set_gpu("stuck=1")
        answer = [refusal(watch.end), refusal(watch.await_update)]
    """
    at_its_end, waiting = gpu_machine.run(script)
    assert at_its_end == "the energy counter of GPU 0 (Stand-in 1) did not change within a window"
    assert waiting == "the energy counter of GPU 0 (Stand-in 1) did not change for 2 s"


def test_a_pause_after_a_poll_is_not_taken_for_a_stuck_counter(gpu_machine):
    script = """
        watch = GpuWatch(find_gpus(Selection()))
        watch.begin()
        looks = []
        def look(gpu, counter=watch._counter):
            looks.append(counter(gpu))
            if len(looks) == 2:
                time.sleep(3)
            return looks[-1]
        watch._counter = look
        answer = watch.await_update()
    """
    assert gpu_machine.run(script) > 3e9


def test_a_window_that_ends_when_the_counter_moves_is_exact_to_one_poll(gpu_machine):
    """Without waiting for that, a counter that moves every 400 ms says 80 J or 160 J of half a second at 200 W."""
    script = """
        watch = GpuWatch(find_gpus(Selection()))
        time.sleep(0.2)  # half a period from where it moved
        watch.begin()
        began = time.perf_counter()
        time.sleep(0.5)
        waited = watch.await_update() * 1e-9
        lasted = time.perf_counter() - began
        answer = {"joules": watch.end(), "lasted": lasted, "waited": waited}
    """
    found = gpu_machine.run(script, settings="watts=200 period_ms=400")
    assert found["joules"] / 200 == pytest.approx(found["lasted"], abs=0.1)
    assert found["lasted"] == pytest.approx(0.5 + found["waited"], abs=0.1)


def test_the_counter_watch_reads_what_codecarbon_reads(gpu_machine):
    script = """
        watch = GpuWatch(find_gpus(Selection(visible="1")))
        before = joules_now(1)
        watch.begin()
        started = joules_now(1)
        time.sleep(1.05)
        finished = joules_now(1)
        joules = watch.end()
        answer = [finished - started, joules, joules_now(1) - before]
    """
    least, joules, most = gpu_machine.run(script, settings="gpus=2 watts.1=321")
    assert 0 < least <= joules * 1.000_001
    assert joules <= most * 1.000_001


SILENT = """
    tracker = Tracker(gpu_ids=%(gpu_ids)s)
    watch = GpuWatch(find_gpus(Selection()))
    watch.begin()
    tracker.begin()
    time.sleep(0.3)
    set_gpu("%(event)s")
    alone = []
    def codecarbon():
        alone[:] = [(gpu.energy_joules, gpu.counted) for gpu in tracker.end().gpus]
        return alone
    said = refusal(codecarbon)
    answer = {"codecarbon": alone, "said": said, "watch": refusal(watch.end)}
"""


@pytest.mark.parametrize("event", ["error.1=15", *repeated("error.1=999")])
def test_a_silent_zero_for_a_gpu_from_codecarbon_is_an_error(gpu_machine, event):
    """For a lost GPU codecarbon reports 0 J with one warning, and goes on."""
    found = gpu_machine.run(SILENT % {"event": event, "gpu_ids": [0, 1]}, settings="gpus=2")
    (_, sound), (lost_joules, counted) = found["codecarbon"]
    assert sound
    assert (lost_joules, counted) == (0, False)  # the pitfall
    assert found["watch"].startswith("GPU 1 (Stand-in 1) ")  # the answer


def test_a_counter_reset_that_codecarbon_hides_is_an_error(gpu_machine):
    found = gpu_machine.run(SILENT % {"event": "reset=1", "gpu_ids": [0]})
    ((joules, counted),) = found["codecarbon"]
    assert joules > 0
    assert not counted  # the pitfall: a number that looks right, by another method
    assert "ran backwards: it was reset" in found["watch"]  # the answer


def test_codecarbon_finds_no_gpu_without_nvidia_smi(gpu_machine):
    """So a meter must compare: every GPU that `find_gpus` finds is in codecarbon's account."""
    script = """
        import os
        os.environ["PATH"] = "nowhere"
        gpus = find_gpus(Selection())
        tracker = Tracker(gpu_ids=[gpu.index for gpu in gpus])
        tracker.begin()
        answer = [len(gpus), len(tracker.end().gpus)]
    """
    assert gpu_machine.run(script) == [1, 0]
