"""How reliably `pytest --energy-base` passes a limit 5 % above the true change and fails one 5 % below it.

A request of 1 ms does 105 units of work where base's does 100. One test of a session allows +10 % and should pass, the
other allows +0 % and should fail. Each session is a real pytest of its own, with the plugin and its workers.

    uv run python bench/pytest_power.py [VERDICTS] [TIME]
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from energygate.measure.machine import describe_machine

TARGET = 0.95
BASE_UNITS, HEAD_UNITS = 100, 105
REQUEST_S = 1e-3
RIGHT = {"test_above": "pass", "test_below": "fail"}

UNIT = """\
def unit():
    number = 1
    for _ in range({steps}):
        number = number * 3 % 1009
    return number
"""

WORK = """\
{unit}

def request():
    for _ in range({units}):
        number = unit()
    return number
"""

TESTS = """\
import pytest
from work import request


@pytest.mark.energy(max_increase="10 %")
def test_above(energy):
    energy(request)


@pytest.mark.energy(max_increase="0 %")
def test_below(energy):
    energy(request)
"""

GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The outcome of one test.

    Attributes:
        name: The test.
        verdict: Its verdict.
        change: Head over base, minus 1.
        launches: How many it took.
        seconds: How long it took as a whole.
    """

    name: str
    verdict: str
    change: float
    launches: int
    seconds: float

    @property
    def outcome(self) -> str:
        """Whether that is right."""
        if self.verdict == "inconclusive":
            return "inconclusive"
        return "right" if self.verdict == RIGHT[self.name] else "wrong"


def main(verdicts: int, limit: str) -> int:
    """Print every session, then the counts; returns 1 when the target is missed."""
    machine = describe_machine()
    print(
        f"{datetime.now(timezone.utc).date()}, {machine.cpu_model}, {machine.cpu_count} CPUs"
        f"{', virtual' if machine.virtual else ''}; --energy-time {limit}"
    )
    judged: list[Judged] = []
    # An interrupt ends measuring; what has been measured is printed.
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as name:
        write(Path(name))
        while len(judged) < verdicts:
            judged += session(Path(name), limit)
            shown = ", ".join(
                f"{one.name} {one.verdict} ({one.change:+.2%}, {one.launches} launches, {one.seconds:.1f} s)"
                for one in judged[-len(RIGHT) :]
            )
            print(f"  {len(judged):3}  {shown}", flush=True)
    return tell(judged)


def tell(judged: list[Judged]) -> int:
    """Print the counts."""
    print(f"\n{'limit':>10} {'verdicts':>9} {'right':>6} {'wrong':>6} {'inconclusive':>13} {'median':>8}")
    for name in RIGHT:
        ours = [one for one in judged if one.name == name]
        counts = Counter(one.outcome for one in ours)
        print(
            f"{'+10 %' if name == 'test_above' else '+0 %':>10} {len(ours):9} {counts['right']:6} {counts['wrong']:6} "
            f"{counts['inconclusive']:13} {statistics.median(one.seconds for one in ours):6.1f} s"
        )
    right = sum(one.outcome == "right" for one in judged)
    share = right / len(judged)
    print(f"measured change: median {statistics.median(one.change for one in judged):+.2%}, true +5 %")
    met = "met" if share >= TARGET else "MISSED"
    print(f"right: {right} of {len(judged)}; target: {TARGET:.0%}: {met}")
    return int(share < TARGET)


def write(project: Path) -> None:
    """Write a project whose working tree does 5 % more than its commit."""
    unit = UNIT.format(steps=steps())
    (project / "work.py").write_text(WORK.format(unit=unit, units=BASE_UNITS), "utf-8")
    (project / "test_work.py").write_text(TESTS, "utf-8")
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\n", "utf-8")
    (project / ".gitignore").write_text("result.json\njunit.xml\n__pycache__\n", "utf-8")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "base"]):
        subprocess.run([*GIT, *command], cwd=project, check=True)
    (project / "work.py").write_text(WORK.format(unit=unit, units=HEAD_UNITS), "utf-8")


def steps() -> int:
    """How many steps a unit has here, so that base's request takes 1 ms."""
    tried = 1000
    namespace: dict[str, object] = {}
    exec(UNIT.format(steps=tried), namespace)  # noqa: S102 - the text above
    unit = namespace["unit"]
    assert callable(unit)
    times = []
    for _ in range(200):
        started = time.perf_counter()
        unit()
        times.append(time.perf_counter() - started)
    return max(1, round(tried * REQUEST_S / BASE_UNITS / min(times)))


def session(project: Path, limit: str) -> list[Judged]:
    """Run both tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--energy-base", "main"]
    command += ["--energy-time", limit, "--energy-json", "result.json"]
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    result = json.loads((project / "result.json").read_text("utf-8"))
    return [judged_of(one) for one in result["workloads"]]


def judged_of(workload: dict[str, dict[str, object]]) -> Judged:
    """One test of a result."""
    assert workload["error"] is None, workload["error"]
    change, provenance = workload["metrics"]["energy_per_request"], workload["provenance"]
    assert isinstance(change, dict)
    launches, seconds = provenance["launches"], provenance["seconds"]
    assert isinstance(launches, list)
    assert isinstance(seconds, float)
    return Judged(
        name=str(workload["name"]).rpartition("::")[2],
        verdict=str(workload["verdict"]),
        change=change["change"]["estimate"],
        launches=len(launches),
        seconds=seconds,
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, sys.argv[2] if len(sys.argv) > 2 else "10s"))
