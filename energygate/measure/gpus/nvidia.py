"""The machine's NVIDIA GPUs, from NVML: what can be read of each, and which other processes use it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError
from energygate.measure.gpus.card import MAX_WATTS, POWER_SAMPLES, SAMPLE_PERIOD_NS, SAMPLES_UNCERTAINTY, Gpu, ListedGpu
from energygate.measure.gpus.counter_watch import TIMEOUT_NS, counter_period_ns
from energygate.measure.gpus.nvml import nvml_errors, opened
from energygate.measure.gpus.visible import chosen

if TYPE_CHECKING:
    from energygate.measure.gpus.visible import Selection


def find_nvidia_gpus(selection: Selection) -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs that a workload may use. Takes about half a second where there are any.

    Raises:
        MeasurementError: When the energy of a GPU cannot be read: a measurement without it would be wrong.
    """
    if selection.visible is not None and not selection.visible.strip():
        return ()
    with opened() as nvml:
        return () if nvml is None else _found(nvml, selection)


def _found(nvml: Any, selection: Selection) -> tuple[Gpu, ...]:  # noqa: ANN401 - a module without types
    listed = []
    for index in range(nvml.nvmlDeviceGetCount()):
        with nvml_errors(f"GPU {index}"):
            listed.append(_listed(nvml, index))
    periods: dict[str, int] = {}  # the same for all GPUs of one model
    gpus = []
    for index in chosen(listed, selection):
        gpu = next(one for one in listed if one.index == index)
        with nvml_errors(gpu.label):
            gpus.append(_described(nvml, gpu, periods))
    return tuple(gpus)


def _listed(nvml: Any, index: int) -> ListedGpu:  # noqa: ANN401
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    instances = []
    if _has_mig(nvml, handle):
        for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            try:
                instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
            except nvml.NVMLError_NotFound:
                continue
            instances.append(_text(nvml.nvmlDeviceGetUUID(instance)))
    return ListedGpu(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        name=_text(nvml.nvmlDeviceGetName(handle)),
        mig_uuids=tuple(instances),
    )


def _described(nvml: Any, gpu: ListedGpu, periods: dict[str, int]) -> Gpu:  # noqa: ANN401
    handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
    about: dict[str, Any] = {
        **vars(gpu),
        "max_watts": _limit_watts(nvml, handle),
        "mig": _has_mig(nvml, handle),
        "shared_with": _other_processes(nvml, handle),
    }
    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError_NotSupported:
        return _sampled(nvml, handle, about)
    if gpu.name not in periods:
        period_ns = counter_period_ns(lambda: int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)))
        if period_ns is None:
            raise MeasurementError(
                f"the energy counter of {gpu.label} did not change for {TIMEOUT_NS / 1e9:g} s",
                hint="Restart the machine, or hide the GPU with CUDA_VISIBLE_DEVICES if it is not used",
            )
        periods[gpu.name] = period_ns
    return Gpu(period_ns=periods[gpu.name], **about)


def _sampled(nvml: Any, handle: Any, about: dict[str, Any]) -> Gpu:  # noqa: ANN401
    try:
        nvml.nvmlDeviceGetPowerUsage(handle)
    except nvml.NVMLError_NotSupported:
        raise MeasurementError(
            f"GPU {about['index']} ({about['name']}) reports neither energy nor power",
            hint="Hide it with CUDA_VISIBLE_DEVICES if the workload does not use it",
        ) from None
    return Gpu(
        period_ns=SAMPLE_PERIOD_NS,
        has_counter=False,
        source=POWER_SAMPLES,
        citation="NVIDIA NVML, nvmlDeviceGetPowerUsage",
        uncertainty=SAMPLES_UNCERTAINTY,
        **about,
    )


def _limit_watts(nvml: Any, handle: Any) -> float:  # noqa: ANN401
    try:
        return float(nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return MAX_WATTS


def _has_mig(nvml: Any, handle: Any) -> bool:  # noqa: ANN401
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return False  # GPUs or drivers from before MIG


def _other_processes(nvml: Any, handle: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Return the processes that compute on a GPU and are not this one or its descendants."""
    import psutil

    try:
        pids = {process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NoPermission):
        return ()
    if not pids:
        return ()
    ours = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    return tuple(sorted(pids - ours))


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
