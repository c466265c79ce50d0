"""An independent reader of NVIDIA GPUs: it uses the driver's library directly, without energygate and codecarbon."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.measure.gpus.card import Gpu


class NvmlReference:
    """Reads the GPUs without energygate and codecarbon."""

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        import pynvml

        pynvml.nvmlInit()
        self._nvml = pynvml
        self._handles = [pynvml.nvmlDeviceGetHandleByIndex(gpu.index) for gpu in gpus]

    def joules(self) -> float:
        """Return the sum of the counters."""
        return sum(self._nvml.nvmlDeviceGetTotalEnergyConsumption(one) for one in self._handles) / 1000

    def watts(self) -> float:
        """Return the sum of the power sensors."""
        return sum(self._nvml.nvmlDeviceGetPowerUsage(one) for one in self._handles) / 1000

    def driver(self) -> str:
        """The driver's version."""
        version = self._nvml.nvmlSystemGetDriverVersion()
        return version.decode() if isinstance(version, bytes) else version


@contextlib.contextmanager
def sampling(reference: NvmlReference, *, every_s: float) -> Iterator[list[float]]:
    """Sample the power while this lasts; the list fills with watts."""
    watts: list[float] = []
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            watts.append(reference.watts())
            done.wait(every_s)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield watts
    finally:
        done.set()
        thread.join()


def idle_watts(reference: NvmlReference, *, windows: int = 5, window_s: float = 1.0) -> float:
    """Return the median power of the idle GPUs."""
    found = []
    for _ in range(windows):
        before, started = reference.joules(), time.perf_counter()
        time.sleep(window_s)
        found.append((reference.joules() - before) / (time.perf_counter() - started))
    return statistics.median(found)
