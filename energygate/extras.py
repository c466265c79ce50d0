"""The packages that energygate's extras bring, and which extra to install where one is missing."""

from __future__ import annotations

import importlib.util

from energygate.errors import UsageError

MEASURING = ("codecarbon", "filelock", "numpy")

MODULES = {
    "measure": MEASURING,
    "onnxruntime": ("onnx", *MEASURING),
    "aws": ("boto3",),
    "grafana": ("grafana_foundation_sdk.builders",),
    "otlp": ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk.metrics.export"),
}
"""What is imported of each extra's packages. Other builds of onnxruntime bring the same module under other names."""


def require(extra: str, *more: str, purpose: str) -> None:
    """Refuse to go on where a package of an extra is missing.

    Args:
        extra: A key of `MODULES`.
        more: Modules that are needed as well, although an installation may do without them.
        purpose: What needs them, as the subject of a sentence.

    Raises:
        UsageError: A module cannot be found.
    """
    missing = [name for name in (*MODULES[extra], *more) if not _is_installed(name)]
    if missing:
        raise UsageError(f"{purpose} needs {missing[0].partition('.')[0]}: pip install {_installable(extra)}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _installable(extra: str) -> str:
    """What to tell pip: never another build of onnxruntime beside the one that is there."""
    if extra == "onnxruntime" and _is_installed("onnxruntime"):
        import importlib.metadata

        builds = importlib.metadata.packages_distributions().get("onnxruntime", [])
        if "onnxruntime-gpu" in builds:
            extra = "onnxruntime-gpu"
        elif "onnxruntime" not in builds:
            return "'energygate[measure]' onnx"
    if extra == "grafana":
        return "'energygate[grafana]', with Python 3.11 or newer"
    return f"'energygate[{extra}]'"
