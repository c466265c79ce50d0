"""The energy counters of RAPL's domains and of NVIDIA's GPUs, the same that a check's meter reads.

codecarbon, which reads them for a check, is not loaded here: it imports pandas, and its tasks leave gaps between each
other. Between two readings of a counter nothing is lost.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pynvml

from energygate.errors import MeasurementError
from energygate.measure.gpus.nvml import nvml_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.meters.rapl import Domain


class RaplCounter:
    """Counters of packages and memory.

    Args:
        domains: The counters, each once.
        clock: A clock in ns.
    """

    def __init__(self, domains: Sequence[Domain], *, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._domains = domains
        self._clock = clock
        self._last: tuple[int, list[float]] = 0, []

    def begin(self) -> None:
        """Take the first reading."""
        self._last = self._clock(), [domain.read() for domain in self._domains]

    def growth(self) -> tuple[float, float]:
        """Return joules and seconds since the last reading; after a reset, lost joules stay lost."""
        before_ns, before = self._last
        self.begin()
        now_ns, now = self._last
        seconds = (now_ns - before_ns) * 1e-9
        joules = math.fsum(
            domain.difference(earlier, later, seconds=seconds)
            for domain, earlier, later in zip(self._domains, before, now, strict=True)
        )
        max_joules = math.fsum(domain.max_watts for domain in self._domains) * seconds
        if joules > max_joules > 0:
            raise MeasurementError(
                f"the RAPL counters show {joules:.4g} J in {seconds:.3g} s, more than the processor can draw"
            )
        return joules, seconds


class NvidiaCounter:
    """Energy counters of NVIDIA GPUs. Where a GPU has none, its power counts as constant since the last reading.

    Args:
        gpus: From `find_gpus`.
        clock: A clock in ns.
    """

    def __init__(self, gpus: Sequence[Gpu], *, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        pynvml.nvmlInit()
        self._gpus = gpus
        self._clock = clock
        self._last: tuple[int, list[float]] = 0, []

    def begin(self) -> None:
        """Take the first reading."""
        counters = pynvml.nvmlDeviceGetTotalEnergyConsumption
        self._last = self._clock(), [_read_milli(gpu, counters) if gpu.has_counter else 0.0 for gpu in self._gpus]

    def growth(self) -> tuple[float, float]:
        """Return joules and seconds since the last reading; after a reset, lost joules stay lost."""
        power = pynvml.nvmlDeviceGetPowerUsage
        watts = math.fsum(_read_milli(gpu, power) for gpu in self._gpus if not gpu.has_counter)
        before_ns, before = self._last
        self.begin()
        now_ns, now = self._last
        seconds = (now_ns - before_ns) * 1e-9
        for gpu, earlier, later in zip(self._gpus, before, now, strict=True):
            if later < earlier:
                raise MeasurementError(f"the energy counter of {gpu.label} ran backwards: it was reset")
        return math.fsum(now) - math.fsum(before) + watts * seconds, seconds


def _read_milli(gpu: Gpu, query: Callable[[Any], int]) -> float:
    """Return what NVML has in millijoules or milliwatts, in joules or watts."""
    with nvml_errors(gpu.label):
        return int(query(pynvml.nvmlDeviceGetHandleByIndex(gpu.index))) / 1000
