"""`actions/setup-python` and `astral-sh/setup-uv`: they provide this machine's version, whichever is requested."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

from github_simulator.runner.machine import base_python
from github_simulator.runner.simulated_actions import ActionFailed, SimulatedAction, Use


def setup_python(use: Use) -> None:
    """Put this machine's Python on PATH, unless `update-environment` says not to."""
    if not use.inputs["python-version"] and not use.inputs["python-version-file"]:
        use.log.annotate("warning", "Neither 'python-version' nor 'python-version-file' inputs were supplied.")
    python = use.around.machine.programs_folder / "python3"
    use.log.note(f"Asked for {use.inputs['python-version'] or 'any'}; here is {platform.python_version()}")
    use.outputs |= {
        "python-version": platform.python_version(),
        "python-path": str(python),
        "cache-hit": "false",
    }
    if use.flag("update-environment"):
        location = str(python.resolve().parent.parent)
        use.paths.append(str(python.parent))
        use.exported |= dict.fromkeys(("pythonLocation", "Python_ROOT_DIR", "Python3_ROOT_DIR"), location)


def setup_uv(use: Use) -> None:
    """Put this machine's uv on PATH."""
    found = _uv()
    folder = use.around.machine.tools / "uv"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "uv"
    link.unlink(missing_ok=True)
    link.symlink_to(found)
    use.paths.append(str(folder))
    version = subprocess.run([str(found), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    use.outputs |= {"uv-version": version, "uv-path": str(link), "cache-hit": "false"}
    if use.inputs["python-version"]:
        use.outputs["python-version"] = use.inputs["python-version"]
        # The real one asks uv for that version, which would download it: here is one, and it is to be used.
        use.exported["UV_PYTHON"] = str(use.around.machine.programs_folder / "python3")
    if use.flag("activate-environment"):
        raise ActionFailed("the simulated astral-sh/setup-uv does not support activate-environment")


def _uv() -> Path:
    # Beside Python before PATH: a version manager's shim on PATH does not work in a job's environment.
    found = shutil.which("uv", path=str(base_python().parent)) or shutil.which("uv")
    if found is None:
        raise ActionFailed("there is no uv on this machine")
    return Path(found).resolve()


ACTIONS = {
    "actions/setup-python": SimulatedAction(
        inputs={
            "python-version": None,
            "python-version-file": None,
            "cache": None,
            "architecture": None,
            "check-latest": "false",
            "token": "${{ github.server_url == 'https://github.com' && github.token || '' }}",
            "cache-dependency-path": None,
            "update-environment": "true",
            "allow-prereleases": "false",
            "freethreaded": "false",
            "pip-version": None,
            "pip-install": None,
        },
        outputs=("python-version", "cache-hit", "python-path"),
        do=setup_python,
    ),
    "astral-sh/setup-uv": SimulatedAction(
        inputs={
            "version": "",
            "version-file": "",
            "python-version": None,
            "activate-environment": "false",
            "venv-path": "",
            "no-project": "false",
            "working-directory": "${{ github.workspace }}",
            "checksum": None,
            "github-token": "${{ github.token }}",
            "enable-cache": "auto",
            "cache-dependency-glob": "**/uv.lock",
            "restore-cache": "true",
            "save-cache": "true",
            "cache-suffix": None,
            "cache-local-path": "",
            "prune-cache": "true",
            "cache-python": "false",
            "ignore-nothing-to-cache": "false",
            "ignore-empty-workdir": "false",
            "tool-dir": None,
            "tool-bin-dir": None,
            "manifest-file": None,
            "add-problem-matchers": "true",
            "resolution-strategy": "highest",
        },
        outputs=(
            *("uv-version", "uv-path", "uvx-path", "cache-hit", "cache-key", "venv", "python-version"),
            "python-cache-hit",
        ),
        do=setup_uv,
    ),
}
