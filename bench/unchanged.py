"""How long `check --base` takes when nothing has changed: the target is 2 s, in a repository of its own.

Usage: python bench/unchanged.py [RUNS]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET_S = 2.0
FIXTURES = Path(__file__).parent.parent / "fixtures"
POLICY = """\
version: 1
workloads:
  digits-cnn:
    onnx: digits-cnn.onnx
    budgets: {energy_per_request: {max_increase: 5 %}}
"""
GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com")


def main(runs: int) -> int:
    """Print the median time of a check of one commit against itself; returns 1 when the target is missed."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        shutil.copyfile(FIXTURES / "models/digits-cnn.onnx", project / "digits-cnn.onnx")
        (project / "energygate.yml").write_text(POLICY, encoding="utf-8")
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "serve"]):
            subprocess.run([*GIT, *command], cwd=project, check=True)
        times = [seconds(project) for _ in range(runs)]
    median_s = statistics.median(times)
    verdict = "met" if median_s < TARGET_S else "MISSED"
    print(f"nothing changed, nothing measured: {median_s:.2f} s, median of {runs}")
    print(f"target: below {TARGET_S:g} s: {verdict}")
    return int(median_s >= TARGET_S)


def seconds(project: Path) -> float:
    """Time one check, which must pass without measuring."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "energygate", "check", "--base", "HEAD"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "not measured" in done.stdout, done.stdout
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
