"""The machine's AMD GPUs, as codecarbon reads them through AMD SMI."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError
from energygate.extras import require
from energygate.measure.gpus.card import MAX_WATTS, SAMPLE_PERIOD_NS, SAMPLES_UNCERTAINTY, Gpu
from energygate.measure.gpus.counter_watch import TIMEOUT_NS, counter_period_ns
from energygate.measure.gpus.visible import chosen_rocm

if TYPE_CHECKING:
    from energygate.measure.gpus.visible import Selection

COUNTER = "AMD SMI"
POWER_SAMPLES = "AMD SMI power, sampled once a second"

COUNTER_UNCERTAINTY = 0.10
"""Assumed, twice NVIDIA's: AMD states none, and older ROCm releases misreport energy (ROCm/amdsmi issues 22, 38)."""

KERNEL_DRIVER = Path("/dev/kfd")
"""The device file through which ROCm uses the GPUs."""

MAX_GPUS = 64


def find_amd_gpus(selection: Selection) -> tuple[Gpu, ...]:
    """Return the AMD GPUs that a workload may use; empty where ROCm's `amdsmi` package is not installed.

    Raises:
        UsageError: When codecarbon is not installed.
        MeasurementError: When the energy of a GPU cannot be read.
    """
    if importlib.util.find_spec("amdsmi") is None:
        if shutil.which("rocm-smi"):
            _expect_no_device(selection, "codecarbon needs the amdsmi package to read its energy")
        return ()
    require("measure", purpose="reading AMD's GPUs")
    try:
        from codecarbon.core.gpu import AllGPUDevices, AMDGPUDevice

        devices = [device for device in AllGPUDevices().devices if isinstance(device, AMDGPUDevice)]
    except Exception as error:  # noqa: BLE001 - amdsmi's exceptions can only be imported where it is installed
        raise MeasurementError(f"AMD's GPUs cannot be read: {error}", hint="Check that amd-smi works") from None
    if not devices:
        _expect_no_device(selection, "AMD SMI does not find it, so its energy cannot be read")
    return tuple(_described(devices[index]) for index in chosen_rocm(len(devices), selection))


def _expect_no_device(selection: Selection, reason: str) -> None:
    if KERNEL_DRIVER.exists() and chosen_rocm(MAX_GPUS, selection):
        raise MeasurementError(
            f"this machine has an AMD GPU, but {reason}",
            hint="Install the amdsmi of your ROCm release, or hide the GPU with HIP_VISIBLE_DEVICES=",
        )


def _described(device: Any) -> Gpu:  # noqa: ANN401 - codecarbon has no types
    about: dict[str, Any] = {
        "index": device.gpu_index,
        "uuid": device._uuid,  # noqa: SLF001 - its public method also reads the temperature
        "name": device._gpu_name,  # noqa: SLF001
        "max_watts": float(device._power_limit or MAX_WATTS),  # noqa: SLF001
        "citation": "AMD SMI library, amdsmi_get_energy_count and amdsmi_get_power_info",
        "shared_with": tuple(sorted(process["pid"] for process in device._get_compute_processes())),  # noqa: SLF001
    }
    if not device._has_counter:  # noqa: SLF001
        return Gpu(
            period_ns=SAMPLE_PERIOD_NS,
            has_counter=False,
            source=POWER_SAMPLES,
            uncertainty=SAMPLES_UNCERTAINTY,
            **about,
        )
    period_ns = counter_period_ns(lambda: int(device._get_total_energy_consumption() or 0))  # noqa: SLF001
    if period_ns is None:
        raise MeasurementError(
            f"the energy counter of GPU {device.gpu_index} ({device._gpu_name}) did not change for "  # noqa: SLF001
            f"{TIMEOUT_NS / 1e9:g} s",
            hint="On a card with two dies only the first one has a counter: select it with HIP_VISIBLE_DEVICES",
        )
    return Gpu(period_ns=period_ns, source=COUNTER, uncertainty=COUNTER_UNCERTAINTY, **about)
