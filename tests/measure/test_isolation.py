"""No configuration in a checkout, at home or in the environment changes a reading, and codecarbon does nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from parallel import repeated

ABSURD_WATTS = 1_000_000_000_000
IMPOSSIBLE_WATTS = 100_000
"""No machine that runs tests draws as much; with what is planted below codecarbon says more, even if this process
gets only a millionth of its CPUs."""

HOSTILE = {
    "pue": "1000000.0",
    "force_cpu_power": f"{ABSURD_WATTS}.0",
    "force_ram_power": f"{ABSURD_WATTS}.0",
    "force_mode_cpu_load": "true",
    "force_carbon_intensity_g_co2e_kwh": "999999.0",
    "tracking_mode": "process",
    "output_dir": "loot",
    "output_file": "loot.csv",
    "output_methods": "csv,logger,api",
    "save_to_file": "true",
    "save_to_api": "true",
    "save_to_logger": "true",
    "api_call_interval": "1",
    "api_endpoint": "http://192.0.2.1/loot",
    "emissions_endpoint": "http://192.0.2.1/loot",
    "co2_signal_api_token": "token",
    "electricitymaps_api_token": "token",
    "log_level": "debug",
    "wue": "1000000.0",
    "rapl_include_dram": "true",
    "rapl_prefer_psys": "true",
    "on_csv_write": "update",
    "experiment_id": "hostile",
    "experiment_name": "hostile",
    "project_name": "hostile",
    "prometheus_url": "http://192.0.2.1/loot",
    "api_key": "hostile",
    "logger_preamble": "hostile",
    "allow_multiple_runs": "false",
    "gpu_ids": "0",
    "measure_power_secs": "0.01",
    "cloud_provider": "gcp",
    "cloud_region": "europe-west3",
    "country_iso_code": "POL",
    "metadata": "no-such-file.json",
}

NO_NETWORK = """
    import socket
    import urllib3  # which looks, when it is imported, whether a socket can be bound to this machine's own address
    attempts = []
    def refuse(*arguments, **named):
        attempts.append(repr(arguments))
        raise OSError("there is no network here")
    socket.socket.__init__ = refuse
    socket.getaddrinfo = socket.create_connection = socket.socketpair = refuse
"""
"""No socket can even be made."""

WATTS = """
    import json, time
    def watts(begin, end):
        started = time.perf_counter()
        begin()
        busy_until = time.process_time() + 0.1
        while time.process_time() < busy_until:
            pass
        joules = end()
        return joules / (time.perf_counter() - started)
"""

OURS = """
    from energygate.measure.carbon import carbon_intensity_g_per_kwh
    from energygate.measure.machine import describe_machine
    from energygate.measure.meters.open_meter import gpus_for, open_meter
    from energygate.measure.power_model import vcpu_power
    from energygate.measure.processor import this_processor
    from types import SimpleNamespace
    from energygate.measure.meters.tracker import Tracker
    from energygate.measure.gpus.visible import Selection
    tracker = Tracker()
    drawn = watts(tracker.begin, lambda: tracker.end().cpu_joules)
    machine = describe_machine()
    meter = open_meter(machine, gpus=gpus_for(Selection(visible="")), power=vcpu_power(this_processor()))
    meter.begin_launch()
    meter.begin_window()
    reading = meter.end_window(SimpleNamespace(wall_ns=10**9, cpu_ns=10**9))
    meter.end_launch()
    inner = tracker._tracker
    from codecarbon.core.config import get_hierarchical_config
    print(json.dumps({
        "believed": get_hierarchical_config(),
        "watts": drawn,
        "ram_watts": tracker.ram_watts,
        "attempts": attempts,
        "settings": {name: str(value) for name, value in inner._conf.items()},
        "carbon": carbon_intensity_g_per_kwh(country="DEU"),
        "joules": reading.energy_joules,
    }))
"""

COUNTED = """
    import sys, time
    from pathlib import Path
    from powercap import MACHINE, Powercap, show_codecarbon
    from energygate.measure.meters import rapl
    from energygate.measure.meters.open_meter import open_meter
    from energygate.measure.power_model import vcpu_power
    from energygate.measure.processor import Processor
    from types import SimpleNamespace
    tree = Powercap(Path(sys.argv[1]))
    show_codecarbon(tree.root, setattr)
    rapl.update_period_ns = lambda read: 1_000_000
    meter = open_meter(MACHINE, power=vcpu_power(Processor(name=MACHINE.cpu_model)), idle_s=0)
    meter.begin_window()
    tree["package-0"].advance(1.25)
    tree["dram-0"].advance(0.25)
    time.sleep(0.05)
    reading = meter.end_window(SimpleNamespace(wall_ns=10**8, cpu_ns=10**8))
    print([round(component.energy_joules, 5) for component in reading.components], attempts)
"""

CODECARBON_ALONE = """
    import codecarbon
    tracker = codecarbon.OfflineEmissionsTracker(
        country_iso_code="USA", output_methods=[], allow_multiple_runs=True, measure_power_secs=3600
    )
    def end():
        return tracker.stop_task("window").cpu_energy * 3.6e6
    tracker.start_task("first")
    tracker.stop_task("first")
    print(json.dumps({"watts": watts(lambda: tracker.start_task("window"), end)}))
"""


PLACES = ("file in the checkout", "file at home", "environment")


def plant(where, tmp_path):
    """Set codecarbon up to lie, in one of the places it looks; returns the checkout and the environment."""
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if not name.lower().startswith("codecarbon_")}
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    for directory in (checkout, home, checkout / "loot"):
        directory.mkdir()
    text = "[codecarbon]\n" + "".join(f"{key}={value}\n" for key, value in HOSTILE.items())
    if where == "environment":
        environment |= {f"CODECARBON_{key.upper()}": value for key, value in HOSTILE.items()}
    elif where in PLACES:
        place = checkout if where == "file in the checkout" else home
        (place / ".codecarbon.config").write_text(text, encoding="utf-8")
    return checkout, environment


def run(planted, *parts, arguments=()):
    checkout, environment = planted
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    before = sorted(checkout.parent.rglob("*"))
    script = "".join(textwrap.dedent(part) for part in parts)
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done, sorted(checkout.parent.rglob("*")) != before


@pytest.mark.parametrize("where", PLACES)
def test_planted_configuration_changes_no_reading_and_writes_nothing(where, tmp_path):
    done, wrote = run(plant(where, tmp_path), NO_NETWORK, WATTS, OURS)
    found = json.loads(done.stdout)
    assert found["believed"] == HOSTILE  # codecarbon does read it; only our arguments stand against it
    assert 0 < found["watts"] < IMPOSSIBLE_WATTS
    assert 0 < found["ram_watts"] < IMPOSSIBLE_WATTS
    assert {key for key, value in HOSTILE.items() if found["settings"].get(key, "").lower() == value} == set()
    assert (found["settings"]["pue"], found["settings"]["tracking_mode"]) == ("1.0", "machine")
    assert found["attempts"] == []
    assert found["carbon"] == pytest.approx(380.95, rel=0.2)
    assert found["joules"] < IMPOSSIBLE_WATTS
    assert done.stderr == ""
    assert not wrote


@pytest.mark.parametrize("where", [*repeated("file in the checkout", "file at home"), "environment", "nowhere"])
def test_counter_readings_do_not_depend_on_planted_configuration(where, tmp_path, tmp_path_factory):
    """PUE, forced watts, memory counted as CPU, the board's counter in place of the processors': none of it."""
    tree = tmp_path_factory.mktemp("sys") / "powercap"
    done, wrote = run(plant(where, tmp_path), NO_NETWORK, COUNTED, arguments=[str(tree)])
    assert done.stdout == "[1.25, 0.25] []\n"
    assert done.stderr == ""
    assert not wrote


def test_codecarbon_alone_would_have_used_the_planted_configuration(tmp_path):
    """The control: what is planted does bite."""
    done, _ = run(plant("environment", tmp_path), NO_NETWORK, WATTS, CODECARBON_ALONE)
    assert json.loads(done.stdout.splitlines()[-1])["watts"] > IMPOSSIBLE_WATTS
    assert "codecarbon" in done.stderr
