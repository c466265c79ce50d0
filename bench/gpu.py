"""Check that the energy counter of an NVIDIA GPU is read correctly and that it shows a known change.

Prints what is known of each GPU, its idle power, energygate's kWh per request against the same counter read
independently over the same windows (target: within 2 %), and two comparisons of commits in a repository: one without a
change, one with 5 % more work on the GPU. Takes less than ten minutes.

    uv run python bench/gpu.py [--python INTERPRETER] [--work torch|spin] [--seconds 150]

INTERPRETER must have torch with CUDA; the default is this one. `spin` keeps the CPU busy instead of the GPU, whose
energy then depends on time alone; it needs no torch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nvml_reference import NvmlReference, idle_watts, sampling

from energygate.measure.gpus.visible import selection_for
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.meters.open_meter import gpus_for, open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.policy import JOULES_PER_KWH, parse_policy
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.readings import Meter
    from energygate.workloads.worker import Worker

ROOT = Path(__file__).parent.parent
UNITS = 100
"""Work of a request; the more expensive commit does 105."""

WINDOWS = 3
WINDOW_S = 6.0
"""The reference reads the counter at any time, so it is wrong by at most one update: 1.7 % at 100 ms."""

TARGET = 0.02
POWER_SAMPLE_S = 0.02

WORK = {
    "torch": """
import torch

SIZE, UNITS = 2048, {units}

def make():
    left, right = (torch.randn(SIZE, SIZE, device="cuda").half() for _ in range(2))
    product = torch.empty_like(left)

    def serve():
        for _ in range(UNITS):
            torch.mm(left, right, out=product)
        return 1.0  # the GPU is still busy: the measurement has to wait for it

    return serve
""",
    "spin": """
import time

UNITS = {units}

def make():
    def serve():
        end = time.perf_counter_ns() + UNITS * 40_000
        while time.perf_counter_ns() < end:
            pass
        return 1.0

    return serve
""",
}
POLICY = """
version: 1
measurement: {{time_limit: {seconds} s, python: {python}}}
workloads:
  work: {{python: "work:make", budgets: {{energy_per_request: {{max_increase: 2 %}}}}}}
"""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The same windows by two readers and the power sensor, in joules of all GPUs.

    Attributes:
        requests: Requests in them.
        wall_s: Their length.
        ours_joules: energygate's reading, which is codecarbon's.
        counter_joules: How far the counters moved from just after each window's beginning to just before its end.
        sensor_joules: Mean of the power sensor's samples, times that time.
    """

    requests: int
    wall_s: float
    ours_joules: float
    counter_joules: float
    sensor_joules: float

    @property
    def error(self) -> float:
        """Of our reading, relative to the counter."""
        return self.ours_joules / self.counter_joules - 1


def agreement(meter: Meter, reference: NvmlReference, worker: Worker, *, windows: int, window_s: float) -> Agreement:
    """Measure windows of about that length as energygate does, and by the reference at the same time."""
    calls = 1
    while (served := worker.run(calls)).wall_ns < window_s * 5e8:
        calls *= 2
    calls = max(1, round(calls * window_s * 1e9 / served.wall_ns))
    worker.run(calls)  # warm-up
    wall_s = ours = counter = sensor = 0.0
    for _ in range(windows):
        meter.begin_window()
        early, started = reference.joules(), time.perf_counter()
        with sampling(reference, every_s=POWER_SAMPLE_S) as watts:
            served = worker.run(calls)
        between_s = time.perf_counter() - started
        late = reference.joules()
        reading = meter.end_window(served)
        wall_s += served.wall_ns * 1e-9
        ours += sum(one.energy_joules for one in reading.components if one.name == "gpu")
        counter += late - early
        sensor += statistics.fmean(watts) * between_s
    return Agreement(
        requests=calls * windows,
        wall_s=wall_s,
        ours_joules=ours,
        counter_joules=counter,
        sensor_joules=sensor,
    )


def write_project(directory: Path, *, work: str, head: str, python: str, seconds: float) -> None:
    """Write a repository with a branch `base`, and a head that differs from it as given."""

    def git(*arguments: str) -> None:
        identity = (
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@example.org",
            "-c",
            "commit.gpgsign=false",
        )
        subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)

    directory.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=base")
    policy = POLICY.format(seconds=round(seconds), python=json.dumps(python))
    directory.joinpath("energygate.yml").write_text(policy, encoding="utf-8")
    directory.joinpath("work.py").write_text(WORK[work].format(units=UNITS), encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "base")
    git("checkout", "--quiet", "-b", "head")
    directory.joinpath("work.py").write_text(head, encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "head")


def comparison(directory: Path) -> dict[str, Any]:
    """Check head against base; returns the workload's result."""
    path = directory.parent / f"{directory.name}.json"
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "energygate", "check", "--base", "base", "--json", str(path)],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if not path.exists():
        sys.exit(done.stdout + done.stderr)
    workload: dict[str, Any] = json.loads(path.read_text("utf-8"))["workloads"][0]
    return workload


def print_gpus(gpus: Sequence[Gpu], meter: Meter, reference: NvmlReference) -> None:
    """Print what is known of them, and their idle power by both readers."""
    print(f"{'GPU':4} {'model':28} {'limit':>8} {'period':>9}  read by")
    for gpu in gpus:
        print(f"{gpu.index:<4} {gpu.name:28} {gpu.max_watts:6.0f} W {gpu.period_ns / 1e6:6.1f} ms  {gpu.source}")
        for note in gpu.notes:
            print(f"     {note}")
    ours = sum(one.idle_watts or 0.0 for one in meter.facts.components if one.name == "gpu")
    print(f"\nIdle power: {ours:.1f} W by energygate, {idle_watts(reference):.1f} W by the counter itself")


def print_agreement(found: Agreement) -> None:
    """Print both readings."""
    print(f"\n{found.requests} requests in {WINDOWS} windows, {found.wall_s:.1f} s")
    print(f"{'read by':34} {'joules':>10} {'kWh/request':>12} {'differs':>8}")
    rows = (
        ("energygate (codecarbon)", found.ours_joules),
        ("the energy counter itself", found.counter_joules),
        ("the power sensor, every 20 ms", found.sensor_joules),
    )
    for name, joules in rows:
        kwh = joules / JOULES_PER_KWH / found.requests
        print(f"{name:34} {joules:10.1f} {kwh:12.4g} {joules / found.counter_joules - 1:+8.2%}")
    print(f"target: within {TARGET:.0%} of the counter: {'met' if abs(found.error) <= TARGET else 'MISSED'}")


def print_comparison(name: str, workload: dict[str, Any], *, wanted: str) -> bool:
    """Print one comparison; returns whether its verdict is the expected one."""
    if workload["error"]:
        print(f"{name:16} {workload['error']}")
        return False
    metric = workload["metrics"]["energy_per_request"]
    change = metric["change"]
    low, high = change["low"], change["high"]
    interval = "no interval" if low is None or high is None else f"{low:+.2%} ... {high:+.2%}"
    verdict = metric["findings"][0]["verdict"]
    provenance = workload["provenance"]
    print(
        f"{name:16} {change['estimate']:+8.2%} {interval:>22} {verdict:>13} {len(provenance['launches']):>9} "
        f"{provenance['seconds']:7.0f} s  {'as expected' if verdict == wanted else f'expected {wanted}'}"
    )
    return verdict == wanted


def main(arguments: argparse.Namespace) -> int:
    """Print everything; returns 1 when a target is missed."""
    if arguments.work == "torch" and not has_torch(arguments.python):
        sys.exit(f"{arguments.python} has no torch that sees a GPU; name another with --python, or use --work spin")
    machine = describe_machine()
    text = POLICY.format(seconds=round(arguments.seconds), python=json.dumps(arguments.python))
    workload = parse_policy(text).workloads["work"]
    gpus = gpus_for(selection_for(workload, os.environ))
    if not gpus:
        sys.exit("this machine has no GPU that energygate can read")
    reference = NvmlReference(gpus)
    print(
        f"{machine.cpu_model}, {machine.cpu_count} CPUs, {', '.join(gpu.name for gpu in gpus)}, "
        f"driver {reference.driver()}; {datetime.now(timezone.utc):%Y-%m-%d}; work: {arguments.work}\n"
    )
    meter = open_meter(machine, power=vcpu_power(this_processor()), gpus=gpus)
    print_gpus(gpus, meter, reference)
    base = WORK[arguments.work].format(units=UNITS)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        scratch.joinpath("work.py").write_text(base, encoding="utf-8")
        serving = Serving(
            name="work",
            workload=workload,
            side=Side(name="head", directory=scratch, python=arguments.python),
            seed=0,
            timeout_s=arguments.seconds,
            scratch=scratch,
            inputs_directory=scratch,
        )
        with serving.open(usable_cpus()[:1]) as ready:
            found = agreement(meter, reference, ready.worker, windows=WINDOWS, window_s=WINDOW_S)
        print_agreement(found)
        print(f"\n{'head against base':16} {'change':>7} {'interval':>22} {'verdict':>13} {'launches':>9}")
        heads = {
            "nothing changed": (f"{base}\n# a comment\n", "pass"),
            "5 % more work": (WORK[arguments.work].format(units=UNITS * 105 // 100), "fail"),
        }
        met = abs(found.error) <= TARGET
        for what, (head, wanted) in heads.items():
            directory = scratch / what.split()[0] / "project"
            write_project(directory, work=arguments.work, head=head, python=arguments.python, seconds=arguments.seconds)
            met &= print_comparison(what, comparison(directory), wanted=wanted)
    return int(not met)


def has_torch(python: str) -> bool:
    """Whether an interpreter has torch, and that sees a GPU."""
    question = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([python, "-c", question], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--work", choices=tuple(WORK), default="torch")
    parser.add_argument("--seconds", type=float, default=150)
    sys.exit(main(parser.parse_args()))
