"""Whether a workload is the same on both sides, so that there is nothing to measure."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.workloads.model_files import model_files

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.workloads.serving import Serving, Side

CHUNK_BYTES = 1 << 20

ENVIRONMENT = """
import importlib.metadata, sys
print(sys.version)
for name, version in sorted({(d.metadata["Name"] or "?", d.version) for d in importlib.metadata.distributions()}):
    print(name, version)
"""
"""Code that lists the versions of an interpreter's packages."""


def same_model(base: Serving, head: Serving) -> bool:
    """Return whether both sides serve the same ONNX model with the same settings and inputs, byte by byte.

    Raises:
        MeasurementError: When a model is unreadable.
    """
    if _settings(base) != _settings(head):
        return False
    return _digest(base) == _digest(head)


def same_environment(base: Side, head: Side) -> bool:
    """Return whether both sides' interpreters have the same versions of the same packages.

    Raises:
        MeasurementError: When an interpreter cannot be run.
    """
    return base.python == head.python or environment(base) == environment(head)


def environment(side: Side) -> str:
    """Return the versions of the interpreter and all its packages, one per line.

    Raises:
        MeasurementError: When the interpreter cannot be run.
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
            f"{side.python}, the interpreter of {side.name}, cannot list its packages",
            hint="Set `measurement.python` to an existing interpreter, and `setup` to a command that creates it",
            detail=detail if isinstance(detail, str) else None,
        ) from None
    return done.stdout


def _settings(serving: Serving) -> dict[str, object]:
    """Return the settings that decide how the workload runs; of its files only the content matters, not the path."""
    return serving.workload.model_dump(mode="json", exclude={"budgets", "onnx", "inputs", "paths"})


def _digest(serving: Serving) -> str:
    workload, directory = serving.workload, serving.side.directory
    digest = hashlib.sha256()
    if workload.onnx is not None:
        model = directory / workload.onnx
        for path in model_files(model, label=serving.label):
            digest.update(f"{path.name if path != model else ''}\0".encode())
            _add_file(digest, path)
    if workload.inputs is not None:
        _add_file(digest, serving.inputs_directory / workload.inputs)
    return digest.hexdigest()


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    digest.update(b"\0")
