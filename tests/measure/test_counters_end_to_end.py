"""The real command on a machine whose counters move at known watts: the kernel's own place, codecarbon's own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PACKAGE_WATTS, DRAM_WATTS = 60, 40

MACHINE = """
    import json, subprocess, sys
    from pathlib import Path
    from powercap import Powercap
    command = [sys.executable, "-m", "energygate", "check", "--json", "result.json", "--time-limit", "4 s"]
    tree = Powercap(Path("/sys/class/powercap"), tdp_watts=100)
    with tree.drawing(package_0=int(sys.argv[1]), dram_0=int(sys.argv[2])):
        raise SystemExit(subprocess.run(command).returncode)
"""

POLICY = """
version: 1
measurement: {require: measured}
workloads:
  spin:
    python: app:make
    budgets: {energy_per_request: {max: 1 kWh}}
"""

APP = """
import time
def make():
    def spin():
        ends = time.process_time() + 0.005
        while time.process_time() < ends:
            pass
        return 0.0
    return spin
"""


def can_have_its_own_mounts():
    if os.geteuid() != 0:
        return False
    tried = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/class"]
    try:
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def check_with_counters(tmp_path):
    """Run `energygate check` in a mount namespace with a powercap tree of its own in the kernel's place."""
    (tmp_path / "energygate.yml").write_text(POLICY)
    (tmp_path / "app.py").write_text(APP)
    script = tmp_path / "machine.py"
    script.write_text(textwrap.dedent(MACHINE))

    def run(package_watts, dram_watts):
        inner = f'mount -t tmpfs none /sys/class && exec "$0" machine.py {package_watts} {dram_watts}'
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", inner, sys.executable],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(HERE), "TMPDIR": str(tmp_path)},
        ), tmp_path / "result.json"

    return run


only_with_own_mounts = pytest.mark.skipif(
    not can_have_its_own_mounts(), reason="only root may mount a powercap tree of its own over the kernel's"
)


@only_with_own_mounts
def test_energy_is_what_the_counters_moved_by(check_with_counters):
    done, file = check_with_counters(PACKAGE_WATTS, DRAM_WATTS)
    assert done.returncode == 0, done.stdout + done.stderr
    (workload,) = json.loads(file.read_text())["workloads"]
    provenance = workload["provenance"]
    assert workload["method"] == "measured"
    assert [(one["name"], one["source"]) for one in provenance["components"]] == [
        ("cpu", "RAPL"),
        ("dram", "RAPL (memory)"),
    ]
    assert provenance["idle_watts"] == pytest.approx(PACKAGE_WATTS + DRAM_WATTS, rel=0.2)
    wall_s = sum(launch["wall_s"] for launch in provenance["launches"])
    windows = sum(launch["windows"] for launch in provenance["launches"])
    assert wall_s / windows >= 0.1
    joules = provenance["it_energy_kwh"] * 3.6e6
    # A window of the counters is longer than the worker's own by what lies between, which a busy machine draws out:
    # that every joule is counted once is the matter here, and neither PUE nor memory twice.
    assert 0.95 * wall_s <= joules / (PACKAGE_WATTS + DRAM_WATTS) <= 1.01 * wall_s + 0.05 * windows


@only_with_own_mounts
def test_counters_that_stand_still_do_not_pass_for_measured_ones(check_with_counters):
    done, _ = check_with_counters(0, 0)
    assert done.returncode == 3
    assert "the policy requires measured energy; here it is only estimated" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
