"""Whether a workload is the same thing on both sides, so that there is nothing to measure."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.workloads.model_files import model_files

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.workloads.serving import Serving, Side

BLOCK = 1 << 20

ENVIRONMENT = """
import importlib.metadata, sys
print(sys.version)
for name, version in sorted({(d.metadata["Name"] or "?", d.version) for d in importlib.metadata.distributions()}):
    print(name, version)
"""
"""What an interpreter runs to say which versions of what it holds."""


def same_model(base: Serving, head: Serving) -> bool:
    """Whether both sides serve the same ONNX model with the same settings and inputs, byte by byte.

    Raises:
        MeasurementError: When a model cannot be read.
    """
    if _settings(base) != _settings(head):
        return False
    return _digest(base) == _digest(head)


def same_environment(base: Side, head: Side) -> bool:
    """Whether both sides' interpreters hold the same versions of the same packages.

    Raises:
        MeasurementError: When an interpreter cannot be asked.
    """
    return base.python == head.python or environment(base) == environment(head)


def environment(side: Side) -> str:
    """The versions of the interpreter and of every package it holds, one per line.

    Raises:
        MeasurementError: When the interpreter cannot be asked.
    """
    try:
        done = subprocess.run(
            [side.python, "-c", ENVIRONMENT],
            cwd=side.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None)
        raise MeasurementError(
            f"{side.python}, the interpreter of {side.name}, cannot say which packages it holds",
            hint="Set `measurement.python` to an interpreter that exists, and `setup` to what makes it",
            detail=detail if isinstance(detail, str) else None,
        ) from None
    return done.stdout


def _settings(serving: Serving) -> dict[str, object]:
    """What the policy says of how the workload is run; where its files are does not matter, their bytes do."""
    return serving.workload.model_dump(mode="json", exclude={"budgets", "onnx", "inputs", "paths"})


def _digest(serving: Serving) -> str:
    workload, directory = serving.workload, serving.side.directory
    digest = hashlib.sha256()
    if workload.onnx is not None:
        model = directory / workload.onnx
        for path in model_files(model, label=serving.label):
            digest.update(f"{path.name if path != model else ''}\0".encode())
            _feed(digest, path)
    if workload.inputs is not None:
        _feed(digest, serving.inputs_directory / workload.inputs)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    digest.update(b"\0")
