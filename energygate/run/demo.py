"""`demo`: a pull request from policy to verdict, on the shipped fixtures in a temporary repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

import click

from energygate.errors import UsageError
from energygate.extras import require

MODELS = ("digits-cnn", "digits-mlp", "digits-cnn-heavy")

POLICY = """\
version: 1
site: {pue: 1.25, carbon: {country: DEU}}
measurement: {time_limit: 20 s}
workloads:
""" + "".join(
    f"""\
  {name}:
    onnx: models/{name}.onnx
    inputs: data/digits.npz
    labels: label
    budgets: {{energy_per_request: {{max_increase: 5 %}}, accuracy: {{min: 97 %}}}}
"""
    for name in MODELS
)

FAILED = 1
"""Exit code of `energygate check` when a budget is exceeded."""

AUTHOR = {
    "GIT_AUTHOR_NAME": "demo",
    "GIT_AUTHOR_EMAIL": "demo@example.com",
    "GIT_COMMITTER_NAME": "demo",
    "GIT_COMMITTER_EMAIL": "demo@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Gate(Protocol):
    """Measures, judges and reports as `energygate check` does."""

    def __call__(self, policy_path: str, *, base: str | None = None, base_dir: str | None = None) -> int:
        """Return the exit code."""


def demonstrate(gate: Gate) -> int:
    """Run the demo; return 0 when the gate has failed the pull request, as it should.

    Args:
        gate: Checks and reports as the command does.

    Raises:
        UsageError: When a package for measuring is missing.
    """
    require("onnxruntime", "onnxruntime", purpose="the demo")
    with tempfile.TemporaryDirectory(prefix="energygate-demo-") as name:
        project = Path(name) / "digits"
        policy = str(project / "energygate.yml")
        _base(project)
        click.echo("A project serves three models that read handwritten digits. Its policy allows +5 % energy.")
        click.echo("A pull request re-exports digits-mlp, and makes digits-cnn wider for a little more accuracy.")
        if shutil.which("git"):
            _git(project, "init", "--quiet", "--initial-branch=main")
            _commit(project, "Serve three models")
            _git(project, "switch", "--quiet", "--create", "wider-cnn")
            _head(project)
            _commit(project, "Make digits-cnn wider")
            click.echo("\n$ energygate check --base main\n")
            code = gate(policy, base="main")
        else:
            before = Path(name) / "base"
            shutil.copytree(project, before)
            _head(project)
            click.echo("\n$ energygate check --base-dir ../base\n")
            code = gate(policy, base_dir=str(before))
    if code == FAILED:
        meaning = ", so the pull request fails. By its accuracy alone it would have passed."
    else:
        meaning = " and not with 1: this machine was too busy for a verdict in so short a time. Run it once more."
    click.echo(f"\nIt exits with {code}{meaning}")
    click.echo("Next: `energygate init` in your own project.")
    return 0 if code == FAILED else 3


def _base(project: Path) -> None:
    shipped = fixtures()
    for file in (*(f"models/{model}.onnx" for model in MODELS), "data/digits.npz"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shipped / file, project / file)
    (project / "energygate.yml").write_text(POLICY, encoding="utf-8")


def _head(project: Path) -> None:
    """Make the pull request: two of the three models change, and one of them does more work."""
    import onnx

    shutil.copyfile(fixtures() / "models/digits-cnn-fat.onnx", project / "models/digits-cnn.onnx")
    path = project / "models/digits-mlp.onnx"
    model = onnx.load(path)
    model.producer_version = "re-exported"
    onnx.save(model, path)


def _commit(project: Path, message: str) -> None:
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--message", message)


def _git(project: Path, *arguments: str) -> None:
    try:
        subprocess.run(  # the git that the gate itself will use
            ["git", *arguments],
            cwd=project,
            env=os.environ | AUTHOR,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise UsageError(f"git {arguments[0]} failed", detail=error.stderr) from None


def fixtures() -> Path:
    """Return the directory with `models/` and `data/`: inside an installed package, beside it in a checkout.

    Raises:
        UsageError: When this installation lacks it.
    """
    package = Path(__file__).parents[1]
    for place in (package / "fixtures", package.parent / "fixtures"):
        if (place / "models" / "digits-cnn.onnx").is_file():
            return place
    raise UsageError("this installation lacks the models that the demo and the self-test run on")
