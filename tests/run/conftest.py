"""The real command (shared with tests/cli), and pairs of checkouts with real workers in them."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))  # for `commands`: one way to run the command

from base_projects import Project

from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.policy import Workload
from energygate.workloads.serving import Serving, Side

GENEROUS_S = 30


@pytest.fixture(scope="session")
def meter():
    """The meter that this machine has for CPU workloads."""
    machine = describe_machine()
    return open_meter(machine, power=vcpu_power(this_processor()))


@pytest.fixture
def sides(tmp_path):
    """Write one module for each side, and make each side's `Serving` as `check --base` does."""

    def make(base_source, head_source):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        found = []
        for name, source in (("base", base_source), ("head", head_source)):
            directory = tmp_path / name
            directory.mkdir()
            (directory / "app.py").write_text(source, encoding="utf-8")
            found.append(
                Serving(
                    name="w",
                    workload=Workload(python="app:make"),
                    side=Side(name=name, directory=directory, python=sys.executable),
                    seed=0,
                    timeout_s=GENEROUS_S,
                    scratch=scratch,
                    inputs_directory=tmp_path / "base",
                )
            )
        return found

    return make


@pytest.fixture
def pair_launcher(meter):
    """Make a launcher of short launches."""

    def make(base, head, *, seed=0, time_limit_s=2.0, plan=None, meter=meter, at_once=False):
        launcher = Launcher(
            head,
            meter,
            base=base,
            cpu_sets=cpu_sets(usable_cpus(), 1),
            time_limit_ns=time_limit_s * 1e9,
            coin=random.Random(seed),  # noqa: S311 - an order, not a secret
            clock=time.perf_counter_ns,
            at_once=at_once,
        )
        launcher.plan = plan
        return launcher

    return make


@pytest.fixture
def project(tmp_path):
    """A new repository, with no commit."""
    return Project(root=tmp_path / "project")
