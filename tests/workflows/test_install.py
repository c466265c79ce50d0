"""energygate's own environment: installed from hashes alone, and not influenced by the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from energygate import __version__

ROOT = Path(__file__).parents[2]
REQUIREMENTS = (ROOT / "action" / "requirements.txt").read_text(encoding="utf-8")
HOSTILE = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
SHADOWS = (
    "pip",
    "uv",
    "venv",
    "subprocess",
    "energygate",
    "click",
    "requests",
    "sitecustomize",
    "usercustomize",
)


@pytest.fixture
def job(tmp_path):
    """Runs a script of the action in a checkout full of traps; returns exit code, log and outputs."""
    workspace, temporary = tmp_path / "workspace", tmp_path / "temp"
    workspace.mkdir()
    temporary.mkdir()
    for name in SHADOWS:
        (workspace / f"{name}.py").write_text(HOSTILE)
    (workspace / "uv.toml").write_text('index-url = "http://127.0.0.1:9/trap"\n')
    (workspace / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/trap\n")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    python = Path(sys.executable).resolve()

    def run(script, *, action=ROOT, path=None, **more):
        output = temporary / "output"
        output.write_text("")
        environ = {
            **kept,
            "PATH": path or f"{python.parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(workspace),
            "GITHUB_ACTION_PATH": str(action),
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(temporary),
            **more,
        }
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=workspace,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not list(workspace.glob("ran")), "a file of the checkout was run"
        pairs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode, done.stdout + done.stderr, pairs

    return run


PREPARE = 'bash "$GITHUB_ACTION_PATH/action/prepare.sh"'
INSTALL = '"$ENERGYGATE_PYTHON" -I "$GITHUB_ACTION_PATH/action/install.py" make'


def made(job, **more):
    code, said, outputs = job(PREPARE, **more)
    assert code == 0, said
    variables = {"ENERGYGATE_PYTHON": outputs["python"], "ENERGYGATE_ENVIRONMENT": outputs["environment"]}
    return job(INSTALL, **variables, **more)


def test_broken_and_warm_caches(job):
    """That a cold one is filled is seen where the library is not what was pinned."""
    _, _, prepared = job(PREPARE)
    # A cache may give back half of an environment: here one without libraries.
    subprocess.run([prepared["python"], "-I", "-m", "venv", "--without-pip", prepared["environment"]], check=True)
    code, said, outputs = made(job)
    assert (code, outputs["installed"]) == (0, "true"), said
    code, said, _ = job('"$ENERGYGATE" --version', ENERGYGATE=outputs["command"])
    assert (code, said) == (0, f"energygate {__version__}\n")
    code, said, again = made(job)
    assert (code, again) == (0, {**outputs, "installed": "false"}), said


def test_a_library_with_another_hash_is_refused(job, tmp_path):
    forged = tmp_path / "forged"
    shutil.copytree(ROOT / "action", forged / "action")
    wrong = re.sub(r"(?<=--hash=sha256:)[0-9a-f]{8}", "0" * 8, (forged / "action" / "uv.txt").read_text())
    (forged / "action" / "uv.txt").write_text(wrong)
    code, said, outputs = made(job, action=forged)
    assert (code, outputs) == (2, {})
    assert "::error title=energygate::uv, which installs energygate's libraries, cannot be installed" in said
    assert "Traceback" not in said


def test_without_a_python_it_says_what_to_do(job, tmp_path):
    old = tmp_path / "bin"
    old.mkdir()
    for tool in ("bash", "ls", "printf", "env"):
        (old / tool).symlink_to(shutil.which(tool))
    for name in ("python3", "python"):
        (old / name).write_text("#!/bin/bash\nexit 1\n")  # one that is too old says so with its exit status
        (old / name).chmod(0o755)
    code, said, outputs = job(PREPARE, path=str(old))
    assert (code, outputs) == (2, {})
    assert said.startswith("::error title=energygate::there is no 64-bit Python 3.10 to 3.14 on this runner")


def test_any_different_input_gives_a_new_environment(job, tmp_path):
    _, _, first = job(PREPARE)
    other = tmp_path / "other"
    shutil.copytree(ROOT / "action", other / "action")
    with (other / "action" / "requirements.txt").open("a") as file:
        file.write("# newer\n")
    _, _, second = job(PREPARE, action=other)
    assert first["key"] != second["key"]
    assert first["environment"] != second["environment"]


# --- What is pinned -------------------------------------------------------------------------------------------


def test_every_library_has_its_hashes():
    entries = re.split(r"^(?=\S)", REQUIREMENTS, flags=re.MULTILINE)[1:]
    assert len(entries) > 40
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+$", entry), entry


def test_everything_that_energygate_needs_is_pinned():
    """When this is red, run action/lock.sh."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^(?:dependencies|onnxruntime|measure) = \[(.*?)\]$", project, re.MULTILINE | re.DOTALL)
    assert len(lists) == 3
    names = {re.match(r"[a-z0-9-]+", one)[0] for one in re.findall(r'"([^"]+)"', "".join(lists))}
    names.remove("energygate")
    pinned = {line.partition("==")[0] for line in REQUIREMENTS.splitlines() if "==" in line}
    assert names <= pinned
