"""Make the environment that energygate itself runs in, from hashes, apart from the user's environments.

`name` outputs its path and its key in the cache; `make` installs it, unless the cache restored it, and outputs the
command to run. Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
INSTALLER = HERE / "uv.txt"
LOADED = "click, codecarbon, numpy, onnx, onnxruntime, pandas, pydantic, requests, rich, yaml"
"""What energygate imports: importing it once shows that it works, and compiles it for the cache."""

QUIET = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "UV_NO_PROGRESS": "1",
    "UV_LINK_MODE": "copy",
}


class InstallError(Exception):
    """Why there is no environment, in one sentence."""


def name() -> dict[str, str]:
    """Return the environment's path and key; everything that its contents depend on is in the key."""
    python = str(Path(sys.executable).resolve())
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + INSTALLER.read_bytes())
    digest.update(f"{python} {sys.version} {os.environ['RUNNER_TEMP']}".encode())
    system = f"{os.environ.get('RUNNER_OS', platform.system())}-{os.environ.get('RUNNER_ARCH', platform.machine())}"
    version = ".".join(map(str, sys.version_info[:3]))
    environment = Path(os.environ["RUNNER_TEMP"]) / f"energygate-{digest.hexdigest()[:16]}"
    return {
        "python": python,
        "environment": str(environment),
        "key": f"energygate-{system}-{version}-{digest.hexdigest()[:32]}",
    }


def make() -> dict[str, str]:
    """Install what is missing.

    Raises:
        InstallError: Something cannot be installed.
    """
    environment = Path(os.environ["ENERGYGATE_ENVIRONMENT"])
    installed = not _works(environment)
    if installed:
        shutil.rmtree(environment, ignore_errors=True)
        _install(environment)
    # The action's own code is not in the cache, and its path differs from run to run.
    sites = next(environment.glob("[Ll]ib/python*/site-packages"), environment / "Lib" / "site-packages")
    (sites / "energygate-action.pth").write_text(f"{HERE.parent}\n", encoding="utf-8")
    command = environment / "energygate"
    # Isolated: no directory of the checkout, and no variable, decides which code runs.
    words = [_python(environment).as_posix(), "-I", "-X", "utf8", "-m", "energygate"]
    command.write_bytes(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'.encode())
    command.chmod(0o755)
    return {"command": command.as_posix(), "installed": "true" if installed else "false"}


def _install(environment: Path) -> None:
    tools = environment.with_name(f"{environment.name}-uv")
    shutil.rmtree(tools, ignore_errors=True)
    pip = [sys.executable, "-I", "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        venv = [sys.executable, "-I", "-m", "venv", str(tools / "pip")]
        _run(*venv, what="cannot make an environment for pip")
        pip = [str(_python(tools / "pip")), "-I", "-m", "pip"]
    pip += ["install", "--quiet", "--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile"]
    pip += ["--target", str(tools / "uv"), "--requirement", str(INSTALLER)]
    _run(*pip, what="uv, which installs energygate's libraries, cannot be installed")
    uv = next((one for one in (tools / "uv").glob("*/*") if one.name in {"uv", "uv.exe"}), None)
    if uv is None:
        raise InstallError("uv was installed, but its program is missing")
    # Without configuration: a checkout's uv.toml could name other sources.
    venv = [str(uv), "venv", "--quiet", "--no-config", "--python", sys.executable, str(environment)]
    _run(*venv, what="cannot make an environment")
    sync = [str(uv), "pip", "sync", "--quiet", "--no-config", "--no-cache", "--require-hashes"]
    sync += ["--only-binary=:all:", "--python", str(_python(environment)), str(REQUIREMENTS)]
    _run(*sync, what="energygate's libraries cannot be installed")
    shutil.rmtree(tools, ignore_errors=True)
    _run(str(_python(environment)), "-I", "-c", f"import {LOADED}", what="energygate's libraries do not load")


def _works(environment: Path) -> bool:
    """Tell whether the environment is complete: a cache may restore half of it, or one for another machine."""
    command = [str(_python(environment)), "-I", "-c", "import click, pydantic, requests, yaml"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _python(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(*command: str, what: str) -> None:
    """Run a command outside of the checkout, whose pip.py or uv.toml would change it."""
    done = subprocess.run(
        command,
        cwd=os.environ["RUNNER_TEMP"],
        env={**os.environ, **QUIET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        raise InstallError(f"{what} (exit status {done.returncode}; its output is above)")


def main() -> None:
    """Write the outputs into the runner's file."""
    try:
        outputs = {"name": name, "make": make}[sys.argv[1]]()
    except InstallError as error:
        print(f"::error title=energygate::{error}")
        sys.exit(2)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{key}={value}\n" for key, value in outputs.items())


if __name__ == "__main__":
    main()
