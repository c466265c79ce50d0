"""The real command in a process of its own, and projects for it to work in."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from energygate.cli import main
from energygate.measure import campaign
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor

REPOSITORY = Path(__file__).parents[2]
FIXTURES = REPOSITORY / "fixtures"
COMMAND = (sys.executable, "-m", "energygate")

FEWER_LAUNCHES = """
import sys
from energygate.measure import campaign

campaign.MAX_LAUNCHES = int(sys.argv.pop(1))
"""
"""For tests that rest on no interval: they end by a count, and have all the time that a busy machine needs."""

COUNTED = (sys.executable, "-c", f"{FEWER_LAUNCHES}from energygate.cli import main\nmain()")
"""The command, which launches each workload so many times at most as its first argument says."""

ANSWERED = (
    sys.executable,
    "-c",
    """
import sys

from energygate.cli import main, progress
from energygate.result.files import read_result_file

answer = read_result_file(sys.argv.pop(1))
progress.check_with_progress = lambda *_, **__: answer
main()
""",
)
"""The command, whose checks measure nothing and find what the file of the first argument holds."""

GENEROUS_S = 900
"""What no run of the command takes on any machine: it only counts when something hangs."""

SPIN_KWH = 4e-3 * vcpu_power(this_processor()).full_watts / 3.6e6
"""What one request of `spin_4ms` costs by the power model, whatever the machine's speed."""


LOOKS = {
    *(
        "NO_COLOR",
        "FORCE_COLOR",
        "COLORTERM",
        "COLUMNS",
        "LINES",
        "TERM",
        "TTY_COMPATIBLE",
        "TTY_INTERACTIVE",
    ),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "PYTHONIOENCODING", "PYTHONUTF8"),
    *("GITHUB_ACTIONS", "ENERGYGATE_DEBUG"),
}
"""What changes how output looks, and in which language and encoding."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """Exit code and output of one run of the command."""

    code: int
    out: str
    err: str

    @property
    def said(self):
        """Both streams together: what a person in front of the terminal sees."""
        return self.out + self.err


def environment(**changes):
    """This process's environment without what would change how output looks; `None` takes a variable away."""
    plain = {name: value for name, value in os.environ.items() if name not in LOOKS}
    plain["PYTHONPATH"] = str(REPOSITORY)
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def energygate(*arguments, cwd, launches=None, answer=None, stdout=subprocess.PIPE, **changes):
    """Run the command to its end; keywords in capitals change its environment.

    With `launches` it launches each workload so often at most, with `answer` it finds that result without measuring.
    """
    command = COMMAND
    if launches is not None:
        command = (*COUNTED, str(launches))
    if answer is not None:
        command = (*ANSWERED, str(answer))
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env=environment(**changes),
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=GENEROUS_S,
        check=False,
    )
    out, err = (stream.decode() if stream else "" for stream in (done.stdout, done.stderr))
    return Ran(code=done.returncode, out=out, err=err)


def in_process(*arguments, cwd, launches=None, **changes):
    """Run the command as `energygate` does, in this process: for what has no process of its own to watch.

    An interpreter that starts and loads energygate takes most of a second of CPU time.
    """
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in signals}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in the command's own process
        patch.chdir(cwd)
        environ = environment(**changes)
        for name in {*os.environ, *environ}:
            if name in environ:
                patch.setenv(name, environ[name])
            else:
                patch.delenv(name)
        patch.setattr(tempfile, "tempdir", None)
        if launches is not None:
            patch.setattr(campaign, "MAX_LAUNCHES", launches)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments)])
    for number, handler in handlers.items():
        signal.signal(number, handler)
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode("utf-8"))
    return Ran(code=left.value.code or 0, out=said[0], err=said[1])


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
