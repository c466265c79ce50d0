"""The machine's GPUs, whoever made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.amd import find_amd_gpus
from energygate.measure.gpus.card import Gpu
from energygate.measure.gpus.nvidia import find_nvidia_gpus

if TYPE_CHECKING:
    from energygate.measure.gpus.visible import Selection

__all__ = ["Gpu", "find_gpus"]


def find_gpus(selection: Selection | None) -> tuple[Gpu, ...]:
    """The GPUs that a workload may use; empty where there are none. Takes about half a second if there are.

    Args:
        selection: Which ones; `None` for a workload that uses none (see `visible_gpus.selection_for`).

    Raises:
        MeasurementError: When a GPU is there whose energy cannot be read: nothing must be measured without it.
    """
    if selection is None:
        return ()
    nvidia, amd = find_nvidia_gpus(selection), find_amd_gpus(selection)
    if nvidia and amd:
        raise MeasurementError(
            "this machine has GPUs of NVIDIA and of AMD, which codecarbon numbers alike, so their energy cannot be "
            "told apart",
            hint="Uninstall amdsmi from energygate's environment to measure the NVIDIA ones",
        )
    return nvidia or amd
