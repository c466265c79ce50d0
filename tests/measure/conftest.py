"""A machine, and counters for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from powercap import MACHINE, Powercap, SimulatedTime, show_codecarbon

from energygate.measure.meters import counter_meter, rapl, tracker
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import Processor

sys.path.append(str(Path(__file__).with_name("nvml")))

from stand_in import GpuMachine, build, compiler


@pytest.fixture(scope="session")
def machine():
    return MACHINE


@pytest.fixture(scope="session")
def power():
    return vcpu_power(Processor(name=MACHINE.cpu_model))


@pytest.fixture
def powercap(tmp_path, monkeypatch):
    """Make the tree that codecarbon and energygate will find."""
    from codecarbon.core import hardware_cache

    monkeypatch.setattr(tracker, "_HARDWARE_WARNINGS", [])

    def make(**how):
        tree = Powercap(tmp_path / "powercap", **how)
        show_codecarbon(tree.root, monkeypatch.setattr)
        return tree

    yield make
    hardware_cache.clear_cache()


@pytest.fixture
def meter_on(machine, power, monkeypatch):
    """Open the meter of a machine with these counters, in a time of its own: nothing here waits, or is late."""

    def make(tree, *, period_ns=1_000_000, **watts):
        simulated = SimulatedTime(tree, {name.replace("_", "-"): power for name, power in watts.items()})
        monkeypatch.setattr(counter_meter, "time", simulated)
        monkeypatch.setattr(rapl, "update_period_ns", lambda _: period_ns)
        meter = open_meter(machine, power=power)
        simulated.watts = {}
        return meter, simulated

    return make


@pytest.fixture
def tracker_lock(tmp_path, monkeypatch):
    """Where codecarbon's lock would be."""
    lock = tmp_path / ".codecarbon.lock"
    monkeypatch.setattr("codecarbon.lock.LOCKFILE", str(lock))
    return lock


@pytest.fixture(scope="session")
def gpu_machine(tmp_path_factory):
    """A machine with a stand-in for NVIDIA's library."""
    if compiler() is None or not sys.platform.startswith("linux"):
        pytest.skip("the stand-in for NVIDIA's library needs Linux and a C compiler")
    directory = tmp_path_factory.mktemp("nvml")
    build(directory)
    return GpuMachine(directory=directory)
