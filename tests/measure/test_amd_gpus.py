"""AMD's GPUs through codecarbon's own code, with a stand-in for the package `amdsmi` that it asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent

AMDSMI = '''
"""What codecarbon calls of AMD SMI; energy counts from the process's clock at WATTS, every PERIOD_S."""
import os, time, types

WATTS, PERIOD_S = float(os.environ["WATTS"]), 0.05
COUNT = int(os.environ["COUNT"])

class AmdSmiException(Exception):
    pass

amdsmi_exception = types.SimpleNamespace(AmdSmiLibraryException=AmdSmiException)

def amdsmi_init():
    if os.environ.get("BROKEN"):
        raise AmdSmiException("driver not loaded")

def amdsmi_get_processor_handles():
    return list(range(COUNT))

def amdsmi_get_gpu_device_bdf(handle):
    return "0000:%02d" % handle

def amdsmi_get_gpu_device_uuid(handle):
    return "amd-%d" % handle

def amdsmi_get_gpu_asic_info(handle):
    return {"market_name": "Stand-in MI"}

def amdsmi_get_gpu_vram_usage(handle):
    return {"vram_total": 65536, "vram_used": 1024}

def amdsmi_get_power_cap_info(handle):
    return {"power_cap": 560_000_000}

def amdsmi_get_energy_count(handle):
    if os.environ.get("NO_COUNTER"):
        raise AmdSmiException("not supported on virtual machine guest")
    joules = WATTS * (time.perf_counter() // PERIOD_S) * PERIOD_S
    return {"energy_accumulator": int(joules * 1e6 / 15.3), "counter_resolution": 15.3}

def amdsmi_get_power_info(handle):
    return {"average_socket_power": int(WATTS)}

def amdsmi_get_gpu_metrics_info(handle):
    return {}

def amdsmi_get_gpu_activity(handle):
    return {"gfx_activity": 50}

def amdsmi_get_gpu_process_list(handle):
    return [{"pid": 4_000_001, "mem": 1, "engine_usage": {"gfx": 0}}] if os.environ.get("SHARED") else []
'''

SCRIPT = """
import json, time
from simulated_clock import SimulatedClock
SimulatedClock()  # before anybody keeps the machine's own
from energygate.errors import MeasurementError
from energygate.measure.meters.open_meter import gpus_for
from energygate.measure.meters.tracker import Tracker
from energygate.measure.gpus.visible import Selection
try:
    gpus = gpus_for(Selection(rocm_visible=%r))
    answer = {"gpus": [vars(gpu) | {"notes": gpu.notes} for gpu in gpus]}
except MeasurementError as error:
    print(json.dumps(str(error)))
    raise SystemExit
tracker = Tracker(gpu_ids=[gpu.index for gpu in gpus])
outer = time.perf_counter()
tracker.begin()
inner = time.perf_counter()
time.sleep(1.05)
answer["shortest"] = time.perf_counter() - inner
answer["joules"] = [gpu.energy_joules for gpu in tracker.end().gpus]
answer["longest"] = time.perf_counter() - outer
print(json.dumps(answer))
"""


@pytest.fixture
def measured(tmp_path):
    """What energygate finds and codecarbon reads on a machine with AMD SMI."""
    tmp_path.joinpath("amdsmi.py").write_text(AMDSMI, encoding="utf-8")
    tool = tmp_path / "rocm-smi"
    tool.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    tool.chmod(0o755)

    def run(*, visible=None, **settings):
        paths = {
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{HERE}",
        }
        environment = os.environ | paths | {"WATTS": "300", "COUNT": "2"} | settings
        command = [sys.executable, "-c", textwrap.dedent(SCRIPT % visible)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


def test_a_gpu_is_described_and_read(measured):
    found = measured(visible="1")
    (gpu,) = found["gpus"]
    assert gpu.pop("period_ns") == pytest.approx(50e6, rel=0.2)
    assert gpu == {
        "index": 1,
        "uuid": "amd-1",
        "name": "Stand-in MI",
        "max_watts": 560.0,
        "has_counter": True,
        "source": "AMD SMI",
        "citation": "AMD SMI library, amdsmi_get_energy_count and amdsmi_get_power_info",
        "uncertainty": 0.1,
        "mig": False,
        "mig_uuids": [],
        "shared_with": [],
        "notes": [],
    }
    (joules,) = found["joules"]
    assert 300 * (found["shortest"] - 0.05) <= joules <= 300 * (found["longest"] + 0.05)


def test_all_gpus_are_found_if_none_is_hidden(measured):
    assert [gpu["index"] for gpu in measured()["gpus"]] == [0, 1]
    assert measured(visible="")["gpus"] == []


def test_without_a_counter_the_power_is_sampled(measured):
    found = measured(visible="0", NO_COUNTER="1", SHARED="1")
    (gpu,) = found["gpus"]
    assert (gpu["source"], gpu["has_counter"]) == ("AMD SMI power, sampled once a second", False)
    assert gpu["notes"] == [
        "GPU 0 is used by 1 other process; its energy is included",
        "GPU 0 has no energy counter; its energy is AMD SMI power, sampled once a second",
    ]
    (joules,) = found["joules"]
    assert 0.99 * 300 * found["shortest"] <= joules <= 1.01 * 300 * found["longest"]


def test_a_counter_that_does_not_move_is_an_error(measured):
    said = measured(visible="0", WATTS="0.0000123")  # 12.3 mJ so far, of which the counter shows whole ones
    assert said.startswith("the energy counter of GPU 0 (Stand-in MI) did not change for 2 s. On a card with two dies")


@pytest.mark.parametrize("settings", [{"BROKEN": "1"}, {"COUNT": "0"}])
def test_a_machine_without_gpus_has_none(measured, settings):
    assert measured(**settings)["gpus"] == []
