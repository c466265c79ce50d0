"""NVIDIA's management library, and its errors as sentences."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Iterator

ADVICE = {
    "GPU_IS_LOST": (
        "is lost: its driver cannot reach it",
        "Look for Xid errors in the kernel log, and restart the machine",
    ),
    "RESET_REQUIRED": (
        "must be reset before it can be used",
        "Run nvidia-smi --gpu-reset, or restart the machine",
    ),
    "NO_PERMISSION": ("may not be read by this user", "Give the user access to the GPU's device files"),
    "NOT_SUPPORTED": ("can no longer be read: its driver stopped supporting it", None),
}
"""NVML errors that a user can act on: what is wrong with the GPU, and what to do."""


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    """Yield NVML as a module, initialised; `None` where the library or its driver is missing.

    NVML is reference-counted, so codecarbon's own use of it goes on afterwards.

    Raises:
        MeasurementError: When there is a GPU that cannot be read.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value not in {pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED}:
            raise nvml_error(error) from None
        if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            expect_no_device(Path("/dev"))
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


@contextlib.contextmanager
def nvml_errors(label: str) -> Iterator[None]:
    """Turn NVML errors into errors about the GPU with this label.

    Raises:
        MeasurementError: When NVML returns an error.
    """
    import pynvml

    try:
        yield
    except pynvml.NVMLError as error:
        raise nvml_error(error, label) from None


def nvml_error(error: Any, label: str = "an NVIDIA GPU") -> MeasurementError:  # noqa: ANN401 - pynvml has no types
    """Return an NVML error as a sentence about the GPU with this label."""
    import pynvml

    if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return MeasurementError(
            "the NVIDIA driver and its library have different versions, so no GPU can be read",
            hint="Restart the machine, or hide the GPUs with CUDA_VISIBLE_DEVICES= if they are not used",
        )
    for name, (fault, hint) in ADVICE.items():
        if error.value == getattr(pynvml, f"NVML_ERROR_{name}"):
            return MeasurementError(f"{label} {fault}", hint=hint)
    return MeasurementError(f"{label} cannot be read: NVML says '{error}'")


def expect_no_device(devices: Path) -> None:
    """Refuse a GPU without NVML, as in many containers: its energy would silently be left out.

    Raises:
        MeasurementError: When there is a GPU among the device files.
    """
    if names := sorted(path.name for path in devices.glob("nvidia[0-9]*")):
        raise MeasurementError(
            f"this machine has an NVIDIA GPU ({names[0]}) but no libnvidia-ml, so its energy cannot be read",
            hint="In a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility; or hide the GPU with "
            "CUDA_VISIBLE_DEVICES=",
        )
