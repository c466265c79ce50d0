"""Wait for GPUs: work that a request has only queued there belongs to its window."""

from __future__ import annotations

import sys

from .errors import WorkloadError, describe_error

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


def synchronise() -> bool:
    """Wait until every GPU that torch or cupy uses in this process has finished its work.

    Without either, this is two look-ups, below 1 µs. onnxruntime's `run` returns only when the answer is there; if a
    callable gives it a stream of torch or cupy, waiting for the device waits for that stream too.

    Returns:
        Whether there was a GPU to wait for.

    Raises:
        WorkloadError: When queued work has failed.
    """
    modules = sys.modules
    waited = False
    if "torch" in modules:
        waited = _wait("torch", _wait_for_torch, modules["torch"])
    if "cupy" in modules:
        waited = _wait("cupy", _wait_for_cupy, modules["cupy"]) or waited
    return waited


def _wait(name: str, wait: Any, module: Any) -> bool:
    try:
        return bool(wait(module))
    except Exception as error:
        raise WorkloadError("work that %s had queued on the GPU %s" % (name, describe_error(error))) from error


def _wait_for_torch(torch: Any) -> bool:
    cuda = getattr(torch, "cuda", None)  # it may be partly imported, or another module of that name
    if cuda is None or not hasattr(cuda, "is_initialized") or not cuda.is_initialized():
        return False
    in_use = getattr(getattr(torch, "_C", None), "_cuda_hasPrimaryContext", None)
    if in_use is None:
        cuda.synchronize()
        return True
    for device in range(cuda.device_count()):
        if in_use(device):  # waiting for an unused device would allocate memory on it
            cuda.synchronize(device)
    return True


def _wait_for_cupy(cupy: Any) -> bool:
    available = getattr(cupy, "is_available", None)
    if available is None or not available():  # cupy can be imported without a GPU
        return False
    cupy.cuda.runtime.deviceSynchronize()
    return True
