"""The time that the action takes apart from measuring: its own steps, on a change that leaves nothing to measure.

    uv run python bench/action.py

Runs the commands of `action.yml` as a runner does, in a throw-away repository: first without an environment (cold:
every library is downloaded), then with the one restored from the cache (warm). GitHub's own work is left out: starting
the job, checking out, and transferring the cache, whose size is printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WARM_RUNS = 5
POLICY = """version: 1
workloads:
  digits:
    onnx: digits.onnx
    budgets: {energy_per_request: {max_increase: 5 %}}
"""


def main() -> None:
    """Print seconds by step."""
    with tempfile.TemporaryDirectory() as place:
        job = _Job(Path(place))
        cold = job.run()
        warm = [job.run() for _ in range(WARM_RUNS)]
        size_mb = job.cached_mb()
    print(f"{'':10}{'cold':>8}{'warm':>8}   s; warm: median of {WARM_RUNS}")
    for step, seconds in cold.items():
        print(f"{step:10}{seconds:8.1f}{statistics.median(one[step] for one in warm):8.1f}")
    total = statistics.median(sum(one.values()) for one in warm)
    print(f"{'together':10}{sum(cold.values()):8.1f}{total:8.1f}   targets 25 and 5")
    print(f"the environment in the cache: {size_mb:.0f} MB compressed")


class _Job:
    """A job in a repository where head changes nothing that is measured."""

    def __init__(self, place: Path) -> None:
        self._temporary = place / "temp"
        self._temporary.mkdir()
        workspace = place / "workspace"
        workspace.mkdir()
        _git(workspace, "init", "--quiet", "--initial-branch=main")
        (workspace / "energygate.yml").write_text(POLICY)
        (workspace / "digits.onnx").write_bytes((ROOT / "fixtures/models/digits-mlp.onnx").read_bytes())
        base = _commit(workspace, "base")
        (workspace / "README.md").write_text("words\n")
        head = _commit(workspace, "head")
        event = place / "event.json"
        event.write_text(
            json.dumps({"action": "checks_requested", "merge_group": {"head_sha": head, "base_sha": base}})
        )
        self._workspace = workspace
        self._environ = {
            "PATH": os.pathsep.join([str(Path(sys.executable).resolve().parent), "/usr/bin", "/bin"]),
            "HOME": str(place),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_EVENT_NAME": "merge_group",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-1",
            "GITHUB_SHA": head,
            "GITHUB_ACTOR": "alice",
            "GITHUB_RUN_ID": "1",
            "GITHUB_RUN_ATTEMPT": "1",
            "RUNNER_TEMP": str(self._temporary),
            **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))},
        }
        self._environment = ""

    def run(self) -> dict[str, float]:
        """Run the steps; seconds by step."""
        script = '"$ENERGYGATE" action '
        action = ROOT / "action"
        seconds: dict[str, float] = {}
        outputs = self._step(seconds, "prepare", f'bash "{action}/prepare.sh"')
        self._environment = outputs["environment"]
        environ = {
            "ENERGYGATE_ENVIRONMENT": outputs["environment"],
            "ENERGYGATE_PYTHON": outputs["python"],
        }
        outputs = self._step(seconds, "install", f'"$ENERGYGATE_PYTHON" -I "{action}/install.py" make', environ)
        environ = {"ENERGYGATE": outputs["command"]}
        outputs = self._step(seconds, "measure", f"{script}measure", environ)
        assert outputs["verdict"] == "pass", outputs
        environ |= {"ENERGYGATE_DIRECTORY": outputs["directory"]}
        assert self._step(seconds, "report", f"{script}report", environ)["exit-code"] == "0"
        return seconds

    def cached_mb(self) -> float:
        """How much the cache has to move, compressed about as well as GitHub's zstd does."""
        archive = self._temporary / "cache.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=3) as file:
            file.add(self._environment, arcname="environment")
        return archive.stat().st_size / 1e6

    def _step(
        self, seconds: dict[str, float], name: str, script: str, more: dict[str, str] | None = None
    ) -> dict[str, str]:
        files = {key: self._temporary / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        environ = {**self._environ, **{key: str(file) for key, file in files.items()}, **(more or {})}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=self._workspace, env=environ, capture_output=True, text=True, check=False)
        seconds[name] = time.perf_counter() - started
        assert done.returncode == 0, done.stdout + done.stderr
        return _outputs(files["GITHUB_OUTPUT"].read_text())


def _outputs(text: str) -> dict[str, str]:
    """A step's outputs: `name=value`, or a name, a random word, the value, and the word again."""
    lines = iter(text.splitlines())
    outputs = {}
    for line in lines:
        name, mark, word = line.partition("<<")
        if not mark or "=" in name:
            name, _, outputs[line.partition("=")[0]] = line.partition("=")
            continue
        value = []
        while (one := next(lines)) != word:
            value.append(one)
        outputs[name] = "\n".join(value)
    return outputs


def _git(place: Path, *arguments: str) -> str:
    names = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *names, *arguments], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commit(place: Path, message: str) -> str:
    _git(place, "add", "--all")
    _git(place, "commit", "--quiet", "--message", message)
    return _git(place, "rev-parse", "HEAD")


if __name__ == "__main__":
    main()
