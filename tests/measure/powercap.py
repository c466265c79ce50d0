"""A machine, and a powercap tree in a directory, as the kernel lays it out, with counters that a test moves."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.measure.machine import MachineResult
from energygate.measure.meters import rapl

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = MachineResult(
    cpu_model="AMD EPYC 7763 64-Core Processor",
    cpu_count=2,
    memory_bytes=8_000_000_000,
    system="Linux 6.8",
    virtual=True,
    can_pin=True,
)

TICK_S = 0.001
"""How often the kernel's counters move."""

RANGE_JOULES = 262_143.328850
"""Where those of many Intel servers begin anew."""


@dataclass
class Counter:
    """One counter of the tree, and all that was ever put into it."""

    file: Path
    joules: float
    range_joules: float

    def now(self):
        return int(self.file.read_text()) * 1e-6

    def write(self):
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(handle, b"%020d\n" % round(self.joules * 1e6), 0)
        finally:
            os.close(handle)

    def advance(self, joules):
        self.joules = (self.joules + joules) % self.range_joules
        self.write()

    def set(self, joules):
        self.joules = joules
        self.write()

    def lose(self):
        self.file.unlink()


class Powercap:
    """The tree; `tree["package-0"]` is a counter."""

    def __init__(self, root, *, packages=1, dram=True, core=True, start_joules=1000.0, tdp_watts=None):
        self.root = root
        self._counters = {}
        control = root / "intel-rapl"
        control.mkdir(parents=True)
        (control / "subsystem").symlink_to(root)
        for number in range(packages):
            package = control / f"intel-rapl:{number}"
            # Far from each other: equal counters are taken for copies of one.
            self._add(package, f"package-{number}", start_joules + 500 * number, tdp_watts)
            for place, name in enumerate(["core"] * core + ["dram"] * dram):
                below = package / f"intel-rapl:{number}:{place}"
                self._add(below, f"{name}-{number}", 77.0 + 10 * number, None, shown_as=name)
                (root / below.name).symlink_to(below)
            (root / package.name).symlink_to(package)

    def _add(self, directory, name, joules, tdp_watts, *, shown_as=None):
        directory.mkdir()
        (directory / "name").write_text(f"{shown_as or name}\n")
        (directory / "max_energy_range_uj").write_text(f"{round(RANGE_JOULES * 1e6)}\n")
        if tdp_watts is not None:
            (directory / "constraint_0_max_power_uw").write_text(f"{tdp_watts * 1_000_000}\n")
        counter = Counter(file=directory / "energy_uj", joules=joules, range_joules=RANGE_JOULES)
        counter.write()
        self._counters[name] = counter

    def __getitem__(self, name):
        return self._counters[name]

    def draw(self, **watts):
        """From now on counters are what these watts come to whenever this process looks: `draw(package_0=40)`.

        Python tells of every file before it is opened, and what is due is written then. Nobody else moves the
        counters, so that no pause of another process makes one stand still, or looks like a burst afterwards.
        """
        drawn = {}
        for name, power in watts.items():
            counter = self[name.replace("_", "-")]
            handle = os.open(counter.file, os.O_WRONLY)
            drawn[os.path.realpath(counter.file)] = handle, counter.joules, power
        started = time.perf_counter()

        def before_opening(event, arguments):
            if event == "open" and str(arguments[0]).endswith("energy_uj"):
                found = drawn.get(os.path.realpath(arguments[0]))
                if found is not None:
                    handle, joules, power = found
                    ticks = (time.perf_counter() - started) // TICK_S
                    os.pwrite(handle, b"%020d\n" % round((joules + power * ticks * TICK_S) * 1e6), 0)

        sys.addaudithook(before_opening)  # for good: a process that draws does nothing else


class SimulatedTime:
    """Stands in for the module `time` in a meter: a look takes 50 µs, and the tree draws these watts all the while."""

    def __init__(self, tree, watts):
        self.tree, self.watts, self.now_ns = tree, watts, 0

    def perf_counter_ns(self):
        self.sleep(50e-6)
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += round(seconds * 1e9)
        for name, power in self.watts.items():
            self.tree[name].advance(power * seconds)


def show_codecarbon(root, patch):
    """Let codecarbon and energygate find the tree in `root`, through `patch(object, name, value)`.

    codecarbon's functions take its place as an argument; only their callers never give one.
    """
    from codecarbon.core import cpu, hardware_cache
    from codecarbon.external import hardware

    place = str(root / "intel-rapl" / "subsystem")
    is_rapl_available, reader = cpu.is_rapl_available, hardware.IntelRAPL
    patch(cpu, "is_rapl_available", lambda: is_rapl_available(place))
    patch(hardware, "IntelRAPL", lambda rapl_dir, **named: reader(rapl_dir=place, **named))  # noqa: ARG005
    patch(rapl, "POWERCAP", root)
    hardware_cache.clear_cache()
