"""The machine's GPUs of any vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.amd import find_amd_gpus
from energygate.measure.gpus.nvidia import find_nvidia_gpus

if TYPE_CHECKING:
    from energygate.measure.gpus.card import Gpu
    from energygate.measure.gpus.visible import Selection


def find_gpus(selection: Selection | None) -> tuple[Gpu, ...]:
    """Return the GPUs that a workload may use. Takes about half a second where there are any.

    Args:
        selection: Which ones; `None` for a workload that uses none (see `visible.selection_for`).

    Raises:
        MeasurementError: When the energy of a GPU cannot be read: a measurement without it would be wrong.
    """
    if selection is None:
        return ()
    nvidia, amd = find_nvidia_gpus(selection), find_amd_gpus(selection)
    if nvidia and amd:
        raise MeasurementError(
            "this machine has GPUs of NVIDIA and of AMD; codecarbon gives both the same numbers, so their energy "
            "cannot be separated",
            hint="Uninstall amdsmi from energygate's environment to measure the NVIDIA ones",
        )
    return nvidia or amd
