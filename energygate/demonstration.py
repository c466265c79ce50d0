"""`demo`: the whole story on the shipped fixtures, in a directory that is thrown away."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from energygate.checking import check
from energygate.drafting import bare_policy, draft_policy, find_models
from energygate.errors import UsageError
from energygate.policy import load_policy, parse_policy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from energygate.engine.shared import Observer
    from energygate.policy import Policy

TIME_LIMIT_S = 12.0
"""Per workload and step, so that the four measurements stay well under a minute."""


class Gate(Protocol):
    """What `energygate check` does: measure, judge, report."""

    def __call__(self, policy: Policy, *, policy_path: str, time_limit_s: float) -> int:
        """Return the exit code."""


def demonstrate(gate: Gate, progress: AbstractContextManager[Observer]) -> int:
    """Tell the story; returns 0 when it came out as told.

    Args:
        gate: Checks and reports as the command does.
        progress: Shows how far the measuring for the draft is.
    """
    fixtures = _fixtures()
    with tempfile.TemporaryDirectory(prefix="energygate-demo-") as name:
        project = Path(name)
        for file in ("models/digits-cnn.onnx", "models/digits-mlp.onnx", "data/digits.npz"):
            (project / file).parent.mkdir(exist_ok=True)
            shutil.copyfile(fixtures / file, project / file)
        policy = project / "energygate.yml"
        _tell(
            "A project serves two models that read handwritten digits: digits-cnn and digits-mlp.",
            "1. `energygate init` measures both and writes budgets half as large again:",
        )
        policy.write_text(_drafted(project, progress), encoding="utf-8")
        click.echo("".join(f"    {line}\n" for line in policy.read_text("utf-8").splitlines()[9:]))
        _tell(
            "2. A pull request swaps in a digits-cnn of the same accuracy that computes 35 times as much.",
            "   `energygate check` on it:",
        )
        shutil.copyfile(fixtures / "models/digits-cnn-heavy.onnx", project / "models/digits-cnn.onnx")
        code = gate(load_policy(policy), policy_path=str(policy), time_limit_s=TIME_LIMIT_S)
    _tell(
        "",
        f"It exits with {code}, so the pull request fails. Accuracy alone would have let it through.",
        "Next: `energygate init` in your own project.",
    )
    return 0 if code == 1 else 3


def _drafted(project: Path, progress: AbstractContextManager[Observer]) -> str:
    found = find_models(project)
    with progress as observer:
        result = check(
            parse_policy(bare_policy(found)), project, time_limit_s=TIME_LIMIT_S, observer=observer
        )
    return draft_policy(found, result)


def _fixtures() -> Path:
    """The fixtures: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    for place in (package / "fixtures", package.parent / "fixtures"):
        if (place / "models" / "digits-cnn.onnx").is_file():
            return place
    raise UsageError("this installation lacks the fixtures that the demo runs on")


def _tell(*lines: str) -> None:
    for line in lines:
        click.echo(line)
