"""The real command in a process of its own, and projects for it to work in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from energygate.measure.machine import describe_machine
from energygate.measure.power_model import vcpu_power

REPOSITORY = Path(__file__).parents[2]
FIXTURES = REPOSITORY / "fixtures"
COMMAND = (sys.executable, "-m", "energygate")

SPIN_KWH = 4e-3 * vcpu_power(describe_machine()).full_watts / 3.6e6
"""What one request of `spin_4ms` costs by the power model, whatever the machine's speed."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one run of the command said."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def said(self):
        """Both streams together: what a person in front of the terminal sees."""
        return self.out + self.err


def environment(**changes):
    """This process's environment without what would change how output looks; `None` takes a variable away."""
    looks = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "GITHUB_ACTIONS", "ENERGYGATE_DEBUG")
    plain = {name: value for name, value in os.environ.items() if name not in looks}
    plain["PYTHONPATH"] = str(REPOSITORY)
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def energygate(*arguments, cwd, timeout_s=120, stdout=subprocess.PIPE, **changes):
    """Run the command to its end; keywords in capitals change its environment."""
    started = time.monotonic()
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**changes),
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=timeout_s,
        check=False,
    )
    out, err = (stream.decode() if stream else "" for stream in (done.stdout, done.stderr))
    return Ran(code=done.returncode, out=out, err=err, seconds=time.monotonic() - started)


def write_policy(directory, workloads, *, name="energygate.yml", **sections):
    """Write a policy of these workloads; returns its path."""
    path = Path(directory) / name
    text = yaml.safe_dump({"version": 1, **sections, "workloads": workloads}, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def spin(share, **more):
    """Return a workload that burns exactly 4 ms, with a limit of that share of what it costs."""
    limit = {"max": f"{SPIN_KWH * share * 1e9:.6f} µWh", **more}
    return {"python": "spinning:spin_4ms", "budgets": {"energy_per_request": limit}}


def read_result(path):
    """Read a result.json into plain values."""
    return json.loads(Path(path).read_text("utf-8"))


def by_name(result):
    """The workloads of a result by name."""
    return {workload["name"]: workload for workload in result["workloads"]}
