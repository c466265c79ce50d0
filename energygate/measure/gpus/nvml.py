"""NVIDIA's own library, opened for as long as it is asked, and its errors as sentences."""

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
        "Look for Xid errors in the kernel's log, and restart the machine",
    ),
    "RESET_REQUIRED": (
        "must be reset before it can be used",
        "Run nvidia-smi --gpu-reset, or restart the machine",
    ),
    "NO_PERMISSION": ("may not be read by this user", "Give the user access to the GPU's device files"),
    "NOT_SUPPORTED": ("cannot be read any more: its driver does not support what it did before", None),
}
"""NVML's errors that a person can do something about: what is said of the GPU, and what to do."""


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    """NVIDIA's library as a module; `None` where there is none, or no driver under it.

    The library counts how often it was opened, so that codecarbon's own use of it goes on afterwards.

    Raises:
        MeasurementError: When there is a GPU, but it cannot be asked.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value not in {pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED}:
            raise trouble(error) from None
        if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            expect_no_device(Path("/dev"))
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


@contextlib.contextmanager
def asking(called: str) -> Iterator[None]:
    """Ask for something about the GPU that is `called` so.

    Raises:
        MeasurementError: When the library answers with an error.
    """
    import pynvml

    try:
        yield
    except pynvml.NVMLError as error:
        raise trouble(error, called) from None


def trouble(error: Any, called: str = "an NVIDIA GPU") -> MeasurementError:  # noqa: ANN401 - pynvml has no types
    """An error of the library as a sentence about the GPU that is `called` so."""
    import pynvml

    if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return MeasurementError(
            "the NVIDIA driver and its library have different versions, so no GPU can be read",
            hint="Restart the machine, or hide the GPUs with CUDA_VISIBLE_DEVICES= if they are not used",
        )
    for name, (deed, hint) in ADVICE.items():
        if error.value == getattr(pynvml, f"NVML_ERROR_{name}"):
            return MeasurementError(f"{called} {deed}", hint=hint)
    return MeasurementError(f"{called} cannot be read: NVML says '{error}'")


def expect_no_device(devices: Path) -> None:
    """Refuse a GPU whose library is missing: it would be read as no GPU at all. Containers are often set up so.

    Raises:
        MeasurementError: When there is a GPU among the devices.
    """
    if found := sorted(path.name for path in devices.glob("nvidia[0-9]*")):
        raise MeasurementError(
            f"this machine has an NVIDIA GPU ({found[0]}) but no libnvidia-ml, so its energy cannot be read",
            hint="In a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility; or hide the GPU with "
            "CUDA_VISIBLE_DEVICES=",
        )
