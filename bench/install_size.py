"""The size of an installation on disk, and its effect on an onnxruntime-gpu that is already installed.

    uv run python bench/install_size.py

Installs from the package index into temporary environments.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BYTES_PER_MB = 1_000_000
PROVIDERS = "import json, onnxruntime; print(json.dumps(onnxruntime.get_available_providers()))"


class Environment:
    """A new, empty environment.

    Args:
        directory: Where to make it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        _run("uv", "venv", "--quiet", "--no-config", "--python", sys.executable, str(directory))
        self.python = directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def install(self, *packages: str) -> None:
        """Install packages."""
        _run("uv", "pip", "install", "--quiet", "--no-config", "--python", str(self.python), *packages)

    def plan(self, *packages: str) -> set[str]:
        """Return the names of what installing packages would add."""
        command = (
            "uv",
            "pip",
            "install",
            "--dry-run",
            "--no-config",
            "--python",
            str(self.python),
            *packages,
        )
        return set(re.findall(r"^ \+ ([\w.-]+)", _run(*command), re.MULTILINE))

    def run(self, *arguments: str) -> str:
        """Return what the environment's Python prints."""
        return _run(str(self.python), "-I", *arguments)

    @property
    def packages(self) -> set[str]:
        """The names of what is installed."""
        listed = _run("uv", "pip", "list", "--quiet", "--format", "json", "--python", str(self.python))
        return {package["name"] for package in json.loads(listed)}

    @property
    def size_bytes(self) -> int:
        """Size of everything that is installed, without what Python compiles on its way."""
        [sites] = self.directory.glob("[Ll]ib/**/site-packages")
        files = (file for file in sites.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        return sum(file.stat().st_size for file in files)


def energygate(extra: str | None = None) -> str:
    """Return this checkout as a package to install."""
    return f"energygate{f'[{extra}]' if extra else ''} @ {ROOT.as_uri()}"


def _run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}")
    return done.stdout


def main() -> None:
    """Print sizes, then the effect on onnxruntime-gpu."""
    with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
        for extra in (None, "aws", "otlp", "measure", "onnxruntime"):
            environment = Environment(Path(scratch) / str(extra))
            environment.install(energygate(extra))
            size = environment.size_bytes / BYTES_PER_MB
            print(f"{energygate(extra).partition(' ')[0]:24} {size:4.0f} MB, {len(environment.packages)} packages")
        environment = Environment(Path(scratch) / "gpu")
        environment.install("onnxruntime-gpu")
        before = environment.run("-c", PROVIDERS)
        for extra in (None, "measure", "onnxruntime-gpu"):
            environment.install(energygate(extra))
            assert "onnxruntime" not in environment.packages, extra
            assert environment.run("-c", PROVIDERS) == before, extra
        print(f"onnxruntime-gpu's providers before and after: {before.strip()}")


if __name__ == "__main__":
    main()
