"""Builds the stand-in for NVIDIA's library, and describes a machine that has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("stand_in.c")

HELPERS = """
    import ctypes, json, time
    from simulated_clock import SimulatedClock

    library = ctypes.CDLL("libnvidia-ml.so.1")
    shown = ctypes.c_double.in_dll(library, "stand_in_now_s")
    SimulatedClock(lambda seconds: setattr(shown, "value", seconds))  # before anybody keeps the machine's own

    import pynvml

    from energygate.errors import MeasurementError
    from energygate.measure.gpus.counter_watch import GpuWatch
    from energygate.measure.gpus.find import find_gpus
    from energygate.measure.meters.tracker import Tracker
    from energygate.measure.gpus.visible import Selection

    def set_gpu(setting):
        library.stand_in_set(setting.encode())

    def joules_now(index):
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(index)) / 1000

    def refusal(deed):
        try:
            return "nothing was refused: %r" % (deed(),)
        except MeasurementError as error:
            return str(error)

    pynvml.nvmlInit()
"""
"""What the scripts of tests begin with: counters, codecarbon and energygate go by a clock that nobody can hold up."""


def compiler():
    """The C compiler's path, or `None`."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(directory):
    """Compile the library into a directory, beside a program called nvidia-smi; codecarbon looks for both."""
    library = directory / "libnvidia-ml.so.1"
    subprocess.run(
        [compiler(), "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, SOURCE],
        check=True,
    )
    program = directory / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)


@dataclass(frozen=True, kw_only=True)
class GpuMachine:
    """A machine with GPUs that do not exist. Scripts in it are processes of their own: they load the library."""

    directory: Path

    def environment(self, settings="", **variables):
        """The environment of a process on this machine; `stand_in.c` says what can be set."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
        paths = {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [str(self.directory), os.environ.get("LD_LIBRARY_PATH")])),
            "PATH": os.pathsep.join([str(self.directory), os.environ["PATH"]]),
        }
        return inherited | paths | {"NVML_STAND_IN": settings} | variables

    def run(self, script, *, settings="", **variables):
        """Run a script that leaves its findings in `answer`; returns them."""
        text = textwrap.dedent(HELPERS) + textwrap.dedent(script)
        text += "\nprint(json.dumps(answer))\n"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            env=self.environment(settings, **variables) | {"PYTHONPATH": str(SOURCE.parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)
