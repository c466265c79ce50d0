"""GPUs' energy counters: how often they move, and whether they still do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.measure.gpus.nvml import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from energygate.measure.gpus.card import Gpu

MOVES = 4
"""How many moves of a counter its period is taken from: four of 100 ms are 0.4 s."""

TIMEOUT_NS = 2_000_000_000
"""Twenty periods of the slowest counters known, which move every 100 ms."""

POLL_SECONDS = 0.000_5


def counter_period_ns(
    read: Callable[[], int],
    clock: Callable[[], int] = time.perf_counter_ns,
    *,
    pause: Callable[[], None] = lambda: time.sleep(POLL_SECONDS),
) -> int | None:
    """Find a counter's update period by looking at it until it has moved `MOVES` times.

    Args:
        read: The counter.
        clock: A clock in ns.
        pause: Lets time pass between two looks.

    Returns:
        The mean time between moves in ns: a counter that skips some when little happens is given the longer period.
        `None` when it did not move for `TIMEOUT_NS`.
    """
    value, began_ns = read(), clock()
    moved_ns: list[int] = []
    while len(moved_ns) <= MOVES and clock() - began_ns < TIMEOUT_NS:
        pause()
        if (now := read()) != value:
            value = now
            moved_ns.append(clock())
    if not moved_ns:
        return None
    if len(moved_ns) == 1:
        return TIMEOUT_NS
    return (moved_ns[-1] - moved_ns[0]) // (len(moved_ns) - 1)


class GpuWatch:
    """Looks at every GPU itself before and after a window, and lets windows begin and end where a counter moves.

    codecarbon takes the energy of a GPU that was lost, or whose counter failed or ran backwards, from power
    samples, and from none at all as 0 J: a window on such a GPU would look like a saving.

    A counter that moves every 100 ms is wrong by up to 10 % about a window of 1 s that begins and ends anywhere,
    by 4 % on average. So a window begins just after the slowest counter has moved, and is read just after it has
    moved again.

    Args:
        gpus: NVIDIA GPUs, as `find_nvidia_gpus` found them.
    """

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        import pynvml

        pynvml.nvmlInit()  # it counts: codecarbon's own use goes on, and opening it once keeps windows short
        self._nvml = pynvml
        self._gpus = gpus
        counted = [gpu for gpu in gpus if gpu.has_counter]
        self._slowest = max(counted, key=lambda gpu: gpu.period_ns) if counted else None
        self._before: list[int] = []

    def begin(self) -> None:
        """Wait until the slowest counter has moved, and look before a window.

        Raises:
            MeasurementError: When a GPU cannot be read, or its counter stands still.
        """
        self.await_move()
        self._before = list(self._read())

    def await_move(self) -> int:
        """Wait until the slowest counter has moved; returns how long that took, in ns.

        Raises:
            MeasurementError: When it cannot be read, or stands still.
        """
        began_ns = time.perf_counter_ns()
        gpu = self._slowest
        if gpu is None:
            return 0
        value = self._counter(gpu)
        while True:
            # The time before the look: in between everything may be paused.
            waited_ns = time.perf_counter_ns() - began_ns
            if self._counter(gpu) != value:
                return time.perf_counter_ns() - began_ns
            if waited_ns > TIMEOUT_NS:
                raise MeasurementError(
                    f"the energy counter of {gpu.called} stood still for {TIMEOUT_NS / 1e9:g} s"
                )
            time.sleep(POLL_SECONDS)

    def end(self) -> float:
        """Look after a window; returns the joules that the counters moved by.

        Raises:
            MeasurementError: When a GPU cannot be read, or its counter stood still or ran backwards.
        """
        moved = [after - before for before, after in zip(self._before, self._read(), strict=True)]
        for gpu, millijoules in zip(self._gpus, moved, strict=True):
            if gpu.has_counter and millijoules <= 0:
                deed = "ran backwards: it was reset" if millijoules else "stood still"
                raise MeasurementError(f"the energy counter of {gpu.called} {deed} within a window")
        return sum(moved) / 1000

    def _read(self) -> Iterator[int]:
        """Each counter in mJ; 0 for a GPU without one whose power can be read."""
        for gpu in self._gpus:
            if gpu.has_counter:
                yield self._counter(gpu)
                continue
            with asking(gpu.called):
                self._nvml.nvmlDeviceGetPowerUsage(self._nvml.nvmlDeviceGetHandleByIndex(gpu.index))
            yield 0

    def _counter(self, gpu: Gpu) -> int:
        with asking(gpu.called):
            handle = self._nvml.nvmlDeviceGetHandleByIndex(gpu.index)
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
