"""The counters themselves: RAPL's domains, and NVIDIA's GPUs. They are the ones that a check's meter reads.

codecarbon, which reads them for a check, is not loaded here: it brings pandas along, and its tasks leave a gap between
each other. Nothing falls between two looks at a counter that only ever counts.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pynvml

from energygate.errors import MeasurementError
from energygate.measure.gpus.nvml import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.measure.gpus.card import Gpu
    from energygate.measure.meters.rapl import Domain


class RaplCounter:
    """Counters of packages and memory.

    Args:
        domains: Each once.
        clock: A clock in ns.
    """

    def __init__(self, domains: Sequence[Domain], *, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._domains = domains
        self._clock = clock
        self._seen_ns = 0
        self._values: list[float] = []

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._seen_ns, self._values = self._clock(), [domain.read() for domain in self._domains]

    def moved(self) -> tuple[float, float]:
        """Joules since the last look; a reset counter is looked at anew, and what it lost is lost."""
        now_ns, values = self._clock(), [domain.read() for domain in self._domains]
        before, seconds = self._values, (now_ns - self._seen_ns) * 1e-9
        self._seen_ns, self._values = now_ns, values
        joules = math.fsum(
            domain.moved(earlier, later, seconds=seconds)
            for domain, earlier, later in zip(self._domains, before, values, strict=True)
        )
        most = math.fsum(domain.max_watts for domain in self._domains) * seconds
        if joules > most > 0:
            raise MeasurementError(
                f"the RAPL counters say {joules:.4g} J for {seconds:.3g} s, which is more than the processor can draw"
            )
        return joules, seconds


class NvidiaCounter:
    """Energy counters of NVIDIA GPUs; power, taken to last since the last look, where a GPU has no counter.

    Args:
        gpus: As `find_gpus` found them.
        clock: A clock in ns.
    """

    def __init__(self, gpus: Sequence[Gpu], *, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        pynvml.nvmlInit()
        self._nvml = pynvml
        self._gpus = gpus
        self._clock = clock
        self._seen_ns = 0
        self._joules: list[float] = []

    def begin(self) -> None:
        """OwnUsage for the first time."""
        self._seen_ns, self._joules = self._clock(), [self._counter(gpu) for gpu in self._gpus]

    def moved(self) -> tuple[float, float]:
        """Joules since the last look; a reset counter is looked at anew, and what it lost is lost."""
        now_ns, joules = self._clock(), [self._counter(gpu) for gpu in self._gpus]
        before, seconds = self._joules, (now_ns - self._seen_ns) * 1e-9
        sampled = math.fsum(self._watts(gpu) * seconds for gpu in self._gpus if not gpu.has_counter)
        self._seen_ns, self._joules = now_ns, joules
        for gpu, earlier, later in zip(self._gpus, before, joules, strict=True):
            if later < earlier:
                raise MeasurementError(f"the energy counter of {gpu.called} ran backwards: it was reset")
        return math.fsum(joules) - math.fsum(before) + sampled, seconds

    def _counter(self, gpu: Gpu) -> float:
        if not gpu.has_counter:
            return 0.0
        with asking(gpu.called):
            handle = self._nvml.nvmlDeviceGetHandleByIndex(gpu.index)
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000

    def _watts(self, gpu: Gpu) -> float:
        with asking(gpu.called):
            handle = self._nvml.nvmlDeviceGetHandleByIndex(gpu.index)
            return int(self._nvml.nvmlDeviceGetPowerUsage(handle)) / 1000
