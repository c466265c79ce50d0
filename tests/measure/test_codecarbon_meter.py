"""codecarbon's real code, held by the hand: nothing in a checkout or an environment moves a reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from energygate.errors import MeasurementError
from energygate.measure.codecarbon_meter import CounterMeter, ModelMeter, Tracker, open_meter
from energygate.measure.machine import Machine
from energygate.measure.power_model import vcpu_power
from energygate.measure.readings import Method, Usage

ABSURD_WATTS = 100_000_000
IMPOSSIBLE_WATTS = 100_000
"""No machine that runs tests draws as much; with what is planted below codecarbon says more."""

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
    attempts = []
    def refuse(*arguments, **named):
        attempts.append(repr(arguments))
        raise OSError("there is no network here")
    socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
    socket.getaddrinfo = socket.create_connection = refuse
"""

WATTS = """
    import json, time
    def watts(begin, end):
        started = time.perf_counter()
        begin()
        while time.perf_counter() < started + 0.1:
            pass
        joules = end()
        return joules / (time.perf_counter() - started)
"""

OURS = """
    from energygate.measure.carbon import carbon_intensity_g_per_kwh
    from energygate.measure.codecarbon_meter import Tracker, open_meter
    from energygate.measure.machine import describe_machine
    tracker = Tracker(gpu=False)
    drawn = watts(tracker.begin, lambda: sum(tracker.end()))
    meter = open_meter(describe_machine(), gpu=False)
    meter.begin_launch()
    meter.end_launch()
    inner = tracker._tracker
    from codecarbon.core.config import get_hierarchical_config
    print(json.dumps({
        "believed": get_hierarchical_config(),
        "watts": drawn,
        "attempts": attempts,
        "settings": {name: str(value) for name, value in inner._conf.items()},
        "carbon": carbon_intensity_g_per_kwh(country="DEU"),
    }))
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
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().startswith("codecarbon_")
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    for directory in (checkout, home, checkout / "loot"):
        directory.mkdir()
    text = "[codecarbon]\n" + "".join(f"{key}={value}\n" for key, value in HOSTILE.items())
    if where == "environment":
        environment |= {f"CODECARBON_{key.upper()}": value for key, value in HOSTILE.items()}
    else:
        place = checkout if where == "file in the checkout" else home
        (place / ".codecarbon.config").write_text(text, encoding="utf-8")
    return checkout, environment


def run(planted, *parts):
    checkout, environment = planted
    before = sorted(checkout.parent.rglob("*"))
    script = "".join(textwrap.dedent(part) for part in parts)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done, sorted(checkout.parent.rglob("*")) != before


@pytest.mark.parametrize("where", PLACES)
def test_nothing_planted_moves_a_reading_writes_a_file_or_prints_a_line(where, tmp_path):
    done, wrote = run(plant(where, tmp_path), NO_NETWORK, WATTS, OURS)
    found = json.loads(done.stdout)
    assert found["believed"] == HOSTILE  # codecarbon does read it; only our arguments stand against it
    assert 0 < found["watts"] < IMPOSSIBLE_WATTS
    assert {key for key, value in HOSTILE.items() if found["settings"].get(key, "").lower() == value} == set()
    assert (found["settings"]["pue"], found["settings"]["tracking_mode"]) == ("1.0", "machine")
    assert found["attempts"] == []
    assert found["carbon"] == pytest.approx(380.95, rel=0.2)
    assert done.stderr == ""
    assert not wrote


def test_codecarbon_alone_would_have_believed_it(tmp_path):
    """The control: what is planted does bite."""
    done, _ = run(plant("environment", tmp_path), WATTS, CODECARBON_ALONE)
    assert json.loads(done.stdout.splitlines()[-1])["watts"] > IMPOSSIBLE_WATTS
    assert "codecarbon" in done.stderr


@pytest.fixture(scope="module")
def tracker():
    return Tracker(gpu=False)


def test_a_cancelled_window_does_not_poison_the_next(tracker):
    tracker.begin()
    tracker.cancel()
    tracker.begin()
    cpu_joules, gpu_joules = tracker.end()
    assert cpu_joules >= 0
    assert gpu_joules == 0
    assert tracker._tracker._tasks == {}


def test_a_window_left_open_would_have(tracker):
    """The control: without `cancel`, codecarbon refuses the next window."""
    tracker.begin()
    tracker.begin()
    tracker.cancel()
    with pytest.raises(MeasurementError, match="codecarbon lost a measurement"):
        tracker.end()


def test_cancelling_nothing_or_what_codecarbon_lost_is_quiet(tracker):
    tracker.cancel()
    tracker.begin()
    tracker._tracker._tasks.clear()
    tracker._tracker._active_task = None
    tracker.cancel()
    tracker.begin()
    tracker.end()


def test_finished_windows_are_not_kept_for_ever(tracker):
    for _ in range(3):
        tracker.begin()
        tracker.end()
    assert tracker._tracker._tasks == {}


def test_what_codecarbon_warned_of_is_known_and_not_printed(tracker, capfd):
    tracker.begin()
    tracker.end()
    assert capfd.readouterr() == ("", "")
    assert len(tracker.warnings) <= 50


MACHINE = Machine(
    cpu_model="AMD EPYC 7763 64-Core Processor",
    cpu_count=2,
    memory_bytes=8_000_000_000,
    system="Linux 6.8",
    virtual=True,
    can_pin=True,
)


@pytest.fixture
def model_meter(tracker):
    return ModelMeter(tracker, power=vcpu_power(MACHINE.cpu_model))


def test_the_model_reads_cpu_time_and_nothing_else(model_meter):
    model_meter.begin_window()
    reading = model_meter.end_window(Usage(wall_ns=9_000_000_000, cpu_ns=500_000_000))
    (cpu,) = reading.components
    assert (cpu.name, cpu.method) == ("cpu", Method.ESTIMATED)
    assert reading.energy_joules == pytest.approx(2.0193 / 2)


@pytest.mark.parametrize("cpu_ns", [0, -1])
def test_no_cpu_time_is_an_error_not_a_saving(model_meter, cpu_ns):
    model_meter.begin_window()
    with pytest.raises(MeasurementError, match=r"the worker used no CPU time in a window of 20\.0 ms"):
        model_meter.end_window(Usage(wall_ns=20_000_000, cpu_ns=cpu_ns))


def test_the_model_says_where_its_watts_come_from(model_meter):
    facts = model_meter.facts
    assert facts.method is Method.ESTIMATED
    assert facts.source == "power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load"
    assert facts.citation.startswith("Cloud Carbon Footprint")
    assert facts.uncertainty == 0.3


def test_codecarbons_own_account_stands_beside_the_model(model_meter):
    model_meter.begin_launch()
    assert model_meter.end_launch() >= 0


def test_an_account_that_was_cancelled_does_not_poison_the_next(model_meter):
    model_meter.begin_launch()
    model_meter.cancel()
    model_meter.begin_launch()
    assert model_meter.end_launch() >= 0


def test_a_machine_gets_the_best_meter_it_has(tracker):
    """A counter where codecarbon reads one, and never a table value in its name."""
    meter = open_meter(MACHINE, gpu=False)
    counted = tracker.cpu_mode in {"intel_rapl", "windows_emi"}
    assert isinstance(meter, CounterMeter if counted else ModelMeter)
    assert meter.facts.method is (Method.MEASURED if counted else Method.ESTIMATED)
    assert meter.facts.codecarbon_version == tracker.version
