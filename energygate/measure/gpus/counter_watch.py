"""Energy counters of NVIDIA GPUs: their update period, and checks around every window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.nvml import nvml_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from energygate.measure.gpus.card import Gpu

UPDATES = 4
"""Updates from which a counter's period is determined: at 100 ms they take 0.4 s."""

TIMEOUT_NS = 2_000_000_000
"""Twenty periods of the slowest counters known, which are updated every 100 ms."""

POLL_SECONDS = 0.000_5


def counter_period_ns(
    read: Callable[[], int],
    clock: Callable[[], int] = time.perf_counter_ns,
    *,
    pause: Callable[[], None] = lambda: time.sleep(POLL_SECONDS),
) -> int | None:
    """Return a counter's update period, from `UPDATES` updates.

    Args:
        read: Reads the counter.
        clock: A clock in ns.
        pause: Waits between two reads.

    Returns:
        The mean time between updates in ns, skipped ones included; `None` when there was none for `TIMEOUT_NS`.
    """
    value, began_ns = read(), clock()
    updated_ns: list[int] = []
    while len(updated_ns) <= UPDATES and clock() - began_ns < TIMEOUT_NS:
        pause()
        if (now := read()) != value:
            value = now
            updated_ns.append(clock())
    if not updated_ns:
        return None
    if len(updated_ns) == 1:
        return TIMEOUT_NS
    return (updated_ns[-1] - updated_ns[0]) // (len(updated_ns) - 1)


class GpuWatch:
    """Reads every GPU before and after a window, and aligns windows with the updates of the slowest counter.

    When a GPU is lost, or its counter fails or runs backwards, codecarbon falls back on power samples, and without
    any reports 0 J: such a window would look like a saving.

    A counter that is updated every 100 ms is off by up to 10 %, 4 % on average, for a window of 1 s that begins and
    ends at any time. So a window begins just after an update of the slowest counter, and is read just after another.

    Args:
        gpus: NVIDIA GPUs, from `find_nvidia_gpus`.
    """

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        import pynvml

        pynvml.nvmlInit()  # reference-counted, so codecarbon's own use goes on; initialising once keeps windows short
        self._nvml = pynvml
        self._gpus = gpus
        with_counter = [gpu for gpu in gpus if gpu.has_counter]
        self._slowest = max(with_counter, key=lambda gpu: gpu.period_ns, default=None)
        self._before: list[int] = []

    def begin(self) -> None:
        """Wait for an update of the slowest counter, and read all before a window.

        Raises:
            MeasurementError: When a GPU cannot be read, or its counter is not updated.
        """
        self.await_update()
        self._before = list(self._read())

    def await_update(self) -> int:
        """Wait for an update of the slowest counter; return how long that took, in ns.

        Raises:
            MeasurementError: When it cannot be read, or is not updated.
        """
        began_ns = time.perf_counter_ns()
        gpu = self._slowest
        if gpu is None:
            return 0
        value = self._counter(gpu)
        while True:
            # Taken before the read: the machine may be paused in between.
            waited_ns = time.perf_counter_ns() - began_ns
            if self._counter(gpu) != value:
                return time.perf_counter_ns() - began_ns
            if waited_ns > TIMEOUT_NS:
                raise MeasurementError(f"the energy counter of {gpu.label} did not change for {TIMEOUT_NS / 1e9:g} s")
            time.sleep(POLL_SECONDS)

    def end(self) -> float:
        """Read all after a window; return the joules that were counted.

        Raises:
            MeasurementError: When a GPU cannot be read, or its counter did not change or ran backwards.
        """
        differences = [after - before for before, after in zip(self._before, self._read(), strict=True)]
        for gpu, millijoules in zip(self._gpus, differences, strict=True):
            if gpu.has_counter and millijoules <= 0:
                fault = "ran backwards: it was reset" if millijoules else "did not change"
                raise MeasurementError(f"the energy counter of {gpu.label} {fault} within a window")
        return sum(differences) / 1000

    def _read(self) -> Iterator[int]:
        """Yield each counter in mJ; 0 for a GPU without one, whose power must be readable."""
        for gpu in self._gpus:
            if gpu.has_counter:
                yield self._counter(gpu)
                continue
            with nvml_errors(gpu.label):
                self._nvml.nvmlDeviceGetPowerUsage(self._nvml.nvmlDeviceGetHandleByIndex(gpu.index))
            yield 0

    def _counter(self, gpu: Gpu) -> int:
        with nvml_errors(gpu.label):
            handle = self._nvml.nvmlDeviceGetHandleByIndex(gpu.index)
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
