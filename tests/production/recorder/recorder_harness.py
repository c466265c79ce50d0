"""A recorder whose clocks and meter are set by the test."""

from __future__ import annotations

from energygate import Recorder
from energygate.production.recorder.config import Clocks
from energygate.production.recorder.samples import SampleEnergy
from energygate.production.recorder.snapshot import MeterInfo

SECOND = 1_000_000_000


class Time:
    """Clocks that stand still until they are moved."""

    def __init__(self):
        self.steady_ns = SECOND
        self.cpu_ns = 0
        self.wall_seconds = 1_800_000_000.0

    def passes(self, seconds, *, cpu=0.0):
        self.steady_ns += round(seconds * SECOND)
        self.cpu_ns += round(cpu * SECOND)
        self.wall_seconds += seconds

    @property
    def clocks(self):
        return Clocks(
            steady_ns=lambda: self.steady_ns,
            cpu_ns=lambda: self.cpu_ns,
            wall_seconds=lambda: self.wall_seconds,
        )


class ScriptedMeter:
    """Reads what it is given, or by default 10 W: for requests while they are in flight, else for idle."""

    info = MeterInfo(method="measured", source="a script", version="0", idle_watts=4.0)
    period_ns = 0
    watts = 10.0

    def __init__(self, *script):
        self.script = list(script)
        self.windows = []
        self.read_joules = 0.0
        self.closed = False

    def begin(self):
        pass

    def read(self, window):
        self.windows.append(window)
        found = self.script.pop(0) if self.script else self._steady(window)
        if isinstance(found, Exception):
            raise found
        self.read_joules += found.requests_joules + found.idle_joules
        return found

    def close(self):
        self.closed = True

    def _steady(self, window):
        serving = self.watts * window.in_flight_ns / SECOND
        return SampleEnergy(
            requests_joules=serving, idle_joules=max(0.0, self.watts * window.wall_ns / SECOND - serving)
        )


def joules(requests, idle=0.0):
    return SampleEnergy(requests_joules=requests, idle_joules=idle)


def manual_recorder(meter=None, time=None, **options):
    """A recorder that samples on demand; its meter is open."""
    options.setdefault("workload", "cnn")
    recorder = Recorder(
        meter=lambda: meter or ScriptedMeter(),
        clocks=(time or Time()).clocks,
        background=False,
        **options,
    )
    recorder.sample()
    return recorder


def totals(recorder, workload="cnn"):
    return recorder.snapshot().workloads[workload]


def total_joules(recorder):
    return sum(one.energy_joules + one.idle_energy_joules for one in recorder.snapshot().workloads.values())
