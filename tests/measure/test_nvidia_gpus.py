"""What is known of NVIDIA's GPUs, and that none is left out in silence: a real library answers, with invented GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from energygate.errors import MeasurementError
from energygate.measure.gpus.nvml import expect_no_device

FIND = """
    selection = Selection(visible=%r)
    answer = [vars(gpu) | {"notes": gpu.notes} for gpu in find_gpus(selection)]
"""


def find(machine, settings="", visible=None):
    return machine.run(FIND % visible, settings=settings)


REFUSED = """
    answer = refusal(lambda: find_gpus(Selection(visible=%r)))
"""


def test_a_gpu_is_described(gpu_machine):
    (gpu,) = find(gpu_machine)
    assert gpu["period_ns"] == pytest.approx(100e6, rel=0.1)
    del gpu["period_ns"]
    assert gpu == {
        "index": 0,
        "uuid": "GPU-00000000-cafe-0000-0000-000000000000",
        "name": "Stand-in 1",
        "max_watts": 400.0,
        "has_counter": True,
        "source": "NVML",
        "citation": "NVIDIA NVML, nvmlDeviceGetTotalEnergyConsumption",
        "uncertainty": 0.05,
        "mig": False,
        "mig_uuids": [],
        "shared_with": [],
        "notes": [],
    }


def test_different_gpus_have_their_own_periods(gpu_machine):
    one, other = find(gpu_machine, "gpus=2 model.1=2 period_ms.1=20")
    assert one["period_ns"] == pytest.approx(100e6, rel=0.1)
    assert other["period_ns"] == pytest.approx(20e6, rel=0.25)


def test_only_visible_gpus_are_found_in_cudas_order(gpu_machine):
    assert [gpu["index"] for gpu in find(gpu_machine, "gpus=4", "2,GPU-1")] == [2]
    assert [gpu["index"] for gpu in find(gpu_machine, "gpus=4", "GPU-3,GPU-1")] == [3, 1]
    assert [gpu["index"] for gpu in find(gpu_machine, "gpus=2 mig.1=2", "MIG-11")] == [1]


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("process=4000001", "GPU 0 is used by 1 other process; its energy is included"),
        (
            "process=4000001 process=4000002",
            "GPU 0 is used by 2 other processes; their energy is included",
        ),
        ("mig=2", "GPU 0 is partitioned by MIG; the reading is of the whole GPU, all instances together"),
        ("counter=0", "GPU 0 has no energy counter; its energy is NVML power, sampled once a second"),
    ],
)
def test_notes_about_the_gpus(gpu_machine, settings, note):
    (gpu,) = find(gpu_machine, settings)
    assert gpu["notes"] == [note]


@pytest.mark.parametrize("settings", ["", "mig=0"])
def test_no_notes_without_cause(gpu_machine, settings):
    (gpu,) = find(gpu_machine, settings)
    assert gpu["notes"] == []


def test_own_processes_on_the_gpu_are_not_noted(gpu_machine):
    found = gpu_machine.run("""
        import os, subprocess
        child = subprocess.Popen(["sleep", "60"])
        for pid in (os.getpid(), child.pid, 4_000_001):
            set_gpu("process=%d" % pid)
        (gpu,) = find_gpus(Selection())
        child.kill()
        child.wait()
        answer = gpu.shared_with
    """)
    assert found == [4_000_001]


def test_a_gpu_without_a_counter_is_sampled_and_less_certain(gpu_machine):
    (gpu,) = find(gpu_machine, "counter=0")
    assert (gpu["has_counter"], gpu["period_ns"], gpu["uncertainty"]) == (False, 1_000_000_000, 0.35)
    assert gpu["source"] == "NVML power, sampled once a second"


def test_a_gpu_without_a_limit_is_given_a_generous_one(gpu_machine):
    (gpu,) = find(gpu_machine, "limit_watts=0")
    assert gpu["max_watts"] == 2000.0


# The pitfall of the silent GPU zero: a GPU whose energy cannot be read looks like one that takes none.


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            "error=15",
            "GPU 0 is lost: its driver cannot reach it. Look for Xid errors in the kernel log, and restart",
        ),
        ("gpus=2 error.1=15", "GPU 1 is lost: its driver cannot reach it. Look for"),
        ("error=16", "GPU 0 must be reset before it can be used. Run nvidia-smi --gpu-reset"),
        ("error=4", "GPU 0 may not be read by this user. Give the user access to the GPU's device files"),
        ("error=999", "GPU 0 cannot be read: NVML says 'Unknown Error'"),
        ("counter=0 power=0", "GPU 0 (Stand-in 1) reports neither energy nor power. Hide it with"),
        ("stuck=1", "the energy counter of GPU 0 (Stand-in 1) did not change for 2 s. Restart the machine"),
    ],
)
def test_a_silent_zero_for_a_gpu_is_an_error_before_measuring(gpu_machine, settings, sentence):
    assert gpu_machine.run(REFUSED % None, settings=settings).startswith(sentence)


NO_HELPERS = """
import json
from energygate.errors import MeasurementError
from energygate.measure.gpus.find import find_gpus
from energygate.measure.gpus.visible import Selection
try:
    print(find_gpus(Selection(visible=%r)))
except MeasurementError as error:
    print(error)
"""


def bare(environment, visible=None):
    """Without the stand-in's helpers, which need a library that works."""
    command = [sys.executable, "-W", "error", "-c", NO_HELPERS % visible]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("code", "visible", "said"),
    [
        (0, "", "()"),
        (999, "", "()"),  # not even asked
        (9, None, "()"),  # no driver: nothing can use the GPU either
        (18, None, "the NVIDIA driver and its library have different versions, so no GPU can be read"),
        (4, None, "an NVIDIA GPU may not be read by this user"),
    ],
)
def test_an_unreachable_driver_is_an_error_if_a_gpu_could_be_used(gpu_machine, code, visible, said):
    assert bare(gpu_machine.environment(f"init={code}"), visible).startswith(said)


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has an NVIDIA driver")
def test_a_machine_without_gpus_has_none():
    assert bare(dict(os.environ)) == "()"


def test_a_gpu_whose_library_is_missing_is_an_error(tmp_path):
    """Many containers give a GPU to CUDA and not to NVML."""
    expect_no_device(tmp_path)
    tmp_path.joinpath("nvidiactl").touch()
    expect_no_device(tmp_path)
    tmp_path.joinpath("nvidia0").touch()
    with pytest.raises(MeasurementError, match=r"NVIDIA GPU \(nvidia0\) but no libnvidia-ml.*compute,utility"):
        expect_no_device(tmp_path)
