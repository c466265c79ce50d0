"""How long a test with an undecided verdict takes: with a time limit of 10 s it should end within 12 s.

The tests are those of fixtures/pytest_project: alone, limited to exactly the energy that they need, which no
measurement can decide, and with a base that differs only in a comment, with no increase allowed. The time is that of
the whole test, as pytest counts it.

    uv run python bench/pytest_limit.py [SECONDS]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

PROJECT = Path(__file__).parent.parent / "fixtures" / "pytest_project"
TARGET = 1.2
TESTS = "classify or batch or served"
GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com")


def main(limit_s: float) -> int:
    """Print how long each test took; returns 1 when the target is missed."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "base"]):
            subprocess.run([*GIT, *command], cwd=project, check=True)
        needed = energies(project)
        tests = project / "tests" / "test_energy.py"
        written = tests.read_text("utf-8")
        rows = []
        for number, (test, kwh) in enumerate(needed.items()):
            tests.write_text(marked(written, f'max="{kwh * 1e12:.6g} nWh"'), "utf-8")
            rows.append(("alone", *timed(project, ["--energy"], limit_s, test)))
            tests.write_text(marked(written, 'max_increase="0 %"') + f"# {number}\n", "utf-8")
            rows.append(("with base", *timed(project, ["--energy-base", "main"], limit_s, test)))
    for how, test, verdict, launches, seconds in rows:
        print(f"{how:12} {test:24} {verdict:14} {launches:3} launches  {seconds:6.2f} s")
    longest = max(seconds for *_, seconds in rows)
    met = "met" if longest <= TARGET * limit_s else "MISSED"
    print(f"limit {limit_s:g} s: the longest test took {longest:.2f} s; target: within {TARGET * limit_s:g} s: {met}")
    return int(longest > TARGET * limit_s)


def marked(text: str, limits: str) -> str:
    """The tests with these limits, and no others."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("@pytest.mark.energy")]
    return "".join(lines).replace("import pytest\n", f"import pytest\n\npytestmark = pytest.mark.energy({limits})\n", 1)


def energies(project: Path) -> dict[str, float]:
    """What each test needs, in kWh."""
    run(project, ["--energy", "-k", TESTS])
    result = json.loads((project / "result.json").read_text("utf-8"))
    found = {
        one["name"].partition("::")[2]: one["metrics"]["energy_per_request"]["head"] for one in result["workloads"]
    }
    assert found
    return found


def timed(project: Path, options: list[str], limit_s: float, test: str) -> tuple[str, str, int, float]:
    """Run one test; returns its name, verdict, launches and time."""
    run(project, [*options, "--energy-time", f"{limit_s:g}s", f"tests/test_energy.py::{test}"])
    (workload,) = json.loads((project / "result.json").read_text("utf-8"))["workloads"]
    assert workload["error"] is None, workload["error"]
    (case,) = ET.parse(project / "junit.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    launches = len(workload["provenance"]["launches"])
    return test.rpartition("::")[2], workload["verdict"], launches, float(case.attrib["time"])


def run(project: Path, options: list[str]) -> None:
    """Run pytest."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=junit.xml"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, "--energy-json=result.json", *options],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
