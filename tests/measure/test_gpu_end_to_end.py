"""The real command on a machine with a GPU: its counter decides, and a lost GPU is not a saving."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

WATTS = 250.0
PERIOD_S = 0.1
JOULES_PER_KWH = 3.6e6

APP = """
import os, pathlib, time

def make():
    requests = []

    def serve():
        end = time.perf_counter() + 0.02  # by the clock, so that as many fit into a window on a slow machine
        while time.perf_counter() < end:
            pass
        requests.append(1)
        if len(requests) == 15 and "LOSE_GPU" in os.environ:
            pathlib.Path(os.environ["LOSE_GPU"]).touch()
        return 1

    return serve
"""


@pytest.fixture
def check(gpu_machine, tmp_path):
    """Runs `energygate check` on a callable that may use the GPU; returns how it went, and its result."""
    tmp_path.joinpath("app.py").write_text(APP, encoding="utf-8")
    policy = {
        "version": 1,
        "measurement": {"time_limit": "4 s", "power_model": {"idle": "0 W", "full": "1 W", "source": "test"}},
        "workloads": {"w": {"python": "app:make", "budgets": {"energy_per_request": {"max": "1 Wh"}}}},
    }
    tmp_path.joinpath("energygate.yml").write_text(yaml.safe_dump(policy), encoding="utf-8")

    def run(settings="", **variables):
        environment = gpu_machine.environment(f"watts={WATTS} {settings}", **variables)
        command = [sys.executable, "-m", "energygate", "check", "--json", "result.json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        file = tmp_path / "result.json"
        (workload,) = json.loads(file.read_text("utf-8"))["workloads"] if file.exists() else (None,)
        return done, workload

    return run


def test_the_counters_joules_are_the_number(check):
    done, workload = check("process=4000001")
    assert done.returncode == 0, done.stderr
    cpu, gpu = workload["provenance"]["components"]
    assert (gpu["method"], gpu["device"], gpu["source"]) == ("measured", "Stand-in 1", "NVML")
    # It is 100 ms, from five moves in a row; a busy machine sees some of them late.
    assert 40 <= gpu["period_ms"] < 10_000
    assert "GPU 0 is used by 1 other process; its energy is included" in workload["notes"]
    shares = []
    for launch in workload["provenance"]["launches"]:
        joules = launch["energy_kwh"] * JOULES_PER_KWH
        slack_s = PERIOD_S * launch["windows"]
        assert joules >= WATTS * (launch["wall_s"] - slack_s)
        cpu_joules = launch["cpu_s"] if cpu["method"] == "estimated" else joules  # at 1 W
        shares.append((joules - cpu_joules) / (WATTS * (launch["wall_s"] + slack_s)))
    # No joule counts twice. What lies between the worker's windows and the counter's is in it as well, and a busy
    # machine draws that out, but not in every launch.
    assert min(shares) <= 1.3


def test_a_lost_gpu_is_an_error_and_never_a_saving(check, tmp_path):
    file = str(tmp_path / "lost")
    done, workload = check(NVML_STAND_IN_LOST=file, LOSE_GPU=file)
    assert done.returncode == 3
    assert "GPU 0 (Stand-in 1) is lost: its driver cannot reach it" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert workload["verdict"] == "error"


def test_a_gpu_that_is_hidden_does_not_count(check):
    done, workload = check(CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    assert [one["name"] for one in workload["provenance"]["components"]] == ["cpu"]
